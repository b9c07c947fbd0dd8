"""Connections that wait for attempts: one pool for each source of connections."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from time import monotonic_ns
from typing import Protocol

from harness.model.experiment import Pool
from harness.model.shapes import ConnectionSource
from harness.traffic.http.attempt import ClientConnection

#: Receives a connection that a look found ended, and the error.
FoundEnded = Callable[[ClientConnection, BaseException], None]
_NS = 1_000_000_000


class ConnectionPool(Protocol):
    """The waiting connections of one shape."""

    def take(self) -> ClientConnection | None:
        """Remove and return a connection for the next attempt; None if the attempt must open one."""

    def join(self, connection: ClientConnection) -> bool:
        """Count a connection that an attempt opens as a member if there is room; return whether there was."""

    def ahead(self) -> int:
        """Return how many connections to open ahead of need after an attempt has taken its own."""

    def give_back(self, connection: ClientConnection) -> None:
        """Add a connection that carries nothing now."""

    def forget(self, connection: ClientConnection) -> None:
        """Drop a connection that has ended, member or not."""

    def idle(self) -> tuple[ClientConnection, ...]:
        """Return all connections that carry nothing."""


class IdlePool:
    """A pool of fixed size, in the order of last use.

    The first attempts open one connection each until the pool has its size.
    After the loss of a member the next attempt does the same.

    Args:
        plan: Size, order, and whether to look before reuse.
        found_ended: Called with a connection that a look found ended, and the error.
    """

    def __init__(self, plan: Pool, found_ended: FoundEnded) -> None:
        self._plan = plan
        self._found_ended = found_ended
        self._idle: deque[ClientConnection] = deque()
        #: Idle, busy, or being opened.
        self._members: set[ClientConnection] = set()

    @property
    def _is_full(self) -> bool:
        return len(self._members) >= self._plan.size

    def take(self) -> ClientConnection | None:
        """Take the next connection of the order, if the pool is full."""
        idle = self._idle
        while idle and self._is_full:
            connection = idle.popleft() if self._plan.order == "fifo" else idle.pop()
            error = connection.look() if self._plan.look else None
            if error is None:
                return connection
            self._found_ended(connection, error)
        return None

    def join(self, connection: ClientConnection) -> bool:
        """Accept it up to the size."""
        if self._is_full:
            return False
        self._members.add(connection)
        return True

    def ahead(self) -> int:
        """Return 0: attempts open what they need."""
        return 0

    def give_back(self, connection: ClientConnection) -> None:
        """Put it last."""
        self._idle.append(connection)

    def forget(self, connection: ClientConnection) -> None:
        """Drop it, so that the next attempt opens another one."""
        self._members.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def idle(self) -> tuple[ClientConnection, ...]:
        """Return them in the order of their last use."""
        return tuple(self._idle)


class RestedPool:
    """Kept connections that must wait unused for a while before their next use.

    It has no size of its own. An attempt opens a connection if none has waited for long enough, so there are as many
    as the rate and the time require.

    Args:
        rest_ns: Nanoseconds for which a connection must have waited.
        found_ended: Called with a connection that a look found ended, and the error.
        look: Look for a closed peer before use.
        clock: CLOCK_MONOTONIC.
    """

    def __init__(
        self, rest_ns: int, found_ended: FoundEnded, *, look: bool, clock: Callable[[], int] = monotonic_ns
    ) -> None:
        self._rest = rest_ns
        self._found_ended = found_ended
        self._look = look
        self._clock = clock
        #: Connection -> CLOCK_MONOTONIC at which its wait began; the longest wait comes first.
        self._since: OrderedDict[ClientConnection, int] = OrderedDict()

    def take(self) -> ClientConnection | None:
        """Take the connection that has waited for longest, if that is long enough."""
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

    def join(self, connection: ClientConnection) -> bool:
        """Accept every one."""
        del connection
        return True

    def ahead(self) -> int:
        """Return 0: attempts open what they need."""
        return 0

    def give_back(self, connection: ClientConnection) -> None:
        """Let its wait begin."""
        self._since[connection] = self._clock()

    def forget(self, connection: ClientConnection) -> None:
        """Drop it, so that a later attempt opens another one."""
        self._since.pop(connection, None)

    def idle(self) -> tuple[ClientConnection, ...]:
        """Return them, the longest wait first."""
        return tuple(self._since)


class AheadPool(RestedPool):
    """Connections that are opened ahead of need, and wait for their only request.

    Each attempt takes the one that has waited for longest, if that is long enough, and has another one opened.
    So as many wait as the rate and the time require.
    A connection that the peer closes meanwhile is dropped, and the attempt that lacks it opens one of its own.
    """

    def join(self, connection: ClientConnection) -> bool:
        """Reject every one: a connection that has carried a request is closed after its answer."""
        del connection
        return False

    def ahead(self) -> int:
        """Return 1: a connection for a later attempt."""
        return 1


#: Makes the pool of a shape from the plan's pool settings, the seconds that its connections wait, and the receiver of
#: connections that a look found ended.
MakePool = Callable[[Pool, float, FoundEnded], ConnectionPool]

#: The pool of each source; attempts of other sources open a connection each.
POOLS: Mapping[ConnectionSource, MakePool] = {
    ConnectionSource.POOL: lambda plan, _, found_ended: IdlePool(plan, found_ended),
    ConnectionSource.RESTED: lambda plan, seconds, found_ended: RestedPool(
        round(seconds * _NS), found_ended, look=plan.look
    ),
    ConnectionSource.AHEAD: lambda plan, seconds, found_ended: AheadPool(
        round(seconds * _NS), found_ended, look=plan.look
    ),
}
