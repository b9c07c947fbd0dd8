"""The client: makes attempts, each of them recorded before its first byte, sent exactly once, with one outcome.

No code path leads from a failure back to sending.
All work happens in callbacks of gevent's loop, so the begin of an attempt never waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any

import gevent

from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.experiment import Pool
from harness.model.schedule import Stream
from harness.model.shapes import SHAPES, Shape, WireProtocol
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.ledger_format import NEVER
from harness.traffic.http.answers import AnswerBook, target_of
from harness.traffic.http.attempt import Attempt, ClientConnection
from harness.traffic.http.cookies import sessions_of
from harness.traffic.http.deadlines import Deadlines
from harness.traffic.http.destination import Destination
from harness.traffic.http.http1 import Http1Connection
from harness.traffic.http.outcomes import DeadlineError, PeerClosedError, outcome_of, reason_of
from harness.traffic.http.pool import POOLS, ConnectionPool
from harness.traffic.http.wire import RequestForm

_NS = 1_000_000_000
#: The class of connections of each protocol.
_CONNECTIONS = {WireProtocol.HTTP1: Http1Connection}


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """The work of a client.

    Attributes:
        streams: The kinds of attempts, by index.
        host: The ``Host`` header.
        token: The prefix of ids on the wire: ``<token>-<number>``.
        timeout: Seconds from an attempt's begin to its end, connecting included; a delay that it asks for comes on top.
        pool: The pooled connections.
        traced: Each request carries a ``traceparent`` that follows from its id.
    """

    streams: tuple[Stream, ...]
    host: str
    token: str
    timeout: float
    pool: Pool
    traced: bool = False


@dataclass(slots=True)
class Opening:
    """A connection that is being opened ahead of need, with its deadline.

    Attributes:
        connection: The connection.
        deadline: CLOCK_MONOTONIC until which it must be open.
    """

    connection: ClientConnection
    deadline: int

    @property
    def done(self) -> bool:
        """True once it is open, or has failed."""
        return self.connection.connected != NEVER or self.connection.end is not None


class Client:
    """Sends attempts to one destination.

    Args:
        plan: The work.
        destination: The address, and how to speak to it.
        ledger: Receives every attempt.
        connections: Receives every connection.
        answers: Judges answers.
        on_fault: Receives, in words, each failure of our own machine or code.
        on_tls: Receives, in words, the reason for each failure of TLS.

    Attributes:
        in_flight: Attempts that have begun and not ended.
        open_ended: Right answers that may have been incomplete: only the end of the connection marked their end.
    """

    def __init__(
        self,
        plan: ClientPlan,
        destination: Destination,
        *,
        ledger: LedgerWriter,
        connections: ConnectionLedger,
        answers: AnswerBook,
        on_fault: Callable[[str], None],
        on_tls: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.in_flight = 0
        self.open_ended = 0
        self._plan = plan
        self._destination = destination
        self._ledger = ledger
        self._connections = connections
        self._answers = answers
        self._on_fault = on_fault
        self._on_tls = on_tls
        self._forms = tuple(
            RequestForm.of(stream, host=plan.host, token=plan.token, traced=plan.traced) for stream in plan.streams
        )
        self._sessions = sessions_of(plan.streams)
        self._open: set[ClientConnection] = set()
        self._loop: Any = gevent.get_hub().loop
        self._pools: dict[Shape, ConnectionPool] = {
            stream.shape: POOLS[source](plan.pool, stream.unused_for, self._drop)
            for stream in plan.streams
            if (source := SHAPES[stream.shape].source) in POOLS
        }
        times = {stream.delay: round((plan.timeout + stream.delay) * _NS) for stream in plan.streams}
        self._deadlines = {delay: Deadlines(self._loop, time, self._expire) for delay, time in times.items()}
        self._openings = Deadlines(self._loop, round(plan.timeout * _NS), self._expire_opening)

    def begin(self, planned: int, index: int) -> int:
        """Make an attempt of stream ``index``; returns before it is answered.

        Args:
            planned: Nanoseconds from the origin for which it was planned.
            index: Its stream.

        Returns:
            Its number.

        Raises:
            LedgerFullError: There is no room to record it, so it is not made.
        """
        stream = self._plan.streams[index]
        self._ledger.reserve()
        pool = self._pools.get(stream.shape)
        connection = pool.take() if pool is not None else None
        for _ in range(pool.ahead() if pool is not None else 0):
            self._open_ahead(stream)
        deadlines = self._deadlines[stream.delay]
        now = monotonic_ns()
        attempt = Attempt(stream, now + deadlines.timeout_ns, whole=self._answers.needs_body(stream.route))
        opened = connection is None
        if connection is None:
            connection = self._new_connection(stream, now)
            connection.kept = pool is not None and pool.join(connection)
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
            connection.open(self._destination, attempt, request)
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

    def stood_still(self, since: int, until: int) -> None:
        """Exclude from all timeouts a time in which this process did not run (CLOCK_MONOTONIC)."""
        for deadlines in self._deadlines.values():
            deadlines.leave_out(since, until)
        self._openings.leave_out(since, until)

    def idle_ended(self) -> bool:
        """Return True if the peer has ended a connection that is still in a pool, since the client does not look."""
        return any(connection.end is not None for connection in self.idle())

    def idle(self) -> tuple[ClientConnection, ...]:
        """Return the connections of all pools that carry nothing."""
        return tuple(connection for pool in self._pools.values() for connection in pool.idle())

    def open_numbers(self) -> tuple[int, ...]:
        """Return the numbers of all open connections."""
        return tuple(connection.number for connection in self._open)

    def close(self) -> None:
        """Close all connections and record their end; attempts still in flight stay unfinished."""
        for deadlines in self._deadlines.values():
            deadlines.close()
        self._openings.close()
        for connection in tuple(self._open):
            self._close(connection, CloseReason.BY_US, monotonic_ns())

    # The side of ``ConnectionOwner``.

    def opened(self, connection: ClientConnection) -> None:
        """Let a connection that was opened ahead of need wait for an attempt."""
        self._write(connection)
        self._pools[connection.shape].give_back(connection)

    def advanced(self, attempt: Attempt, progress: Progress) -> None:
        """Record the stage at once."""
        self._ledger.progress(attempt.row, progress)
        if progress == Progress.CONNECTED and attempt.connection is not None:
            self._write(attempt.connection)

    def answered(self, connection: ClientConnection, attempt: Attempt, at: int) -> None:
        """Judge a complete answer, and keep the connection if both sides want to."""
        parser = connection.parser
        redirects = 300 <= parser.status < 400
        outcome, responder = self._answers.judge(
            attempt.stream.route,
            parser.status,
            parser.body,
            has_body=attempt.stream.method is not Method.HEAD,
            target=target_of(b"".join(parser.head)) if redirects else "",
        )
        attempt.progress = Progress.ANSWERED
        if outcome is Outcome.OK and not connection.end_is_proven:
            self.open_ended += not self._answers.proves_end(attempt.stream.route)
        if attempt.sessions is not None and outcome is Outcome.OK:
            attempt.sessions.keep(attempt.row, b"".join(parser.head), carried=attempt.cookie)
        self._record(attempt, outcome, at, status=parser.status, responder=responder)
        if connection.kept and connection.reusable:
            connection.attempt = None
            self._pools[connection.shape].give_back(connection)
        else:
            self._close(connection, _reason_after_answer(connection), at)

    def failed(self, connection: ClientConnection, attempt: Attempt, error: BaseException, at: int) -> None:
        """Record the outcome of an attempt without an answer, and close the connection."""
        number = getattr(error, "errno", None) or 0
        outcome = outcome_of(error, attempt.progress)
        self._report(outcome, error)
        self._record(attempt, outcome, at, errno=number, status=connection.parser.status)
        self._close(connection, reason_of(error), at, number)

    def ended_idle(self, connection: ClientConnection, error: BaseException, at: int) -> None:
        """Drop an idle connection that the peer has ended; a client that does not look keeps it."""
        if connection.connected == NEVER:
            self._report(outcome_of(error, Progress.NOT_CONNECTED), error)
            self._drop(connection, error, at)
        elif self._plan.pool.look or not isinstance(error, PeerClosedError | OSError):
            self._drop(connection, error, at)
        else:
            connection.note_end(error, at)
            self._write(connection)

    # Own work.

    def _new_connection(self, stream: Stream, now: int) -> ClientConnection:
        number = self._connections.begin(stream.shape, now)
        connection = _CONNECTIONS[stream.protocol](
            self, self._loop, number=number, shape=stream.shape, kept=False, begun=now
        )
        self._open.add(connection)
        return connection

    def _open_ahead(self, stream: Stream) -> None:
        """Open a connection that a later attempt will use."""
        now = monotonic_ns()
        connection = self._new_connection(stream, now)
        self._openings.add(Opening(connection, now + self._openings.timeout_ns))
        connection.open(self._destination)

    def _report(self, outcome: Outcome, error: BaseException) -> None:
        """Put failures of our own machine and of TLS into words."""
        if outcome == Outcome.CLIENT_FAULT:
            self._on_fault(f"{type(error).__name__}: {error}")
        elif outcome == Outcome.TLS:
            self._on_tls(str(error))

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

    def _drop(self, connection: ClientConnection, error: BaseException, at: int = 0) -> None:
        self._close(connection, reason_of(error), at or monotonic_ns(), getattr(error, "errno", None) or 0)

    def _close(self, connection: ClientConnection, reason: CloseReason, at: int, number: int = 0) -> None:
        connection.close(reason, at, number)
        self._open.discard(connection)
        pool = self._pools.get(connection.shape)
        if pool is not None:
            pool.forget(connection)
        self._write(connection)

    def _write(self, connection: ClientConnection) -> None:
        """Record the present state of a connection."""
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

    def _expire_opening(self, opening: Opening) -> None:
        opening.connection.last_look()
        if not opening.done:
            self._drop(opening.connection, DeadlineError())


def _reason_after_answer(connection: ClientConnection) -> CloseReason:
    """Return the reason for which a connection is closed after a complete answer."""
    if connection.parser.spoiled:
        return CloseReason.BROKEN
    if not connection.kept:
        # It carries a single attempt.
        return CloseReason.BY_US
    # Without an announcement we end it, for example because a part of the request is unsent.
    return CloseReason.PEER_ANNOUNCED if connection.parser.announced_close else CloseReason.BY_US
