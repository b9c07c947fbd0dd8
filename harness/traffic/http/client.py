"""Makes attempts: each is in the ledger before its first byte is sent, is tried exactly once, and ends in one outcome.

There is no code path from a failure back to sending. All work is done in callbacks of gevent's loop, so beginning an
attempt never waits for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any

import gevent

from harness.model.attempt import CloseReason, Method, Outcome, Progress, Shape
from harness.model.experiment import Pool
from harness.model.schedule import Stream
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.ledger_format import NEVER
from harness.traffic.http.answers import AnswerBook
from harness.traffic.http.attempt import Attempt, Target
from harness.traffic.http.connection import Connection
from harness.traffic.http.cookies import sessions_of
from harness.traffic.http.deadlines import Deadlines
from harness.traffic.http.outcomes import DeadlineError, PeerClosedError, outcome_of, reason_of
from harness.traffic.http.pool import ConnectionPool, IdlePool, RestedPool
from harness.traffic.http.wire import RequestForm

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """What a client sends, and how.

    Attributes:
        streams: The kinds of attempts, by index.
        host: The ``Host`` header.
        token: What ids on the wire begin with: ``<token>-<number>``.
        timeout: Seconds from an attempt's begin to its end, connecting included, beside the delay that it asks for.
        pool: The pooled connections.
        idle: Seconds for which connections of the idle shape must not have been used.
    """

    streams: tuple[Stream, ...]
    host: str
    token: str
    timeout: float
    pool: Pool
    idle: float = 0.0


class Client:
    """Sends attempts to one target.

    Args:
        plan: What is sent.
        target: Where it goes.
        ledger: Gets every attempt.
        connections: Gets every connection.
        answers: Judges answers.
        on_fault: Told, in words, of failures of our own machine or code.
        on_tls: Told, in words, why no TLS connection came about.

    Attributes:
        in_flight: Attempts that have begun and not ended.
    """

    def __init__(
        self,
        plan: ClientPlan,
        target: Target,
        *,
        ledger: LedgerWriter,
        connections: ConnectionLedger,
        answers: AnswerBook,
        on_fault: Callable[[str], None],
        on_tls: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.in_flight = 0
        self._plan = plan
        self._target = target
        self._ledger = ledger
        self._connections = connections
        self._answers = answers
        self._on_fault = on_fault
        self._on_tls = on_tls
        self._forms = tuple(RequestForm.of(stream, host=plan.host, token=plan.token) for stream in plan.streams)
        self._sessions = sessions_of(plan.streams)
        self._open: set[Connection] = set()
        self._loop: Any = gevent.get_hub().loop
        self._pools: Mapping[Shape, ConnectionPool] = {
            Shape.REUSED: IdlePool(plan.pool, self._drop),
            Shape.IDLE: RestedPool(round(plan.idle * _NS), self._drop, look=plan.pool.look),
        }
        times = {stream.delay: round((plan.timeout + stream.delay) * _NS) for stream in plan.streams}
        self._deadlines = {delay: Deadlines(self._loop, time, self._expire) for delay, time in times.items()}

    def begin(self, planned: int, index: int) -> int:
        """Make an attempt of stream ``index``; returns before it is answered.

        Args:
            planned: Nanoseconds from the origin for which it was planned.
            index: Which stream it belongs to.

        Returns:
            Its number.

        Raises:
            LedgerFullError: It can't be recorded, so it is not made.
        """
        stream = self._plan.streams[index]
        self._ledger.reserve()
        pool = self._pools.get(stream.shape)
        connection = pool.take() if pool is not None else None
        deadlines = self._deadlines[stream.delay]
        now = monotonic_ns()
        attempt = Attempt(stream, now + deadlines.timeout_ns, whole=self._answers.needs_body(stream.route))
        opened = connection is None
        if connection is None:
            connection = self._new_connection(stream.shape, now)
        attempt.connection = connection
        attempt.carried = connection.carried
        attempt.row = self._ledger.intent(
            planned,
            stream.route,
            stream.method,
            stream.shape,
            sent=now,
            connection=connection.number,
            carried=attempt.carried,
        )
        self.in_flight += 1
        deadlines.add(attempt)
        sessions = self._sessions[index]
        if sessions is not None:
            attempt.sessions, attempt.cookie = sessions, sessions.cookie(attempt.row)
        request = self._forms[index].request(attempt.row, attempt.cookie)
        if opened:
            connection.open(self._target, attempt, request)
        else:
            connection.send(attempt, request)
        return attempt.row

    def miss(self, planned: int, index: int) -> None:
        """Record a slot that could not be sent in time.

        Raises:
            LedgerFullError: There is no room even for that.
        """
        stream = self._plan.streams[index]
        row = self._ledger.intent(planned, stream.route, stream.method, stream.shape)
        self._ledger.outcome(row, Outcome.MISSED, Progress.NOT_CONNECTED, done=monotonic_ns())

    def idle_ended(self) -> bool:
        """Whether the end of any idle connection was seen that is still in the pool (where nobody looks)."""
        return any(connection.end is not None for pool in self._pools.values() for connection in pool.idle())

    def has_idle(self) -> bool:
        """Whether any pooled connection is idle."""
        return any(pool.idle() for pool in self._pools.values())

    def close(self) -> None:
        """Close all connections and record their end; attempts still in flight stay unfinished."""
        for deadlines in self._deadlines.values():
            deadlines.close()
        for connection in tuple(self._open):
            self._close(connection, CloseReason.BY_US, monotonic_ns())

    # What connections tell.

    def advanced(self, attempt: Attempt, progress: Progress) -> None:
        """The attempt has got further: on disk at once."""
        self._ledger.progress(attempt.row, progress)
        if progress == Progress.CONNECTED and attempt.connection is not None:
            self._write(attempt.connection)

    def answered(self, connection: Connection, attempt: Attempt, at: int) -> None:
        """A complete answer: judge it, and keep the connection if both sides want to."""
        parser = connection.parser
        outcome, responder = self._answers.judge(
            attempt.stream.route,
            parser.status,
            parser.body,
            has_body=attempt.stream.method is not Method.HEAD,
        )
        attempt.progress = Progress.ANSWERED
        if attempt.sessions is not None and outcome is Outcome.OK:
            attempt.sessions.keep(attempt.row, b"".join(parser.head), carried=attempt.cookie)
        self._record(attempt, outcome, at, status=parser.status, responder=responder)
        if connection.pooled and connection.reusable:
            connection.attempt = None
            self._pools[connection.shape].give_back(connection)
        else:
            self._close(connection, _reason_after_answer(connection), at)

    def failed(self, connection: Connection, attempt: Attempt, error: BaseException, at: int) -> None:
        """The attempt is over; so is the connection."""
        number = getattr(error, "errno", None) or 0
        outcome = outcome_of(error, attempt.progress)
        if outcome == Outcome.CLIENT_FAULT:
            self._on_fault(f"{type(error).__name__}: {error}")
        elif outcome == Outcome.TLS:
            self._on_tls(str(error))
        self._record(attempt, outcome, at, errno=number, status=connection.parser.status)
        self._close(connection, reason_of(error), at, number)

    def ended_idle(self, connection: Connection, error: BaseException, at: int) -> None:
        """An idle connection was ended by the peer: a careful client drops it, a naive one keeps it."""
        if self._plan.pool.look or not isinstance(error, PeerClosedError | OSError):
            self._drop(connection, error, at)
        else:
            connection.note_end(error, at)
            self._write(connection)

    # Own work.

    def _new_connection(self, shape: Shape, now: int) -> Connection:
        pool = self._pools.get(shape)
        pooled = pool is not None and not pool.is_full
        number = self._connections.begin(shape, now)
        connection = Connection(self, self._loop, number=number, shape=shape, pooled=pooled, begun=now)
        self._open.add(connection)
        if pool is not None and pooled:
            pool.adopt()
        return connection

    def _record(
        self, attempt: Attempt, outcome: Outcome, at: int, *, errno: int = 0, status: int = 0, responder: int = 0
    ) -> None:
        connection = attempt.connection
        assert connection is not None
        self._ledger.outcome(
            attempt.row,
            outcome,
            attempt.progress,
            connected=attempt.connected,
            first_byte=attempt.first_byte,
            done=at,
            connection=connection.number,
            carried=attempt.carried,
            port=connection.port,
            bytes_out=attempt.bytes_out,
            bytes_in=attempt.bytes_in,
            errno=errno,
            status=status,
            responder=responder,
        )
        attempt.done = True
        self.in_flight -= 1

    def _drop(self, connection: Connection, error: BaseException, at: int = 0) -> None:
        self._close(connection, reason_of(error), at or monotonic_ns(), getattr(error, "errno", None) or 0)

    def _close(self, connection: Connection, reason: CloseReason, at: int, number: int = 0) -> None:
        connection.close(reason, at, number)
        self._open.discard(connection)
        if connection.pooled:
            self._pools[connection.shape].forget(connection)
        self._write(connection)

    def _write(self, connection: Connection) -> None:
        """Record what is known of a connection now."""
        at, reason, number = connection.end or (NEVER, CloseReason.OPEN, 0)
        self._connections.record(
            connection.number,
            connection.shape,
            begun=connection.begun,
            connected=connection.connected,
            closed=at,
            requests=connection.carried,
            port=connection.port,
            reason=reason,
            errno=number,
        )

    def _expire(self, attempt: Attempt) -> None:
        connection = attempt.connection
        assert connection is not None
        connection.last_look()
        if not attempt.done:
            self.failed(connection, attempt, DeadlineError(), monotonic_ns())


def _reason_after_answer(connection: Connection) -> CloseReason:
    """Why a connection is closed after a complete answer."""
    if connection.parser.spoiled:
        return CloseReason.BROKEN
    if not connection.pooled:
        # It was opened for a single attempt, and is closed because we want it so.
        return CloseReason.BY_US
    # Else we end it: the request is not out yet, say, or the answer's length was said in two ways.
    return CloseReason.PEER_ANNOUNCED if connection.parser.announced_close else CloseReason.BY_US
