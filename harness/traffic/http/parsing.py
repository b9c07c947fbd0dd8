"""HTTP/1.1 answers as llhttp sees them.

No header of an answer is kept: framing, status and body are all that an attempt is judged by; and of the body no more
than the judgement needs.
"""

from __future__ import annotations

from collections import deque

from geventhttpclient.response import HTTPParseError, HTTPResponseParser

from harness.traffic.http.outcomes import OversizeError

#: Longest head of an answer, interim answers included: more than any server sends (nginx: 8 KiB buffers).
HEAD_LIMIT = 256 * 1024
#: Longest body that is kept, where the whole of it is needed; where it is not, a body may have any length.
BODY_LIMIT = 16 * 1024 * 1024
#: Bytes that are kept of a body where not all of it is needed.
BEGINNING = 4096

#: Takes anything and keeps nothing, without a step of Python: it is called for every header.
_ignore = deque[object](maxlen=0).append


class AnswerParser(HTTPResponseParser):
    """llhttp for the answers on one connection, one after the other.

    Attributes:
        complete: The final answer is there in full.
        spoiled: There was something behind it, so the connection can't be used again.
        status: Its status.
        head: What has come of its head (and of interim answers), as long as that is not complete; all of it where it
            is asked for, with whatever came along with its end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self, *, to_head: bool = False, whole: bool = True, keep_head: bool = False) -> None:
        """Expect an answer.

        Args:
            to_head: It answers a HEAD request, so it has no body, whatever it says of its length.
            whole: Its whole body is needed, and not only the beginning.
            keep_head: Its head is needed when it is complete.
        """
        self.complete = False
        self.spoiled = False
        self.status = 0
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
        """Its body as far as it has come, or the beginning of it."""
        body = self._body
        return bytes(body if len(body) <= self._keep else body[: self._keep])

    @property
    def in_head(self) -> bool:
        """Nothing of the final answer's body has come, nor all of its head."""
        return not self._in_body

    def take(self, data: bytes) -> None:
        """Parse what was read.

        Raises:
            HTTPParseError: It is no HTTP.
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
    def announced_close(self) -> bool:
        """The peer has said that it closes the connection after this answer."""
        return not self.should_keep_alive()

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection can carry another request after a complete answer."""
        return not self.spoiled and bool(self.should_keep_alive())

    # What llhttp calls; all of them must exist.

    _on_status = staticmethod(_ignore)
    _on_header_field = staticmethod(_ignore)
    _on_header_value = staticmethod(_ignore)

    def _on_message_begin(self) -> None:
        if self.complete:
            self.spoiled = True

    def _on_headers_complete(self) -> bool:
        """Whether the body is to be skipped."""
        self._in_body = True
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
            # An interim answer: the one that counts follows.
            self._in_body = False
            return
        self.status = status
        self.complete = True
