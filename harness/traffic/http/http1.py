"""An HTTP/1.1 connection: a state machine on gevent's event loop, without a greenlet.

The loop watches a connection for as long as it lives, so the end of an idle one is seen at once, with its time.
A request is written once; no code here writes it a second time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
from time import monotonic_ns
from typing import Any

from gevent import monkey
from geventhttpclient.response import HTTPParseError

from harness.model.attempt import CloseReason, Method, Progress
from harness.model.shapes import Shape
from harness.store.ledger_format import NEVER
from harness.traffic.http.attempt import Attempt, ConnectionOwner
from harness.traffic.http.destination import Destination
from harness.traffic.http.lenient_parser import LenientParser
from harness.traffic.http.outcomes import PeerClosedError, reason_of
from harness.traffic.http.parsing import AnswerParser
from harness.traffic.http.tls import TlsError, TlsLayer

#: The standard library's own, also where gevent has patched the modules: only the loop waits.
_Socket: type[socket.socket] = monkey.get_original("socket", "socket")
_poll: Any = monkey.get_original("select", "poll")
_READ, _WRITE = 1, 2
_RECEIVE = 64 * 1024


class Http1Connection:
    """An HTTP/1.1 connection, as ``ClientConnection`` describes it.

    Args:
        owner: Receives every event.
        loop: gevent's event loop.
        number: Its number in the connection ledger.
        shape: The shape of attempts that it is opened for.
        kept: The client keeps it after an answer.
        begun: CLOCK_MONOTONIC at which opening begins.
    """

    __slots__ = (
        "_address",
        "_connecting",
        "_destination",
        "_loop",
        "_owner",
        "_poller",
        "_reader",
        "_request",
        "_socket",
        "_tls",
        "_unsent",
        "_writer",
        "attempt",
        "begun",
        "carried",
        "connected",
        "end",
        "kept",
        "number",
        "parser",
        "port",
        "shape",
    )  # fmt: skip

    def __init__(self, owner: ConnectionOwner, loop: Any, *, number: int, shape: Shape, kept: bool, begun: int) -> None:
        self._owner = owner
        self._loop = loop
        self._socket: socket.socket | None = None
        self._poller: Any = None
        self._reader: Any = None
        self._writer: Any = None
        self._destination: Destination | None = None
        self._address: tuple[Any, ...] = ()
        self._tls: TlsLayer | None = None
        self._connecting = False
        self._request = b""
        self._unsent = b""
        self.number = number
        self.shape = shape
        self.kept = kept
        self.begun = begun
        self.connected = NEVER
        self.port = 0
        self.carried = 0
        self.attempt: Attempt | None = None
        self.end: tuple[int, CloseReason, int] | None = None
        self.parser = AnswerParser()

    def open(self, destination: Destination, attempt: Attempt | None = None, request: bytes = b"") -> None:
        """Connect, and send an attempt's request as soon as that is done."""
        if attempt is not None:
            self._carry(attempt, request)
        self._destination = destination
        self._connecting = True
        try:
            choice = destination.choice
            self._address = destination.address if choice is None else choice.choose(self.number)
            self._socket = _Socket(destination.family, socket.SOCK_STREAM)
            self._socket.setblocking(False)  # noqa: FBT003 - the signature is the standard library's
            self._writer = self._loop.io(self._socket.fileno(), _WRITE)
            self._try_connect()
            if self._connecting:
                self._writer.start(self._on_writable)
        except Exception as error:  # noqa: BLE001 - every error must end up in the ledger
            self._fail(error)

    def send(self, attempt: Attempt, request: bytes) -> None:
        """Send a request on the open connection."""
        self._carry(attempt, request)
        attempt.progress = Progress.CONNECTED
        try:
            self._submit()
            if self.end is not None and self.attempt is attempt:
                # The end was seen while idle, and the client did not look: it meets the end by reading.
                self._reader.start(self._on_readable)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def look(self) -> BaseException | None:
        """Return the peer's end or its unexpected data as an error; None if the idle connection is fit for use."""
        assert self._socket is not None
        if self._tls is not None:
            return self._look_through(self._tls)
        if self._poller is None:
            self._poller = _poll()
            self._poller.register(self._socket.fileno(), select.POLLIN)
        # A peek that finds nothing raises, which takes three times as long as this poll.
        if not self._poller.poll(0):
            return None
        try:
            data = self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError as error:
            return error
        return _unexpected(data)

    def last_look(self) -> None:
        """Take what has arrived before the deadline but is still unread because this process was late."""
        attempt = self.attempt
        if self._connecting:
            self._on_writable()
        seen = -1
        while attempt is not None and not attempt.done and self._reader is not None and attempt.bytes_in != seen:
            seen = attempt.bytes_in
            self._on_readable()

    def close(self, reason: CloseReason, at: int, number: int = 0) -> None:
        """Close it; the first end that was seen stands."""
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
                    self._socket.send(self._tls.close_notify())
            self._socket.close()
            self._socket = None

    def note_end(self, error: BaseException, at: int) -> None:
        """Remember that the peer has ended it; a client that does not look learns it by sending."""
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
        assert self._destination is not None
        code = self._socket.connect_ex(self._address)
        if code in {errno.EINPROGRESS, errno.EALREADY}:
            return
        if code not in {0, errno.EISCONN}:
            raise OSError(code, os.strerror(code))
        self._connecting = False
        self.port = self._socket.getsockname()[1]
        self._reader = self._loop.io(self._socket.fileno(), _READ)
        self._reader.start(self._on_readable)
        if self._destination.tls is None:
            self._established()
        else:
            self._tls = TlsLayer(self._destination.tls)
            self._tls.begin()
            self._flush()

    def _established(self) -> None:
        """Begin to carry requests; with TLS this is after the handshake."""
        attempt = self.attempt
        self.connected = monotonic_ns()
        if attempt is None:
            self._flush()
            self._owner.opened(self)
            return
        attempt.connected = self.connected
        attempt.progress = Progress.CONNECTED
        self._owner.advanced(attempt, Progress.CONNECTED)
        self._submit()

    def _submit(self) -> None:
        """Write the request; this happens once."""
        request, self._request = self._request, b""
        if self._tls is None:
            self._unsent = request
        else:
            self._tls.put(request)
        self._flush()

    def _flush(self) -> None:
        """Give the operating system as many unsent bytes as it takes; each byte is given once."""
        attempt = self.attempt
        assert self._socket is not None
        if self._tls is not None:
            self._unsent += self._tls.outgoing()
        try:
            sent = self._socket.send(self._unsent) if self._unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            # An answer that came before the peer stopped reading counts, as it does with any careful client.
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
            # Not later: a server may answer before it has read the whole request.
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
            self._owner.ended_idle(self, _unexpected(data), at)
        elif data:
            self._take(attempt, data, at)
        else:
            self._take_end(attempt, at)

    def _read_all(self) -> None:
        """Take what has arrived on a connection that accepts no more data; its end is known already."""
        attempt = self.attempt
        seen = -1
        while attempt is not None and not attempt.done and self._reader is not None and attempt.bytes_in != seen:
            seen = attempt.bytes_in
            with contextlib.suppress(OSError, PeerClosedError):
                self._read()

    def _decrypt(self, tls: TlsLayer, data: bytes, at: int) -> None:
        """Process bytes of a TLS connection; they may hold an answer, or only messages of TLS itself."""
        if not data:
            # Without close_notify an answer without a length may be incomplete.
            self._end_or_fail(PeerClosedError(), at)
            return
        was_established = tls.established
        try:
            plain = tls.take(data)
        except TlsError as error:
            self._end_or_fail(error, at)
            return
        if tls.established and not was_established:
            self._established()
        else:
            self._flush()
        attempt = self.attempt
        if plain and attempt is None:
            self._owner.ended_idle(self, _unexpected(plain), at)
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
        """Look on a TLS connection, where received bytes may hold no data but, for example, a session ticket."""
        assert self._socket is not None
        try:
            while data := self._socket.recv(_RECEIVE):
                plain = tls.take(data)
                if plain:
                    return _unexpected(plain)
                if tls.closed:
                    break
        except BlockingIOError:
            return None
        except (OSError, TlsError) as error:
            return error
        return PeerClosedError()

    def _end_or_fail(self, error: BaseException, at: int) -> None:
        """Raise the error for an attempt; report it for an idle connection."""
        if self.attempt is not None:
            raise error
        self._owner.ended_idle(self, error, at)

    def _take_end(self, attempt: Attempt, at: int) -> None:
        """Complete an answer without a length at the end of the connection; raise for any other."""
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
        """True if it can carry another request after a complete answer."""
        return self.end is None and not self._unsent and self.parser.keeps_connection

    @property
    def end_is_proven(self) -> bool:
        """True if the end of its last answer is known; see ``ClientConnection``."""
        return self._tls is not None or not self.parser.ended_by_close

    def _fail(self, error: BaseException) -> None:
        attempt = self.attempt
        is_opening = self.connected == NEVER
        if attempt is None and (is_opening or (self._socket is not None and isinstance(error, OSError))):
            # It was opened ahead of need, or TLS wrote a message of its own and the peer does not read.
            self._owner.ended_idle(self, error, monotonic_ns())
            return
        if attempt is None or attempt.done:
            raise error
        self._owner.failed(self, attempt, error, monotonic_ns())


def _unexpected(data: bytes) -> BaseException:
    """Return the error for the data, or the end, that a readable idle connection gave."""
    return ValueError("the peer sent data without a request") if data else PeerClosedError()
