"""HTTP/1.1 as bytes: what an attempt sends, and llhttp's view of what comes back.

No header of an answer is kept: framing, status and body are all that an attempt is judged by.
"""

from __future__ import annotations

from dataclasses import dataclass

from geventhttpclient.response import HTTPParseError, HTTPResponseParser

from harness.model.attempt import Method, Shape
from harness.model.schedule import Stream
from harness.traffic.outcomes import OversizeError

#: Longest head of an answer, interim answers included: more than any server sends (nginx: 8 KiB buffers).
HEAD_LIMIT = 256 * 1024
#: Longest body that an attempt takes.
BODY_LIMIT = 16 * 1024 * 1024
#: What a POST or PUT carries: a body of known length, so that a server that reads it can tell whether it got all of it.
POST_BODY = b"attempt\n"
_WITH_BODY = frozenset({Method.POST, Method.PUT})


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The bytes of a stream's requests around the attempt's number."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, stream: Stream, *, host: str, token: str) -> RequestForm:
        """The form of a stream's requests.

        Attempts on new connections ask for the connection to be closed after the answer, as clients do that open one
        per request; those on pooled connections say nothing, which in HTTP/1.1 keeps it.

        Args:
            stream: What is sent.
            host: The ``Host`` header.
            token: What the attempt's id begins with: ``<token>-<number>``.
        """
        fields = ["User-Agent: harness", "Accept: */*"]
        if stream.shape == Shape.NEW:
            fields.append("Connection: close")
        body = b""
        if stream.method in _WITH_BODY:
            body = POST_BODY
            fields += ["Content-Type: text/plain", f"Content-Length: {len(body)}"]
        head = f"{stream.method.name} {stream.path} HTTP/1.1\r\nHost: {host}\r\nX-Request-ID: {token}-"
        return cls(head.encode(), ("\r\n" + "\r\n".join(fields) + "\r\n\r\n").encode() + body)

    def request(self, number: int) -> bytes:
        """The request of the attempt with this number."""
        return b"%b%d%b" % (self.before, number, self.after)


class AnswerParser(HTTPResponseParser):
    """llhttp for the answers on one connection, one after the other.

    Attributes:
        complete: The final answer is there in full.
        spoiled: There was something behind it, so the connection can't be used again.
        status: Its status.
        body: Its body, as far as it has come.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """Expect an answer."""
        self.complete = False
        self.spoiled = False
        self.status = 0
        self.body = b""
        self._in_body = False
        self._head = 0

    def take(self, data: bytes) -> None:
        """Parse what was read.

        Raises:
            HTTPParseError: It is no HTTP.
            OversizeError: The head or the body is too long.
        """
        try:
            self.feed(data)
        except HTTPParseError:
            if not self.complete:
                raise
            self.spoiled = True
        if not self._in_body:
            self._head += len(data)
            if self._head > HEAD_LIMIT and not self.complete:
                raise OversizeError(f"the answer's head is longer than {HEAD_LIMIT} bytes")

    def end(self) -> bool:
        """The peer has closed its side.

        Returns:
            Whether this completes the answer, as it does for one that has no length.
        """
        try:
            self.feed(b"")
        except HTTPParseError:
            return False
        return self.complete

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection can carry another request after a complete answer."""
        return not self.spoiled and bool(self.should_keep_alive())

    # What llhttp calls; all of them must exist.

    def _on_message_begin(self) -> None:
        if self.complete:
            self.spoiled = True

    def _on_status(self, _: str) -> None:
        pass

    def _on_header_field(self, _: str) -> None:
        pass

    def _on_header_value(self, _: str) -> None:
        pass

    def _on_headers_complete(self) -> None:
        self._in_body = True

    def _on_body(self, data: bytearray) -> None:
        if self.spoiled:
            return
        if len(self.body) + len(data) > BODY_LIMIT:
            raise OversizeError(f"the answer's body is longer than {BODY_LIMIT} bytes")
        self.body = self.body + data if self.body else bytes(data)

    def _on_message_complete(self) -> None:
        if self.complete:
            return
        status = self.get_code()
        if 100 <= status < 200 and status != 101:
            # An interim answer: the one that counts follows.
            self._in_body = False
            return
        self.status = status
        self.complete = True
