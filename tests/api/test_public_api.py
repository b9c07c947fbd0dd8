"""``import harness`` is a small, typed library."""

from __future__ import annotations

import ast
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

import pytest

import harness
from harness.judging.starved import is_starved

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("tests.experiment.experiment_bench",)

ROOT = Path(__file__).parents[2]
#: Modules that cost start-up time or change the process, and that ``import harness`` must not load.
HEAVY = ("gevent", "locust", "pandas", "numpy", "kubernetes", "aiohttp", "asyncio", "pydantic", "jinja2")


class _EveryFifthFails(BaseHTTPRequestHandler):
    """Answer 503 to every fifth request."""

    count = 0
    lock = Lock()

    def do_GET(self) -> None:
        """Answer one request."""
        with self.lock:
            type(self).count += 1
            number = self.count
        self.send_response(503 if number % 5 == 0 else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""


class _Steady(_EveryFifthFails):
    """Answer 200 to every request."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Send 200 in place of any other status."""
        del code
        super().send_response(200, message)


class _Server(ThreadingHTTPServer):
    """A server that keeps new connections waiting while the machine is busy, in place of dropping them."""

    request_queue_size = 128


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a server that fails every fifth request."""
    yield from _serving(_EveryFifthFails)


@pytest.fixture
def steady_url() -> Iterator[str]:
    """The address of a server that answers every request."""
    yield from _serving(_Steady)


def _serving(handler: type[_EveryFifthFails]) -> Iterator[str]:
    handler.count = 0
    with _Server(("127.0.0.1", 0), handler) as server:
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
    with pytest.raises(AttributeError, match="no attribute 'lossles'"):
        _ = harness.lossles


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


def test_load_checks_the_rules_of_the_cluster_that_is_to_run_it(bench: Bench) -> None:
    """The embedded cluster has a stand-in for an image that it lacks; a shared one refuses a cluster-scoped object."""
    apps = bench.folder / "apps.yaml"
    disk = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\n"
    text = apps.read_text().replace("hashicorp/http-echo:1.0", "registry.example/shop:1.2")
    apps.write_text(text)

    with pytest.raises(harness.InvalidInputError, match=r"/apple: registry\.example/shop:1\.2 does not run"):
        harness.load(bench.path)
    assert harness.load(bench.path, cluster="kind").name == "small"
    apps.write_text(f"{text}---\n{disk}")
    with pytest.raises(harness.InvalidInputError, match="PersistentVolume disk is cluster-scoped"):
        harness.load(bench.path, cluster="kind")


def test_load_keeps_the_cells_that_are_asked_for() -> None:
    """A configuration's control stays with the change that was chosen."""
    demo = harness.load(ROOT / "experiments/demo.yaml", only={"configuration": ["graceful"], "change": ["delete-pod"]})

    assert [(cell.configuration.name, cell.change.name) for cell in demo.cells] == [
        ("graceful", "none"),
        ("graceful", "delete-pod"),
    ]


def test_load_takes_one_name_for_a_list_of_one() -> None:
    """A text is a sequence of letters, which nobody means."""
    demo = harness.load(ROOT / "experiments/demo.yaml", only={"configuration": "graceful", "change": "delete-pod"})

    assert [(cell.configuration.name, cell.change.name) for cell in demo.cells] == [
        ("graceful", "none"),
        ("graceful", "delete-pod"),
    ]


@pytest.mark.e2e
def test_watch_then_read_then_table(url: str, tmp_path: Path) -> None:
    """The verdict that is read is the one that was returned, and the table has one row per request."""
    # The server is in this process, which may stand still for seconds.
    result = harness.watch(url, seconds=12, rate=10, timeout=100.0, out=tmp_path / "watch")
    assert isinstance(result.verdict, harness.WatchVerdict)
    table = harness.attempts(result.directory)
    sent = table[table["outcome"] != "missed"]
    lost = sent[sent["outcome"] != "ok"]

    assert harness.read(result.directory) == result.verdict
    assert result.exit_code == 1
    assert len(table) == result.verdict.origins[0].trial.identity.planned
    assert len(sent) == result.verdict.origins[0].trial.identity.sent
    assert len(lost) == len(sent) // 5
    assert set(lost["status"]) == {503}
    assert sent["sent_ns"].is_monotonic_increasing
    assert table["id"].is_unique


@pytest.mark.e2e
def test_a_block_without_a_loss_has_its_verdict(
    steady_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The traffic begins before the block and goes on in it; its account is there, wherever the block went."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    # A busy machine may make the traffic inconclusive; then the verdict must say so, and nothing else.
    is_busy = False
    try:
        # The server is in this process, which may stand still for seconds.
        with harness.lossless(
            steady_url, rate=100, baseline=0.2, settle=0.2, timeout=100.0, out=Path("out")
        ) as traffic:
            before = traffic.counts()
            monkeypatch.chdir(tmp_path / "elsewhere")
            traffic.wait_for(20)
            after = traffic.counts()
    except harness.InconclusiveError:
        is_busy = True

    assert before.sent > 0 or is_busy
    assert after.ok >= before.ok + 20
    assert traffic.result is not None
    assert harness.read(tmp_path / "out") == traffic.result.verdict
    verdict = traffic.result.verdict
    (origin,) = verdict.origins
    assert verdict.verdict is (harness.Verdict.INCONCLUSIVE if is_busy else harness.Verdict.LOSSLESS)
    assert is_busy is is_starved(origin.trial), origin.trial.findings
    assert verdict.identity.ok == verdict.identity.sent >= after.ok


@pytest.mark.e2e
def test_a_block_with_losses_fails_with_the_account(url: str, tmp_path: Path) -> None:
    """The error is a failed assertion, and names the losses and the report."""
    with (
        pytest.raises(AssertionError, match=r"of .* requests were lost") as caught,
        harness.lossless(url, rate=50, baseline=0.5, settle=0, out=tmp_path / "out") as traffic,
    ):
        traffic.wait_for(10)

    assert isinstance(caught.value, harness.UnexpectedVerdictError)
    assert caught.value.directory == tmp_path / "out"
    assert str(tmp_path / "out/index.html") in str(caught.value)
    assert "status" in caught.value.detail


def fail_after_ten_requests(traffic: harness.Traffic) -> None:
    """Raise an error when some requests were lost."""
    traffic.wait_for(10)
    raise KeyError("mine")


@pytest.mark.e2e
def test_the_error_of_a_block_is_raised_with_the_account(url: str, tmp_path: Path) -> None:
    """The block's own error stays the error, and the evidence is sealed all the same."""
    with (
        pytest.raises(KeyError) as caught,
        harness.lossless(url, rate=50, baseline=0.5, settle=0, out=tmp_path / "out") as traffic,
    ):
        fail_after_ten_requests(traffic)

    assert "lost" in "".join(caught.value.__notes__)
    assert harness.read(tmp_path / "out")


@pytest.mark.e2e
def test_a_block_does_not_run_without_traffic(tmp_path: Path) -> None:
    """A name that does not resolve gives no traffic, so the change in the block would not be observed."""
    ran = []
    with (
        pytest.raises(harness.InconclusiveError, match="proves nothing") as caught,
        harness.lossless("http://nowhere.invalid/", out=tmp_path / "out"),
    ):
        ran.append(True)

    assert ran == []
    assert not isinstance(caught.value, AssertionError)
    assert "nowhere.invalid" in str(caught.value)


@pytest.mark.parametrize(("baseline", "settle"), [(-1.0, 0.0), (0.0, -0.1), (math.nan, 0.0), (0.0, math.inf)])
def test_a_block_refuses_times_that_no_clock_has(baseline: float, settle: float) -> None:
    """Nothing is started."""
    with (
        pytest.raises(harness.InvalidInputError, match="at least 0"),
        harness.lossless("http://127.0.0.1:9/", baseline=baseline, settle=settle),
    ):
        pass


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf])
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

    assert len(blocks) == 5
    assert used >= {"load", "run", "watch", "lossless", "read", "attempts"}
    assert used <= set(harness.__all__)
