"""When attempts' time is up: one timer for all attempts that have the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from harness.traffic.http.attempt import Attempt

_NS = 1_000_000_000


class Deadlines:
    """Watches over attempts that all have the same time, so that the first to begin is the first whose time is up.

    Args:
        loop: gevent's event loop.
        timeout_ns: Nanoseconds from an attempt's begin to its end.
        expire: Called with each attempt that is not done by then.

    Attributes:
        timeout_ns: As given.
    """

    def __init__(self, loop: Any, timeout_ns: int, expire: Callable[[Attempt], None]) -> None:
        self.timeout_ns = timeout_ns
        self._loop = loop
        self._expire = expire
        self._waiting: deque[Attempt] = deque()
        self._timer: Any = loop.timer(0)
        self._runs = False

    def add(self, attempt: Attempt) -> None:
        """Watch over an attempt that begins now; its deadline is set."""
        waiting = self._waiting
        # Those that are answered are let go of at once: kept until their deadline, they would be tens of thousands of
        # objects for the garbage collector to look through.
        while waiting and waiting[0].done:
            waiting.popleft()
        waiting.append(attempt)
        if not self._runs:
            self._arm(self.timeout_ns)

    def close(self) -> None:
        """Watch no more."""
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
            attempt = waiting[0]
            left = 0 if attempt.done else attempt.deadline - monotonic_ns()
            if left > 0:
                self._arm(left)
                return
            waiting.popleft()
            if not attempt.done:
                self._expire(attempt)
