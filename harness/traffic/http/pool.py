"""The idle connections that attempts travel on which don't open one of their own."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

from harness.model.experiment import Pool
from harness.traffic.http.connection import Connection

#: Is told of a connection that a look found ended, and of the error.
FoundEnded = Callable[[Connection, BaseException], None]


class ConnectionPool(Protocol):
    """Connections of one shape that are kept after an answer."""

    @property
    def is_full(self) -> bool:
        """Whether it takes no further connection; else the next attempt is to open one for it."""

    def take(self) -> Connection | None:
        """A connection for the next attempt; None if it has to open one (for the pool if that is not full then)."""

    def adopt(self) -> None:
        """A connection is being opened for it."""

    def give_back(self, connection: Connection) -> None:
        """A connection is idle again."""

    def forget(self, connection: Connection) -> None:
        """A member has ended."""

    def idle(self) -> tuple[Connection, ...]:
        """All idle connections."""


class IdlePool:
    """Idle connections of a pool of fixed size, in the order of their last use.

    The first attempts open one each until the pool has its size; so does the next attempt after one was lost.

    Args:
        plan: Size, order, and whether to look before reuse.
        found_ended: Called with a connection that a look found ended, and the error.

    Attributes:
        members: Pooled connections that exist: idle, busy, or being opened.
    """

    def __init__(self, plan: Pool, found_ended: FoundEnded) -> None:
        self._plan = plan
        self._found_ended = found_ended
        self._idle: deque[Connection] = deque()
        self.members = 0

    @property
    def is_full(self) -> bool:
        """As in ``ConnectionPool``."""
        return self.members >= self._plan.size

    def take(self) -> Connection | None:
        """As in ``ConnectionPool``."""
        idle = self._idle
        while idle and self.is_full:
            connection = idle.popleft() if self._plan.order == "fifo" else idle.pop()
            error = connection.look() if self._plan.look else None
            if error is None:
                return connection
            self._found_ended(connection, error)
        return None

    def adopt(self) -> None:
        """As in ``ConnectionPool``."""
        self.members += 1

    def give_back(self, connection: Connection) -> None:
        """As in ``ConnectionPool``."""
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """As in ``ConnectionPool``."""
        self.members -= 1
        if connection in self._idle:
            self._idle.remove(connection)

    def idle(self) -> tuple[Connection, ...]:
        """As in ``ConnectionPool``."""
        return tuple(self._idle)


class RestedPool:
    """Connections that must not have been used for a while before they are used again.

    It has no size of its own: an attempt for which none has rested for long enough opens one, so there are as many as
    the rate and the time make necessary.

    Args:
        rest_ns: Nanoseconds for which a connection must have been idle.
        look: Whether to look for a closed peer before reuse.
        found_ended: Called with a connection that a look found ended, and the error.
        clock: CLOCK_MONOTONIC.
    """

    is_full = False

    def __init__(
        self, rest_ns: int, found_ended: FoundEnded, *, look: bool, clock: Callable[[], int] = monotonic_ns
    ) -> None:
        self._rest = rest_ns
        self._found_ended = found_ended
        self._look = look
        self._clock = clock
        #: Since when each is idle; the first one for longest.
        self._since: OrderedDict[Connection, int] = OrderedDict()

    def take(self) -> Connection | None:
        """As in ``ConnectionPool``: the one that is idle for longest, if that is long enough."""
        while self._since:
            connection, since = self._since.popitem(last=False)
            if self._clock() - since < self._rest:
                self._since[connection] = since
                self._since.move_to_end(connection, last=False)
                return None
            error = connection.look() if self._look else None
            if error is None:
                return connection
            self._found_ended(connection, error)
        return None

    def adopt(self) -> None:
        """As in ``ConnectionPool``."""

    def give_back(self, connection: Connection) -> None:
        """As in ``ConnectionPool``."""
        self._since[connection] = self._clock()

    def forget(self, connection: Connection) -> None:
        """As in ``ConnectionPool``."""
        self._since.pop(connection, None)

    def idle(self) -> tuple[Connection, ...]:
        """As in ``ConnectionPool``."""
        return tuple(self._since)
