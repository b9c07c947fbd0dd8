"""Just enough of HTTP/1.1 for a server: a request's head, then its body by length or in chunks.

The pure-Python parsers cost more per request than the whole rest of a pod, and the C ones are not importable without a
framework around them; on two cores that also carry the load generator, the application has to be nearly free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_LONGEST_HEAD = 64 * 1024
_LONGEST_CHUNK_LINE = 1024


class BadRequestError(Exception):
    """What came is not a request; the connection is of no further use."""


@dataclass(slots=True)
class Request:
    """One request.

    Attributes:
        method: As sent, upper case.
        target: Path and query.
        version: ``HTTP/1.1`` or ``HTTP/1.0``.
        headers: Values by lower-case name.
        body: All of it.
    """

    method: str
    target: str
    version: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants the connection to stay."""
        wish = self.headers.get("connection", "").lower()
        return "close" not in wish if self.version == "HTTP/1.1" else "keep-alive" in wish


@dataclass(slots=True)
class Parser:
    """Turns the bytes of one connection into requests; ``feed`` them in, iterate ``requests`` for what is complete.

    Attributes:
        expects_continue: The client waits for ``100 Continue`` before it sends the body; the server clears this.
    """

    expects_continue: bool = False
    _buffer: bytearray = field(default_factory=bytearray)
    _head: Request | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing of a next request has come."""
        return not self._buffer and self._head is None

    def feed(self, data: bytes) -> None:
        """Take in what was received."""
        self._buffer += data

    def requests(self) -> Iterator[Request]:
        """Requests that are complete; raises ``BadRequestError`` for bytes that are no request."""
        while (request := self._next()) is not None:
            yield request

    def _next(self) -> Request | None:
        if self._head is None:
            self._head = self._parse_head()
        if self._head is None:
            return None
        body = self._chunked() if "transfer-encoding" in self._head.headers else self._sized(self._head)
        if body is None:
            return None
        request, self._head = self._head, None
        request.body = body
        return request

    def _parse_head(self) -> Request | None:
        while self._buffer.startswith(b"\r\n"):  # tolerated between requests, as RFC 9112 asks for
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                raise BadRequestError("head too long")
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        words = lines[0].split(" ")
        if len(words) != 3 or words[2] not in {"HTTP/1.1", "HTTP/1.0"}:
            raise BadRequestError("no request line")
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        self.expects_continue = headers.get("expect", "").lower() == "100-continue"
        return Request(words[0], words[1], words[2], headers)

    def _sized(self, head: Request) -> bytes | None:
        text = head.headers.get("content-length", "0")
        if not text.isdigit():
            raise BadRequestError("no length")
        size = int(text)
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return body

    def _chunked(self) -> bytes | None:
        """The body, once its last chunk and the trailer are in; nothing is taken from the buffer before."""
        body, at = bytearray(), 0
        while True:
            end = self._buffer.find(b"\r\n", at)
            if end < 0:
                if len(self._buffer) - at > _LONGEST_CHUNK_LINE:
                    raise BadRequestError("no chunk size")
                return None
            size = _chunk_size(self._buffer[at:end])
            if size == 0:
                return self._after_trailer(body, end)
            if len(self._buffer) < end + 2 + size + 2:
                return None
            body += self._buffer[end + 2 : end + 2 + size]
            at = end + 2 + size + 2

    def _after_trailer(self, body: bytearray, at: int) -> bytes | None:
        end = self._buffer.find(b"\r\n\r\n", at)
        if end < 0:
            return None
        del self._buffer[: end + 4]
        return bytes(body)


def _chunk_size(line: bytes | bytearray) -> int:
    try:
        return int(line.split(b";")[0], 16)
    except ValueError:
        raise BadRequestError("no chunk size") from None
