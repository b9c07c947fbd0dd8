"""Deadlines: one timer for everything that has the same timeout.

Time in which this process did not run does not count. On a machine that stalls, the peer did not run either, so a
missing answer is no fault of the peer. The engine reports such a time only if it missed a slot in it. The traffic then
proves nothing, so an answer that came after its deadline is never a proof.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Any, Generic, Protocol, TypeVar

_NS = 1_000_000_000
#: A timer that is later than this shows that this process may not have run.
_LATE_NS = 20_000_000
#: Nanoseconds until the second look. Before it, the engine has run and has reported the time.
_SECOND_LOOK_NS = 1_000_000


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
    """Expires items that all have the same timeout, so that the first to begin is the first to expire.

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
        self._left_out: deque[tuple[int, int]] = deque()
        self._looked = False

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

    def leave_out(self, since: int, until: int) -> None:
        """Exclude a time in which this process did not run (CLOCK_MONOTONIC) from the time of all items under way."""
        self._left_out.append((since, until))

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
        has_looked, self._looked = self._looked, False
        waiting = self._waiting
        while waiting:
            item = waiting[0]
            left = 0 if item.done else self._left(item)
            if left > 0:
                self._arm(left)
                return
            if left < -_LATE_NS and not has_looked:
                self._looked = True
                self._arm(_SECOND_LOOK_NS)
                return
            waiting.popleft()
            if not item.done:
                self._expire(item)

    def _left(self, item: T) -> int:
        """Return the nanoseconds until the deadline of the first item."""
        left, begun = item.deadline - monotonic_ns(), item.deadline - self.timeout_ns
        # Items are in the order of their begin: a time that ended before this item began concerns no later item either.
        while self._left_out and self._left_out[0][1] <= begun:
            self._left_out.popleft()
        return left + sum(until - max(since, begun) for since, until in self._left_out)
