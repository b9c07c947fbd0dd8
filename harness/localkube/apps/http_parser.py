"""Parse HTTP/1.1 requests for a server: the head, then the body by length or in chunks.

Pure-Python parsers cost more per request than the whole rest of a pod, and the C parsers are not usable without their
frameworks. Two cores also carry the load generator, so the application must cost almost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_LONGEST_HEAD = 64 * 1024
_LONGEST_CHUNK_LINE = 1024


class BadRequestError(Exception):
    """The received bytes are not a request; the connection must be closed."""


@dataclass(slots=True)
class Request:
    """A parsed request.

    Attributes:
        method: As sent, upper case.
        target: Path and query.
        version: ``HTTP/1.1`` or ``HTTP/1.0``.
        headers: Values by lower-case name.
        body: The complete body.
    """

    method: str
    target: str
    version: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def keep_alive(self) -> bool:
        """Return True if the client wants to keep the connection open."""
        wish = self.headers.get("connection", "").lower()
        return "close" not in wish if self.version == "HTTP/1.1" else "keep-alive" in wish


@dataclass(slots=True)
class Parser:
    """A parser of one connection's bytes; ``feed`` it and iterate ``requests`` for complete requests.

    Attributes:
        expects_continue: True if the client waits for ``100 Continue`` before it sends the body; the server resets it.
    """

    expects_continue: bool = False
    _buffer: bytearray = field(default_factory=bytearray)
    _head: Request | None = None

    @property
    def idle(self) -> bool:
        """Return True if no byte of a next request has been received."""
        return not self._buffer and self._head is None

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._buffer += data

    def requests(self) -> Iterator[Request]:
        """Yield the complete requests; raise ``BadRequestError`` for bytes that are not a request."""
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
        while self._buffer.startswith(b"\r\n"):  # allowed between requests by RFC 9112
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
        """Return the body once the last chunk and the trailer have arrived; until then keep the buffer unchanged."""
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
