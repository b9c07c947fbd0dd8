"""One connection on gevent's event loop, without a greenlet: a state machine that is called when something happens.

A pooled connection is watched for as long as it lives. So the end that a peer makes of an idle one is noticed, with
its time, when it comes. A request is written once; nothing here writes it a second time.
"""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any, Protocol

from gevent import monkey

from harness.model.attempt import CloseReason, Progress, Shape
from harness.model.schedule import Stream
from harness.store.ledger_format import NEVER
from harness.traffic.outcomes import PeerClosedError, reason_of
from harness.traffic.wire import AnswerParser

#: The standard library's own class, also where gevent has patched the module: all waiting is done by the loop.
_Socket: type[socket.socket] = monkey.get_original("socket", "socket")
_READ, _WRITE = 1, 2
_RECEIVE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where attempts go: a resolved address, as the ``socket`` module takes it."""

    family: int
    address: tuple[Any, ...]


class Attempt:
    """One request while it is under way; times in CLOCK_MONOTONIC."""

    __slots__ = (
        "bytes_in", "bytes_out", "carried", "connected", "connection", "deadline", "done", "first_byte", "progress",
        "row", "stream",
    )  # fmt: skip

    def __init__(self, stream: Stream, deadline: int) -> None:
        self.stream = stream
        self.deadline = deadline
        self.row = -1
        self.connection: Connection | None = None
        self.carried = 0
        self.connected = NEVER
        self.first_byte = NEVER
        self.bytes_in = 0
        self.bytes_out = 0
        self.progress = Progress.NOT_CONNECTED
        self.done = False


class Owner(Protocol):
    """Whom a connection tells what became of it."""

    def advanced(self, attempt: Attempt, progress: Progress) -> None:
        """The attempt has got further."""

    def answered(self, connection: Connection, attempt: Attempt, at: int) -> None:
        """The answer is complete, in ``connection.parser``."""

    def failed(self, connection: Connection, attempt: Attempt, error: BaseException, at: int) -> None:
        """The attempt is over without an answer; the connection is of no more use."""

    def ended_idle(self, connection: Connection, error: BaseException, at: int) -> None:
        """The peer has ended the connection, or spoken without being asked, while it carried nothing."""


class Connection:
    """A connection and the attempt that it carries, if any.

    Args:
        owner: Told what happens.
        loop: gevent's event loop.
        number: Its number in the connection ledger.
        shape: The shape of attempts it was opened for.
        pooled: Whether it is kept after an answer.
        begun: CLOCK_MONOTONIC at which it was begun.

    Attributes:
        attempt: What it carries now.
        carried: Requests that it has carried, the present one included.
        end: When, why and with which errno it ended; None while it is open.
    """

    __slots__ = (
        "_connecting", "_loop", "_owner", "_reader", "_socket", "_target", "_unsent", "_writer", "attempt", "begun",
        "carried", "connected", "end", "number", "parser", "pooled", "port", "shape",
    )  # fmt: skip

    def __init__(self, owner: Owner, loop: Any, *, number: int, shape: Shape, pooled: bool, begun: int) -> None:
        self._owner = owner
        self._loop = loop
        self._socket: socket.socket | None = None
        self._reader: Any = None
        self._writer: Any = None
        self._target: Target | None = None
        self._connecting = False
        self._unsent = b""
        self.number = number
        self.shape = shape
        self.pooled = pooled
        self.begun = begun
        self.connected = NEVER
        self.port = 0
        self.carried = 0
        self.attempt: Attempt | None = None
        self.end: tuple[int, CloseReason, int] | None = None
        self.parser = AnswerParser()

    def open(self, target: Target, attempt: Attempt, request: bytes) -> None:
        """Connect, and send the attempt's request as soon as that is done. Never raises, never waits."""
        self._carry(attempt, request)
        self._target = target
        self._connecting = True
        try:
            self._socket = _Socket(target.family, socket.SOCK_STREAM)
            self._socket.setblocking(False)  # noqa: FBT003 - the signature is the standard library's
            self._writer = self._loop.io(self._socket.fileno(), _WRITE)
            self._try_connect()
            if self._connecting:
                self._writer.start(self._on_writable)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must end up in the ledger
            self._fail(error)

    def send(self, attempt: Attempt, request: bytes) -> None:
        """Send a request on the open connection. Never raises, never waits."""
        self._carry(attempt, request)
        attempt.progress = Progress.CONNECTED
        self.parser.begin()
        try:
            self._flush()
            if self.end is not None and self.attempt is attempt:
                # The naive client's case: the end was seen while idle and is met again by reading.
                self._reader.start(self._on_readable)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def look(self) -> BaseException | None:
        """Whether the peer has ended the idle connection, or said something unasked; None if it is fit for use."""
        assert self._socket is not None
        try:
            data = self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError as error:
            return error
        return _unasked(data)

    def last_look(self) -> None:
        """At an attempt's deadline: take what has arrived in time but was not read yet, for lack of our own time."""
        attempt = self.attempt
        if self._connecting:
            self._on_writable()
        seen = -1
        while attempt is not None and not attempt.done and self.connected != NEVER and attempt.bytes_in != seen:
            seen = attempt.bytes_in
            self._on_readable()

    def close(self, reason: CloseReason, at: int, number: int = 0) -> None:
        """Close it; the first end that was seen is the one that stands.

        Args:
            reason: Who ended it.
            at: CLOCK_MONOTONIC of the end.
            number: errno, if there was an error.
        """
        self.attempt = None
        if self.end is None:
            self.end = (at, reason, number)
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._reader = self._writer = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def note_end(self, error: BaseException, at: int) -> None:
        """Remember that the peer has ended it, without acting on it: the naive client learns by sending."""
        self.end = (at, reason_of(error), getattr(error, "errno", None) or 0)
        self._reader.stop()

    def _carry(self, attempt: Attempt, request: bytes) -> None:
        self.attempt = attempt
        self._unsent = request
        self.carried += 1

    def _on_writable(self) -> None:
        try:
            if self._connecting:
                self._try_connect()
            else:
                self._flush()
            if not self._connecting and not self._unsent and self._writer is not None:
                self._writer.stop()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def _try_connect(self) -> None:
        assert self._socket is not None
        assert self._target is not None
        code = self._socket.connect_ex(self._target.address)
        if code in {errno.EINPROGRESS, errno.EALREADY}:
            return
        if code not in {0, errno.EISCONN}:
            raise OSError(code, os.strerror(code))
        self._connecting = False
        self.connected = monotonic_ns()
        self.port = self._socket.getsockname()[1]
        self._reader = self._loop.io(self._socket.fileno(), _READ)
        self._reader.start(self._on_readable)
        attempt = self.attempt
        assert attempt is not None
        attempt.connected = self.connected
        attempt.progress = Progress.CONNECTED
        self._owner.advanced(attempt, Progress.CONNECTED)
        self._flush()

    def _flush(self) -> None:
        """Give the operating system what it takes of the request's rest; each byte is given once."""
        attempt = self.attempt
        assert self._socket is not None
        assert attempt is not None
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        attempt.bytes_out += sent
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._writer.start(self._on_writable)
        else:
            attempt.progress = Progress.SENT
            self._owner.advanced(attempt, Progress.SENT)

    def _on_readable(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def _read(self) -> None:
        if self._socket is None:
            return
        attempt = self.attempt
        try:
            data = self._socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError as error:
            if attempt is not None:
                raise
            self._owner.ended_idle(self, error, monotonic_ns())
            return
        at = monotonic_ns()
        if attempt is None:
            self._owner.ended_idle(self, _unasked(data), at)
        elif data:
            self._take(attempt, data, at)
        elif attempt.progress == Progress.PARTLY_ANSWERED and self.parser.end():
            self._owner.answered(self, attempt, at)
        else:
            raise PeerClosedError

    def _take(self, attempt: Attempt, data: bytes, at: int) -> None:
        if attempt.first_byte == NEVER:
            attempt.first_byte = at
            attempt.progress = Progress.PARTLY_ANSWERED
        attempt.bytes_in += len(data)
        parser = self.parser
        parser.take(data)
        if parser.complete:
            self._owner.answered(self, attempt, at)

    @property
    def reusable(self) -> bool:
        """Whether, after a complete answer, it can carry another request."""
        return self.end is None and not self._unsent and self.parser.keeps_connection

    def _fail(self, error: BaseException) -> None:
        attempt = self.attempt
        if attempt is None or attempt.done:
            raise error
        self._owner.failed(self, attempt, error, monotonic_ns())


def _unasked(data: bytes) -> BaseException:
    """What a readable idle connection means, by what it gave."""
    return ValueError("the peer sent data that nobody had asked for") if data else PeerClosedError()
