"""SIGINT and SIGTERM for a program with threads: every thread hears of it once, at its next wait.

Once, because the waits of its clean-up must then work as usual.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """The user (or the system) asked for an end. Not an ``Exception``, so that no handler takes it for a failure."""


class _State:
    """The process's interruption."""

    def __init__(self) -> None:
        # Plain attributes: a signal handler must not take a lock, which the thread that it runs in may hold.
        self.asked = False
        self.signal = 0
        self.told = threading.local()


_state = _State()

#: Seconds between two looks of a waiting thread at whether it is to end.
_LOOK = 0.02


def interrupt(number: int = 0) -> None:
    """Ask every thread of this process to end."""
    _state.signal = _state.signal or number
    _state.asked = True


def signal_number() -> int:
    """The signal that asked for the end; 0 if none did."""
    return _state.signal


def requested() -> bool:
    """Whether an end was asked for, heard of or not."""
    return _state.asked


def check() -> None:
    """Raise ``Interrupted`` if an end was asked for and this thread has not heard of it yet."""
    if _state.asked and not getattr(_state.told, "yes", False):
        _state.told.yes = True
        raise Interrupted


def nap(seconds: float) -> None:
    """Wait that long; an interruption ends it early, by raising, once per thread."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        check()
        time.sleep(min(left, _LOOK))
    check()


@contextmanager
def shielded() -> Iterator[None]:
    """In here this thread hears of no interruption; it does at its next wait after that."""
    before = getattr(_state.told, "yes", False)
    _state.told.yes = True
    try:
        yield
    finally:
        _state.told.yes = before


def _handle(number: int, _frame: FrameType | None) -> None:
    interrupt(number)
    check()


@contextmanager
def handled() -> Iterator[None]:
    """SIGINT and SIGTERM interrupt in here, in the main thread and all others; a second one changes nothing."""
    with _handler(_handle):
        yield


@contextmanager
def in_order(at_once: Callable[[int], None]) -> Iterator[None]:
    """In here SIGINT and SIGTERM are heard at the next wait and nowhere else; a second one calls ``at_once``.

    For work that must not be cut in two, and that ends in order by itself once it was asked to.

    Args:
        at_once: Told the second signal's number, in the main thread, wherever that is.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        if _state.asked:
            at_once(number)
        interrupt(number)

    with _handler(handle):
        yield


@contextmanager
def _handler(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def fresh() -> Iterator[None]:
    """Use a state of its own inside, so that an earlier interruption of the process has no effect."""
    global _state  # noqa: PLW0603 - the one place that replaces it
    previous, _state = _state, _State()
    try:
        yield
    finally:
        _state = previous
