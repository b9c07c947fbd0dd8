"""The idle connections that attempts of the reused shape travel on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from harness.model.experiment import Pool
from harness.traffic.connection import Connection


class IdlePool:
    """Idle connections of a pool, in the order of their last use.

    The first attempts open one each until the pool has its size; so does the next attempt after one was lost.

    Args:
        plan: Size, order, and whether to look before reuse.
        found_ended: Called with a connection that a look found ended, and the error.

    Attributes:
        members: Pooled connections that exist: idle, busy, or being opened.
    """

    def __init__(self, plan: Pool, found_ended: Callable[[Connection, BaseException], None]) -> None:
        self._plan = plan
        self._found_ended = found_ended
        self._idle: deque[Connection] = deque()
        self.members = 0

    @property
    def is_full(self) -> bool:
        """Whether it has its size; else the next attempt is to open a connection for it."""
        return self.members >= self._plan.size

    def take(self) -> Connection | None:
        """A connection for the next attempt; None if it has to open one (for the pool if that is not full then)."""
        idle = self._idle
        while idle and self.is_full:
            connection = idle.popleft() if self._plan.order == "fifo" else idle.pop()
            error = connection.look() if self._plan.look else None
            if error is None:
                return connection
            self._found_ended(connection, error)
        return None

    def give_back(self, connection: Connection) -> None:
        """A connection is idle again."""
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """A member has ended."""
        self.members -= 1
        if connection in self._idle:
            self._idle.remove(connection)

    def idle(self) -> tuple[Connection, ...]:
        """All idle connections."""
        return tuple(self._idle)
