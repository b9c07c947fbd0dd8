"""The command line imports neither gevent, which patches the standard library, nor slow modules without need."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec

import pytest
from command_line import ROOT

pytestmark = pytest.mark.processes


def test_the_command_line_is_free_of_gevent() -> None:
    """With every command imported, neither gevent nor Locust is loaded: both patch the standard library."""
    program = (
        "import sys\n"
        "from harness.cli.commands import COMMANDS, LazyCommand\n"
        "names = [LazyCommand(each).load().name for each in COMMANDS]\n"
        "print(len(names) == len(COMMANDS), sorted({'gevent', 'locust'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=True)

    assert done.stdout == "True []\n"


#: Slow modules, and those that patch the standard library.
HEAVY = {
    "aiohttp", "altair", "asyncio", "gevent", "jinja2", "junitparser", "kubernetes", "locust", "numpy", "pandas",
    "pydantic", "urllib3", "vl_convert", "yaml",
}  # fmt: skip
#: Modules of these that the check of an Experiment needs.
CHECKS = {"pydantic", "yaml"}
PROGRAM = """
import sys
sys.argv = ["harness", *sys.argv[1:]]
import harness.cli.main
code = harness.cli.main._run()
print(sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["--version"], set()),
        (["--help"], set()),
        (["validate", str(ROOT / "experiments" / "demo.yaml")], CHECKS),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_imports_what_it_needs(words: list[str], allowed: set[str]) -> None:
    """``--version``, ``--help`` and ``validate`` load no slow module without need."""
    command = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    loaded = set(ast.literal_eval(done.stderr))

    assert loaded & HEAVY <= allowed


def test_every_heavy_module_exists() -> None:
    """A misspelt module would make the test above pass always."""
    assert [name for name in sorted(HEAVY) if find_spec(name) is None] == []
