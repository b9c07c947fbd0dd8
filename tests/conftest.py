"""A leftover thread or child process fails the test that left it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import hypothesis
import psutil
import pytest

# How long an example takes says something of the machine, and nothing of what is tested.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads and child processes that a test starts must be gone when it ends."""
    threads = set(threading.enumerate())
    children = set(psutil.Process().children(recursive=True))
    yield
    _join_waiters()
    left_threads = [t.name for t in threading.enumerate() if t not in threads and t.is_alive()]
    left_children = [
        p.pid for p in psutil.Process().children(recursive=True) if p not in children and p.status() != "zombie"
    ]
    assert (left_threads, left_children) == ([], [])


def _join_waiters() -> None:
    """Wait for asyncio's threads that have reaped a child, told so, and only have to end yet.

    One that still waits has a child: it stays, and both are found.
    """
    mine = {p.pid for p in psutil.Process().children() if p.status() != "zombie"}
    if not mine:
        for thread in threading.enumerate():
            if thread.name.startswith("asyncio-waitpid-"):
                thread.join(30)
