"""Children that are forked off a server behave as programs do: their own code, log, signals, state and end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.errors import HarnessError
from harness.kit.forkserver import ForkServerProcess, ForkServers, Template
from harness.kit.guardian import MARK, start_ticks
from harness.kit.leftovers import left_over_processes
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until

pytestmark = pytest.mark.processes

HERE = str(Path(__file__).parent)


def template(function: str = "report", module: str = "forkable") -> Template:
    """Return a template for a module in this folder."""
    return Template(
        name=f"{module}-{function}",
        modules=(module,),
        entry=f"forkable:{function}",
        title="forkable",
        environment={"PYTHONPATH": f"{HERE}:{Path.cwd()}", "ONLY_SERVER": "1"},
    )


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[ForkServers]:
    """Return the fork servers of a test."""
    with ForkServers(tmp_path / "servers") as running:
        yield running


def spawn(server: ForkServerProcess, tmp_path: Path, *args: str, **more: Any) -> ManagedProcess:
    """Start a child of the server."""
    argv = [sys.executable, "-m", "forkable", *args]
    return server.spawn(argv, name="the child", log=tmp_path / "log", **more)


def pids_in(path: Path) -> list[int]:
    """Return the process ids in a file. Wait until it exists."""
    wait_until(path.exists, timeout=60, what=path.name)
    return [int(word) for word in path.read_text().split()]


def gone(pid: int) -> bool:
    """Return True if the process has ended or is a zombie."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def reports(log: Path) -> list[dict[str, Any]]:
    """Return the reports of children in a log."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_child_is_as_a_fresh_program_would_be(servers: ForkServers, tmp_path: Path) -> None:
    """Arguments, environment, folder, descriptors, signals and logging are its own; only the import is the server's."""
    server = servers.of(template())
    before = time.monotonic()
    for code in ("0", "3"):
        with spawn(server, tmp_path, code, env={"ONLY_CHILD": "1"}) as child:
            assert child.wait(60) == int(code)
            assert child.returncode == int(code)
    first, second = reports(tmp_path / "log")

    assert {first["imported_by"], second["imported_by"]} == {server.pid}
    assert first["argv"] == ["forkable", "0"]
    assert set(first["environment"]) == {"ONLY_CHILD", MARK}
    assert first["environment"] != second["environment"], "each has its own guardian's mark"
    assert first["folder"] == str(Path.cwd())
    assert set(first["descriptors"]) == {"0", "1", "2"}
    assert first["descriptors"]["0"] == os.devnull
    assert first["descriptors"]["1"] == str(tmp_path / "log")
    assert (first["wakeup"], first["log_handlers"], first["threads"]) == (-1, 0, 1)
    assert "SIG_DFL" in first["handlers"]["SIGTERM"]
    assert "SIG_DFL" in first["handlers"]["SIGCHLD"]
    assert "default_int_handler" in first["handlers"]["SIGINT"]
    assert before < first["monotonic"] < second["monotonic"] < time.monotonic()
    assert first["title"] == "forkable"
    assert Path(f"/proc/{server.pid}/comm").read_text() == "fork-server\n"


def test_children_draw_other_random_numbers(servers: ForkServers, tmp_path: Path) -> None:
    """Neither Python's nor numpy's generator goes on from the state of the server."""
    server = servers.of(template())
    for _ in range(3):
        with spawn(server, tmp_path, "0") as child:
            child.wait(60)
    drawn = [number for each in reports(tmp_path / "log") for number in each["random"]]

    assert len(set(drawn)) == 6


def test_lines_reach_the_child(servers: ForkServers, tmp_path: Path) -> None:
    """Its input is a pipe."""
    with spawn(servers.of(template("echo")), tmp_path, stdin_pipe=True) as child:
        child.write_line("hello")
        wait_until(lambda: "got hello" in child.tail(), timeout=60, what="an answer")


def test_a_failure_is_a_traceback_and_a_code(servers: ForkServers, tmp_path: Path) -> None:
    """As with any program; nothing of it reaches the server, which goes on."""
    server = servers.of(template("fail"))
    for _ in range(2):
        with spawn(server, tmp_path) as child:
            assert child.wait(60) == 1
    assert child.tail().count("ZeroDivisionError: of all things") == 2


def test_what_is_written_last_is_in_the_log(servers: ForkServers, tmp_path: Path) -> None:
    """Streams are flushed at its end, and the text of ``sys.exit`` is an error message."""
    with spawn(servers.of(template("leave")), tmp_path) as child:
        assert child.wait(60) == 1
    assert set(child.tail().splitlines()) == {"last words", "a reason"}


def test_a_descriptor_can_be_given(servers: ForkServers, tmp_path: Path) -> None:
    """The child holds a copy, and neither its guardian nor the server keeps one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with spawn(servers.of(template("hold")), tmp_path, pass_fds=(listener.fileno(),)) as child:
            child.wait(60)
    assert json.loads(child.tail()) == [1, 1]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_polite_child_ends_by_sigterm(servers: ForkServers, tmp_path: Path) -> None:
    """SIGTERM comes first, and its code is reported."""
    with spawn(servers.of(template("polite")), tmp_path, str(tmp_path / "up")) as child:
        wait_until((tmp_path / "up").exists, timeout=60, what="the child")
        assert child.stop(terminate_after=60) == 5


def test_a_stubborn_child_and_what_is_below_it_are_killed(servers: ForkServers, tmp_path: Path) -> None:
    """Also what it has forked itself; another child of the server stays."""
    with (
        spawn(servers.of(template("stubborn")), tmp_path, str(tmp_path / "one")) as child,
        spawn(servers.of(template("sleep")), tmp_path, str(tmp_path / "other")) as other,
    ):
        pids = pids_in(tmp_path / "one")
        others = pids_in(tmp_path / "other")
        assert child.stop(terminate_after=0.2) == -signal.SIGKILL
        assert all(map(gone, pids))
        assert other.alive()
        assert not any(map(gone, others))


def test_a_child_that_is_killed_is_reported_as_killed(servers: ForkServers, tmp_path: Path) -> None:
    """As a program that dies of a signal, and what it has forked goes with it."""
    with spawn(servers.of(template("sleep")), tmp_path, str(tmp_path / "pids")) as child:
        pids = pids_in(tmp_path / "pids")
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
        assert all(map(gone, pids))


def test_a_server_that_dies_takes_its_children_along_and_says_so(servers: ForkServers, tmp_path: Path) -> None:
    """No hang, nothing left behind, the cause in the child's log; the next child has a new server."""
    server = servers.of(template("sleep"))
    with spawn(server, tmp_path, str(tmp_path / "pids")) as child:
        pids = pids_in(tmp_path / "pids")
        os.kill(server.pid, signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
        wait_until(lambda: all(map(gone, pids)), timeout=60, what="the end of what was forked")
        assert f"its fork server (process {server.pid}) has ended" in child.tail()
    with pytest.raises(HarnessError, match=r"The fork server \(forkable-sleep\) ended by itself"):
        spawn(server, tmp_path, str(tmp_path / "never"))
    replaced = servers.of(template("sleep"))
    assert replaced.pid != server.pid
    with spawn(replaced, tmp_path, str(tmp_path / "again")):
        assert pids_in(tmp_path / "again")


def test_the_cause_does_not_depend_on_who_kills_the_child(servers: ForkServers, tmp_path: Path) -> None:
    """The child's own guardian kills it before the server's guardian, which is stopped here, can kill both."""
    server = servers.of(template("sleep"))
    with spawn(server, tmp_path, str(tmp_path / "pids")) as child:
        assert pids_in(tmp_path / "pids")
        owner = psutil.Process(server.pid).ppid()
        os.kill(owner, signal.SIGSTOP)
        try:
            os.kill(server.pid, signal.SIGKILL)
            assert child.wait(60) == -signal.SIGKILL
        finally:
            os.kill(owner, signal.SIGCONT)
        assert f"its fork server (process {server.pid}) has ended" in child.tail()


def test_a_guardian_that_is_killed_ends_its_child(servers: ForkServers, tmp_path: Path) -> None:
    """The child has nobody that would clean up after it, so it ends; the log says why."""
    with spawn(servers.of(template("sleep")), tmp_path, str(tmp_path / "pids")) as child:
        first, _ = pids_in(tmp_path / "pids")
        os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
        wait_until(lambda: gone(first), timeout=60, what="the end of the child")
        assert "its guardian was killed" in child.tail()


HOLDER = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from test_forkserver import spawn, template
from harness.kit.forkserver import ForkServers
with ForkServers(pathlib.Path(sys.argv[2]) / "servers") as servers:
    server = servers.of(template("stubborn"))
    spawn(server, pathlib.Path(sys.argv[2]), sys.argv[2] + "/pids")
    print(server.pid, flush=True)
    time.sleep(120)
"""


def test_kill_9_of_the_harness_leaves_nothing(tmp_path: Path) -> None:
    """Server, guardians, children and what they have forked are gone, and none is found as left over."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, HERE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    server = int(holder.stdout.readline())
    pids = [server, *pids_in(tmp_path / "pids")]
    pids.append(psutil.Process(pids[1]).ppid())
    holder.kill()
    holder.wait()
    holder.stdout.close()

    wait_until(lambda: all(map(gone, pids)), timeout=60, what="the end of all that was started")
    assert not {left.pid for left in left_over_processes()} & set(pids)


def test_a_forked_child_without_its_guardian_is_found(servers: ForkServers, tmp_path: Path) -> None:
    """The kernel shows the server's environment for it, and so the mark of the server's own guardian."""
    server = servers.of(template("sleep"))
    with spawn(server, tmp_path, str(tmp_path / "pids")):
        pid, _ = pids_in(tmp_path / "pids")
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        owner = psutil.Process(server.pid).ppid()
        assert f"{MARK}={owner}.{start_ticks(owner)}".encode() in environment


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("forkable_threaded", "it has 2 threads"),
        ("forkable_hub", "gevent's hub has been started in it"),
        ("forkable_patched", "gevent has patched it"),
    ],
)
def test_a_server_that_must_not_fork_refuses(servers: ForkServers, tmp_path: Path, module: str, reason: str) -> None:
    """A thread, a hub or patches would be half there in every child; the message says which it is."""
    with pytest.raises(HarnessError, match="ended by itself") as caught:
        spawn(servers.of(template(module=module)), tmp_path, "0")
    assert f"This process must not fork: {reason}" in str(caught.value)


def test_a_module_that_can_not_be_imported_is_an_error(servers: ForkServers, tmp_path: Path) -> None:
    """With its traceback."""
    with pytest.raises(HarnessError, match="No module named 'no_such_module'"):
        spawn(servers.of(template(module="no_such_module")), tmp_path, "0")


def test_nothing_starts_after_the_end_of_the_run(servers: ForkServers, tmp_path: Path) -> None:
    """A server that nobody would stop is not started."""
    with servers:
        assert servers.of(template()).is_running
    with pytest.raises(HarnessError, match="was stopped with its run"):
        servers.of(template())
