"""One connection on gevent's event loop, without a greenlet: a state machine that is called when something happens.

A pooled connection is watched for as long as it lives. So the end that a peer makes of an idle one is noticed, with
its time, when it comes. A request is written once; nothing here writes it a second time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
from time import monotonic_ns
from typing import Any, Protocol

from gevent import monkey
from geventhttpclient.response import HTTPParseError

from harness.model.attempt import CloseReason, Method, Progress, Shape
from harness.store.ledger_format import NEVER
from harness.traffic.http.attempt import Attempt, Target
from harness.traffic.http.leniency import LenientParser
from harness.traffic.http.outcomes import PeerClosedError, TlsError, reason_of
from harness.traffic.http.parsing import AnswerParser
from harness.traffic.http.tls import TlsLayer

#: The standard library's own, also where gevent has patched the modules: all waiting is done by the loop.
_Socket: type[socket.socket] = monkey.get_original("socket", "socket")
_poll: Any = monkey.get_original("select", "poll")
_READ, _WRITE = 1, 2
_RECEIVE = 64 * 1024


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
        "_address", "_connecting", "_loop", "_owner", "_poller", "_reader", "_request", "_socket", "_target", "_tls",
        "_unsent", "_writer", "attempt", "begun", "carried", "connected", "end", "number", "parser", "pooled", "port",
        "shape",
    )  # fmt: skip

    def __init__(self, owner: Owner, loop: Any, *, number: int, shape: Shape, pooled: bool, begun: int) -> None:
        self._owner = owner
        self._loop = loop
        self._socket: socket.socket | None = None
        self._poller: Any = None
        self._reader: Any = None
        self._writer: Any = None
        self._target: Target | None = None
        self._address: tuple[Any, ...] = ()
        self._tls: TlsLayer | None = None
        self._connecting = False
        self._request = b""
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
            self._address = target.address if target.dialler is None else target.dialler.choose(self.number)
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
        try:
            self._submit()
            if self.end is not None and self.attempt is attempt:
                # The naive client's case: the end was seen while idle and is met again by reading.
                self._reader.start(self._on_readable)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def look(self) -> BaseException | None:
        """Whether the peer has ended the idle connection, or said something unasked; None if it is fit for use."""
        assert self._socket is not None
        if self._tls is not None:
            return self._look_through(self._tls)
        if self._poller is None:
            self._poller = _poll()
            self._poller.register(self._socket.fileno(), select.POLLIN)
        # A peek that finds nothing raises, which takes three times as long.
        if not self._poller.poll(0):
            return None
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
        while attempt is not None and not attempt.done and self._reader is not None and attempt.bytes_in != seen:
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
            if self._tls is not None and not self._unsent:
                with contextlib.suppress(OSError):
                    self._socket.send(self._tls.farewell())
            self._socket.close()
            self._socket = None

    def note_end(self, error: BaseException, at: int) -> None:
        """Remember that the peer has ended it, without acting on it: the naive client learns by sending."""
        self.end = (at, reason_of(error), getattr(error, "errno", None) or 0)
        self._reader.stop()

    def _carry(self, attempt: Attempt, request: bytes) -> None:
        self.attempt = attempt
        self._request = request
        self.carried += 1
        stream = attempt.stream
        to_head, keep_head = stream.method is Method.HEAD, stream.sessions > 0
        self.parser.begin(to_head=to_head, whole=attempt.whole, keep_head=keep_head)

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
        code = self._socket.connect_ex(self._address)
        if code in {errno.EINPROGRESS, errno.EALREADY}:
            return
        if code not in {0, errno.EISCONN}:
            raise OSError(code, os.strerror(code))
        self._connecting = False
        self.port = self._socket.getsockname()[1]
        self._reader = self._loop.io(self._socket.fileno(), _READ)
        self._reader.start(self._on_readable)
        if self._target.secure is None:
            self._stands()
        else:
            self._tls = TlsLayer(self._target.secure)
            self._tls.begin()
            self._flush()

    def _stands(self) -> None:
        """The connection can carry requests: with TLS not before hands are shaken."""
        attempt = self.attempt
        assert attempt is not None
        self.connected = attempt.connected = monotonic_ns()
        attempt.progress = Progress.CONNECTED
        self._owner.advanced(attempt, Progress.CONNECTED)
        self._submit()

    def _submit(self) -> None:
        """Hand in the request; this is done once."""
        request, self._request = self._request, b""
        if self._tls is None:
            self._unsent = request
        else:
            self._tls.put(request)
        self._flush()

    def _flush(self) -> None:
        """Give the operating system what it takes of what is to be sent; each byte is given once."""
        attempt = self.attempt
        assert self._socket is not None
        if self._tls is not None:
            self._unsent += self._tls.outgoing()
        try:
            sent = self._socket.send(self._unsent) if self._unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            # An answer may have come before the peer stopped listening: it counts, as it does with any careful client.
            self._read_all()
            if attempt is None or not attempt.done:
                raise
            return
        self._unsent = self._unsent[sent:]
        if attempt is not None:
            attempt.bytes_out += sent
        if self._unsent:
            self._writer.start(self._on_writable)
        elif attempt is not None and attempt.progress == Progress.CONNECTED:
            # Not later: a server may answer before it has the whole request.
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
        if attempt is not None:
            attempt.bytes_in += len(data)
        if self._tls is not None:
            self._decrypt(self._tls, data, at)
        elif attempt is None:
            self._owner.ended_idle(self, _unasked(data), at)
        elif data:
            self._take(attempt, data, at)
        else:
            self._take_end(attempt, at)

    def _read_all(self) -> None:
        """Take what has arrived on a connection on which nothing can be sent any more; its end is known already."""
        attempt = self.attempt
        seen = -1
        while attempt is not None and not attempt.done and self._reader is not None and attempt.bytes_in != seen:
            seen = attempt.bytes_in
            with contextlib.suppress(OSError, PeerClosedError):
                self._read()

    def _decrypt(self, tls: TlsLayer, data: bytes, at: int) -> None:
        """Go on with bytes of a TLS connection, which may hold an answer, or only what TLS itself has to say."""
        if not data:
            # Cut, without a farewell: where an answer has no length, nobody can say that this was all of it.
            self._end_or_fail(PeerClosedError(), at)
            return
        stood = tls.stands
        try:
            plain = tls.take(data)
        except TlsError as error:
            self._end_or_fail(error, at)
            return
        if tls.stands and not stood:
            self._stands()
        else:
            self._flush()
        attempt = self.attempt
        if plain and attempt is None:
            self._owner.ended_idle(self, _unasked(plain), at)
        elif plain and attempt is not None:
            self._take(attempt, plain, at)
        if self._socket is None:
            return
        if tls.error is not None:
            self._end_or_fail(tls.error, at)
        elif tls.closed and self.attempt is not None:
            self._take_end(self.attempt, at)
        elif tls.closed:
            self._owner.ended_idle(self, PeerClosedError(), at)

    def _look_through(self, tls: TlsLayer) -> BaseException | None:
        """``look`` with TLS, where what has come may be no data: a ticket for later connections, say."""
        assert self._socket is not None
        try:
            while data := self._socket.recv(_RECEIVE):
                plain = tls.take(data)
                if plain:
                    return _unasked(plain)
                if tls.closed:
                    break
        except BlockingIOError:
            return None
        except (OSError, TlsError) as error:
            return error
        return PeerClosedError()

    def _end_or_fail(self, error: BaseException, at: int) -> None:
        """The peer has ended the connection: an idle one, or an attempt's."""
        if self.attempt is not None:
            raise error
        self._owner.ended_idle(self, error, at)

    def _take_end(self, attempt: Attempt, at: int) -> None:
        """The peer sends nothing more: the end of an answer without a length, of any other a loss."""
        if attempt.progress != Progress.PARTLY_ANSWERED or not self.parser.end():
            raise PeerClosedError
        self._owner.answered(self, attempt, at)

    def _take(self, attempt: Attempt, data: bytes, at: int) -> None:
        if attempt.first_byte == NEVER:
            attempt.first_byte = at
            attempt.progress = Progress.PARTLY_ANSWERED
        try:
            self.parser.take(data)
        except HTTPParseError:
            if isinstance(self.parser, LenientParser) or not self.parser.in_head:
                raise
            self.parser = LenientParser.instead_of(self.parser, data)
        if self.parser.complete:
            self._owner.answered(self, attempt, at)

    @property
    def reusable(self) -> bool:
        """Whether, after a complete answer, it can carry another request."""
        return self.end is None and not self._unsent and self.parser.keeps_connection

    def _fail(self, error: BaseException) -> None:
        attempt = self.attempt
        if attempt is None and self._socket is not None and isinstance(error, OSError):
            # TLS had something of its own to say, and the peer does not listen.
            self._owner.ended_idle(self, error, monotonic_ns())
            return
        if attempt is None or attempt.done:
            raise error
        self._owner.failed(self, attempt, error, monotonic_ns())


def _unasked(data: bytes) -> BaseException:
    """What a readable idle connection means, by what it gave."""
    return ValueError("the peer sent data that nobody had asked for") if data else PeerClosedError()
