"""Deadlines: one timer for everything that has the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Any, Generic, Protocol, TypeVar

_NS = 1_000_000_000


class Timed(Protocol):
    """Something with a deadline (CLOCK_MONOTONIC) that may be done before it."""

    @property
    def deadline(self) -> int:
        """Return the deadline."""

    @property
    def done(self) -> bool:
        """True once the deadline no longer matters."""


T = TypeVar("T", bound=Timed)


class Deadlines(Generic[T]):
    """Expires items that all have the same time, so that the first to begin is the first to expire.

    Args:
        loop: gevent's event loop.
        timeout_ns: Nanoseconds from an item's begin to its deadline.
        expire: Called with each item that is not done at its deadline.

    Attributes:
        timeout_ns: As given.
    """

    def __init__(self, loop: Any, timeout_ns: int, expire: Callable[[T], None]) -> None:
        self.timeout_ns = timeout_ns
        self._loop = loop
        self._expire = expire
        self._waiting: deque[T] = deque()
        self._timer: Any = loop.timer(0)
        self._runs = False

    def add(self, item: T) -> None:
        """Watch an item that begins now; its deadline is set."""
        waiting = self._waiting
        # Done items leave at once: kept until their deadline, they would be tens of thousands of objects for the
        # garbage collector to look through.
        while waiting and waiting[0].done:
            waiting.popleft()
        waiting.append(item)
        if not self._runs:
            self._arm(self.timeout_ns)

    def close(self) -> None:
        """Stop the timer."""
        self._timer.stop()
        self._timer.close()

    def _arm(self, delay: int) -> None:
        self._runs = True
        self._timer.close()
        self._timer = self._loop.timer(max(0, delay) / _NS)
        self._timer.start(self._on_deadline, update=True)

    def _on_deadline(self) -> None:
        self._runs = False
        waiting = self._waiting
        while waiting:
            item = waiting[0]
            left = 0 if item.done else item.deadline - monotonic_ns()
            if left > 0:
                self._arm(left)
                return
            waiting.popleft()
            if not item.done:
                self._expire(item)
