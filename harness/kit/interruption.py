"""SIGINT, SIGTERM and SIGHUP for a program with threads: every thread hears of it once, at its next wait.

Once, because the waits of its clean-up must then work as usual.

SIGHUP (the terminal has hung up) ends a command as SIGTERM does. Two things differ. Where it was ignored at the start,
as under ``nohup``, it stays ignored. And it is never a sign of impatience: the kernel and the shell may each send one.
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

#: The signals that ask for an end.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: Seconds between two looks of a waiting thread at whether it is to end.
_LOOK = 0.05


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
    """Let SIGINT, SIGTERM and SIGHUP interrupt the block, in the main thread and all others.

    A second signal changes nothing.
    """
    with _handler(_handle):
        yield


@contextmanager
def in_order(at_once: Callable[[int], None]) -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP interrupt the block at its next wait and nowhere else.

    For work that must not be cut in two, and that ends in order by itself once it was asked to.

    Args:
        at_once: Called with the number of a second SIGINT or SIGTERM, in the main thread, wherever that is.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        if _state.asked and number != signal.SIGHUP:
            at_once(number)
        interrupt(number)

    with _handler(handle):
        yield


@contextmanager
def _handler(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    is_immune = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    numbers = [number for number in ENDING if not (is_immune and number == signal.SIGHUP)]
    previous = {number: signal.signal(number, handle) for number in numbers}
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
