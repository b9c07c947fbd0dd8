"""SIGINT and SIGTERM for a program with threads: every thread hears of it once, at its next wait.

Once, because the waits of its clean-up must then work as usual.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """The user (or the system) asked for an end. Not an ``Exception``, so that no handler takes it for a failure."""


class _State:
    """The process's interruption."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal = 0
        self.told = threading.local()


_state = _State()


def interrupt(number: int = 0) -> None:
    """Ask every thread of this process to end."""
    _state.signal = _state.signal or number
    _state.event.set()


def signal_number() -> int:
    """The signal that asked for the end; 0 if none did."""
    return _state.signal


def requested() -> bool:
    """Whether an end was asked for, heard of or not."""
    return _state.event.is_set()


def check() -> None:
    """Raise ``Interrupted`` if an end was asked for and this thread has not heard of it yet."""
    if _state.event.is_set() and not getattr(_state.told, "yes", False):
        _state.told.yes = True
        raise Interrupted


def nap(seconds: float) -> None:
    """Wait that long; an interruption ends it early, by raising, once per thread."""
    if getattr(_state.told, "yes", False):
        threading.Event().wait(seconds)
        return
    _state.event.wait(seconds)
    check()


def _handle(number: int, _frame: FrameType | None) -> None:
    interrupt(number)
    check()


@contextmanager
def handled() -> Iterator[None]:
    """SIGINT and SIGTERM interrupt in here, in the main thread and all others; a second one changes nothing."""
    previous = {number: signal.signal(number, _handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def fresh() -> Iterator[None]:
    """A state of its own inside: for tests."""
    global _state  # noqa: PLW0603 - the one place that replaces it
    previous, _state = _state, _State()
    try:
        yield
    finally:
        _state = previous
