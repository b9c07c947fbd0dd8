"""Handles SIGINT, SIGTERM and SIGHUP in a program with threads. Each thread gets one exception, at its next wait.

It gets only one, because the waits of its clean-up must then work as usual.

SIGHUP (the terminal has hung up) ends a command as SIGTERM does, with two differences. If it was ignored at the start,
as under ``nohup``, it stays ignored. And a second one does not end the program at once: the kernel and the shell may
each send one.
"""

from __future__ import annotations

import math
import os
import select
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """The user or the system requested an end. Not an ``Exception``, so that no handler treats it as a failure."""


class _State:
    """The state of the process's interruption."""

    def __init__(self) -> None:
        # Plain attributes: a signal handler must not take a lock that its thread may hold.
        self.asked = False
        self.signal = 0
        self.raised = threading.local()
        # Readable from the request on, for all threads that wait.
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._bell)

    def ask(self) -> None:
        """Request the end, and wake the threads that wait."""
        self.asked = True
        os.eventfd_write(self._bell, 1)

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until the end is requested."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        poll.poll(math.ceil(seconds * 1000))


_state = _State()

#: Signals that request an end.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(number: int = 0) -> None:
    """Request the end of every thread of this process."""
    _state.signal = _state.signal or number
    _state.ask()


def signal_number() -> int:
    """Return the signal that requested the end; 0 if there was none."""
    return _state.signal


def requested() -> bool:
    """Return True if an end was requested, even if this thread has not raised yet."""
    return _state.asked


def check() -> None:
    """Raise ``Interrupted`` if an end was requested and this thread has not raised yet."""
    if _state.asked and not getattr(_state.raised, "yes", False):
        _state.raised.yes = True
        raise Interrupted


def nap(seconds: float) -> None:
    """Wait for ``seconds``. An interruption raises, once per thread."""
    check()
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if _state.asked:
            # This thread has raised already, and the event would wake it at once.
            time.sleep(left)
        else:
            _state.wait(left)
            check()
    check()


@contextmanager
def shielded() -> Iterator[None]:
    """Protect a block of this thread from interruption. It raises at its next wait after the block."""
    before = getattr(_state.raised, "yes", False)
    _state.raised.yes = True
    try:
        yield
    finally:
        _state.raised.yes = before


def _handle(number: int, _frame: FrameType | None) -> None:
    interrupt(number)
    check()


@contextmanager
def handled() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP interrupt the block, in all threads.

    A second signal has no effect.
    """
    with _handler(_handle):
        yield


@contextmanager
def deferred(at_once: Callable[[int], None]) -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP interrupt the block only at its next wait.

    For work that must not be interrupted anywhere else, and that ends by itself after a request.

    Args:
        at_once: Called in the main thread with the number of a second SIGINT or SIGTERM.
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
    """Run a block with a new state, so that an earlier interruption of the process has no effect."""
    global _state  # noqa: PLW0603 - the one place that replaces it
    previous, _state = _state, _State()
    try:
        yield
    finally:
        _state = previous
