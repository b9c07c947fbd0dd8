"""``import harness`` is a small, typed library."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

import harness

ROOT = Path(__file__).parents[2]
#: Modules that cost start-up time or change the process, and that ``import harness`` must not load.
HEAVY = ("gevent", "locust", "pandas", "numpy", "kubernetes", "aiohttp", "asyncio", "pydantic", "jinja2")


class _EveryFifthFails(BaseHTTPRequestHandler):
    """Answer 503 to every fifth request."""

    count = 0

    def do_GET(self) -> None:
        """Answer one request."""
        type(self).count += 1
        self.send_response(503 if self.count % 5 == 0 else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a server that fails every fifth request."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EveryFifthFails) as server:
        thread = Thread(target=server.serve_forever, name="server")
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_every_public_name_is_there_and_typed() -> None:
    """``__all__``, the lazy table, and what type checkers see name the same things; each can be imported."""
    tree = ast.parse((ROOT / "harness/__init__.py").read_text())
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert set(harness.__all__) == seen == set(harness._HOME)
    assert all(getattr(harness, name) is not None for name in harness.__all__ if name != "LosslessUser")
    assert (ROOT / "harness/py.typed").exists()
    with pytest.raises(AttributeError, match="no attribute 'lossless'"):
        _ = harness.lossless


@pytest.mark.processes
def test_import_alone_loads_nothing_heavy() -> None:
    """The first use of a name pays for it, not the import."""
    code = f"import harness, sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.processes
def test_user_for_locustfiles_loads_no_runner() -> None:
    """A locustfile's process gets the user without asyncio or the orchestrator's threads."""
    shown = "print([name for name in sys.modules if name.startswith(('harness.runner', 'harness.cli', 'harness.api'))])"
    code = f"import sys; from harness import LosslessUser, TrafficPlan; {shown}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_invalid_experiment_raises_with_its_problems(tmp_path: Path) -> None:
    """Each problem has its file and line."""
    file = tmp_path / "wrong.yaml"
    file.write_text("name: wrong\nworkload: nowhere\nchanges: [none]\n")
    with pytest.raises(harness.InvalidInputError) as caught:
        harness.load(file)

    assert str(file) in str(caught.value)


def test_load_keeps_the_cells_that_are_asked_for() -> None:
    """A configuration's control stays with the change that was chosen."""
    demo = harness.load(ROOT / "experiments/demo.yaml", only={"configuration": ["graceful"], "change": ["delete-pod"]})

    assert [(cell.configuration.name, cell.change.name) for cell in demo.cells] == [
        ("graceful", "none"),
        ("graceful", "delete-pod"),
    ]


@pytest.mark.e2e
def test_watch_then_read_then_table(url: str, tmp_path: Path) -> None:
    """The verdict that is read is the one that was returned, and the table has one row per request."""
    result = harness.watch(url, seconds=2, rate=40, out=tmp_path / "watch")
    assert isinstance(result.verdict, harness.WatchVerdict)
    table = harness.attempts(result.directory)
    lost = table[table["outcome"] != "ok"]

    assert harness.read(result.directory) == result.verdict
    assert result.exit_code == 1
    assert len(table) == result.verdict.origins[0].trial.identity.sent
    assert len(lost) == len(table) // 5
    assert set(lost["status"]) == {503}
    assert table["sent_ns"].is_monotonic_increasing
    assert table["id"].is_unique


@pytest.mark.parametrize("seconds", [0, -1])
def test_watch_without_an_end_is_refused(seconds: float) -> None:
    """A library call that never returns is nobody's wish."""
    with pytest.raises(harness.InvalidInputError, match="more than 0"):
        harness.watch("http://127.0.0.1:9/", seconds=seconds)


def test_page_of_the_library_names_what_there_is() -> None:
    """Every ``harness.NAME`` of the page is public, and its Python parses."""
    page = (ROOT / "docs/how-to/use-the-library.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    trees = [ast.parse(block) for block in blocks]
    used = {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "harness"
    }

    assert len(blocks) == 4
    assert used >= {"load", "run", "watch", "read", "attempts"}
    assert used <= set(harness.__all__)
