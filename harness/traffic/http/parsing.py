"""Parsing of HTTP/1.1 answers by llhttp.

Framing, status and body are enough to judge an attempt. So headers are dropped, and the body is kept only as far as
judging needs it.
"""

from __future__ import annotations

from collections import deque

from geventhttpclient.response import HTTPParseError, HTTPResponseParser

from harness.traffic.http.outcomes import OversizeError

#: Longest head of an answer, including interim answers; servers send less (nginx: 8 KiB buffers).
HEAD_LIMIT = 256 * 1024
#: Longest body where the whole of it is needed; elsewhere a body may have any length.
BODY_LIMIT = 16 * 1024 * 1024
#: Bytes that are kept of other bodies.
BEGINNING = 4096

#: Discards its argument without a step of Python, since it is called for every header.
_ignore = deque[object](maxlen=0).append


class AnswerParser(HTTPResponseParser):
    """Parses the answers on one connection, one after the other.

    Attributes:
        complete: The final answer is complete.
        spoiled: Data followed it, so the connection cannot be used again.
        status: Status of the final answer.
        ended_by_close: The end of the peer's data completed it: it had no length.
        head: Data of its head and of interim answers, while the head is incomplete; the whole head of a redirect or
            where that is needed, with the data that came along with its end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self, *, to_head: bool = False, whole: bool = True, keep_head: bool = False) -> None:
        """Expect an answer.

        Args:
            to_head: It answers a HEAD request, so it has no body, whatever its length field says.
            whole: Judging needs the whole body.
            keep_head: The head is needed when it is complete.
        """
        self.complete = False
        self.spoiled = False
        self.status = 0
        self.ended_by_close = False
        self.head: list[bytes] = []
        self._to_head = to_head
        self._keep = BODY_LIMIT if whole else BEGINNING
        self._whole = whole
        self._keep_head = keep_head
        self._body = bytearray()
        self._in_body = False
        self._size = 0

    @property
    def body(self) -> bytes:
        """Return the received part of the body, or its beginning."""
        body = self._body
        return bytes(body if len(body) <= self._keep else body[: self._keep])

    @property
    def in_head(self) -> bool:
        """True until the head of the final answer is complete."""
        return not self._in_body

    def take(self, data: bytes) -> None:
        """Parse received data.

        Raises:
            HTTPParseError: The data is no HTTP.
            OversizeError: The head or the body is too long.
        """
        was_in_body = self._in_body
        try:
            self.feed(data)
        except HTTPParseError:
            if not self.complete:
                raise
            self.spoiled = True
        if not self._in_body or (self._keep_head and not was_in_body):
            self.head.append(data)
        if not self._in_body:
            self._size += len(data)
            if self._size > HEAD_LIMIT:
                raise OversizeError(f"the answer's head is longer than {HEAD_LIMIT} bytes")

    def end(self) -> bool:
        """Process the end of the peer's data.

        Returns:
            True if this completes the answer, which is so for one without a length.
        """
        try:
            self.feed(b"")
        except HTTPParseError:
            return False
        self.ended_by_close = self.complete
        return self.complete

    @property
    def announced_close(self) -> bool:
        """True if the peer has announced that it closes the connection after this answer."""
        return not self.should_keep_alive()

    @property
    def keeps_connection(self) -> bool:
        """True if the connection can carry another request after a complete answer."""
        return not self.spoiled and bool(self.should_keep_alive())

    # Callbacks of llhttp; all of them must exist.

    _on_status = staticmethod(_ignore)
    _on_header_field = staticmethod(_ignore)
    _on_header_value = staticmethod(_ignore)

    def _on_message_begin(self) -> None:
        if self.complete:
            self.spoiled = True

    def _on_headers_complete(self) -> bool:
        """Return True if the answer has no body."""
        self._in_body = True
        if 300 <= self.get_code() < 400:
            # The target of a redirect is part of the answer.
            self._keep_head = True
        return self._to_head

    def _on_body(self, data: bytearray) -> None:
        if self.spoiled:
            return
        kept = self._body
        if self._whole and len(kept) + len(data) > BODY_LIMIT:
            raise OversizeError(f"the answer's body is longer than {BODY_LIMIT} bytes")
        if not kept:
            self._body = data
        elif len(kept) < self._keep:
            kept += data

    def _on_message_complete(self) -> None:
        if self.complete:
            return
        status = self.get_code()
        if 100 <= status < 200 and status != 101:
            # After an interim answer the final one follows.
            self._in_body = False
            return
        self.status = status
        self.complete = True
