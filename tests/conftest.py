"""Fail a test that leaves a thread or a child process behind, or that starts a process without saying so."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import hypothesis
import psutil
import pytest

# How long an example takes says something of the machine, and nothing of what is tested.
hypothesis.settings.register_profile("searching", deadline=None)
# The same examples in every run, so that a build fails only because of its change.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


#: Markers of tests that may start processes.
MAY_START = ("processes", "nginx", "e2e", "sabotage", "kind")
#: Seconds for a thread or a process that a test has ended to be gone.
ENDING_SECONDS = 30
#: Audit events by which Python starts a process.
_STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"})
_started: list[str] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event in _STARTS:
        _started.append(f"{event} {arguments[:2]}")


sys.addaudithook(_audit)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Forget what other tests started, before any fixture of this one is set up."""
    del item
    _started.clear()
    yield


@pytest.fixture(autouse=True)
def processes_are_declared(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that starts a process, by itself or by a fixture, without a marker of ``MAY_START``.

    ``make check`` selects by these markers, and promises to need no nginx and no child process.
    """
    yield
    declared = any(request.node.get_closest_marker(name) for name in MAY_START)
    assert declared or not _started, f"mark this test with pytest.mark.processes: it starts {_started}"


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads and child processes that a test starts must be gone when it ends.

    What has only to end gets the time that a busy machine takes for it.
    """
    threads = set(threading.enumerate())
    children = set(psutil.Process().children(recursive=True))
    yield
    _join_waiters()
    deadline = time.monotonic() + ENDING_SECONDS
    while (left := _left(threads, children)) != ([], []) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == ([], [])


def _left(threads: set[threading.Thread], children: set[psutil.Process]) -> tuple[list[str], list[int]]:
    """Return the names of threads and the pids of children that there are now, without those from before."""
    return (
        [t.name for t in threading.enumerate() if t not in threads and t.is_alive()],
        [p.pid for p in psutil.Process().children(recursive=True) if p not in children and _runs(p)],
    )


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _join_waiters() -> None:
    """Wait for asyncio's threads that have reaped a child, reported it, and only have to end.

    One that still waits has a child: it stays, and both are found.
    """
    mine = {p.pid for p in psutil.Process().children() if p.status() != "zombie"}
    if not mine:
        for thread in threading.enumerate():
            if thread.name.startswith("asyncio-waitpid-"):
                thread.join(30)
