"""Modules that the command line must not import: gevent patches the standard library, others cost seconds."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec

import pytest
from command_line import ROOT

pytestmark = pytest.mark.processes


def test_the_command_line_is_free_of_gevent() -> None:
    """Neither gevent nor Locust, which patches the standard library as it is imported, is in the parent process."""
    program = "import harness.cli.main, sys; print(sorted({'gevent', 'locust'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=True)

    assert done.stdout == "[]\n"


#: What takes long to import, and what patches.
HEAVY = {
    "aiohttp", "altair", "asyncio", "gevent", "jinja2", "junitparser", "kubernetes", "locust", "numpy", "pandas",
    "pydantic", "urllib3", "vl_convert", "yaml",
}  # fmt: skip
#: What checking an Experiment takes of these.
CHECKS = {"kubernetes", "pydantic", "urllib3", "yaml"}
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
    """Nobody waits for the instrument to be loaded who only asks what there is, or checks a file."""
    command = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    loaded = set(ast.literal_eval(done.stderr))

    assert loaded & HEAVY <= allowed


def test_every_heavy_module_is_there() -> None:
    """A module that is gone or has another name would make the test above pass for ever."""
    assert [name for name in sorted(HEAVY) if find_spec(name) is None] == []
