"""A parser for answers that break HTTP's grammar in ways that every client accepts.

llhttp accepts only the grammar. RFC 9112 asks clients to accept more: lines that end in a bare LF (2.2), folded header
lines (5.2), a repeated length (6.3), a later minor version (RFC 9110, 2.5). An answer that every browser shows is not
a lost request. So a head that llhttp rejects is parsed by the RFC's rules for recipients, rewritten in the grammar, and
given to llhttp. Errors that no careful client accepts are still rejected: contradictory lengths, invalid names, white
space in place of the first header.
"""

from __future__ import annotations

import re
from typing import Self

from geventhttpclient.response import HTTPParseError

from harness.traffic.http.outcomes import OversizeError
from harness.traffic.http.parsing import HEAD_LIMIT, AnswerParser

_END_OF_HEAD = re.compile(rb"\n\r?\n")
_TEXT = re.compile(rb"[^\r\n]")
_END_OF_LINE = re.compile(rb"\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9])[ \t]+([0-9]{3})(?:[ \t]+(.*))?", re.DOTALL)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Control characters, including a CR inside a line; each becomes a space (RFC 9110, 5.5; RFC 9112, 2.2).
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")

#: Headers as (name in lower case, value).
_Fields = list[tuple[bytes, bytes]]


class LenientParser(AnswerParser):
    """Replaces a parser that has rejected a head, for the rest of the connection."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._is_distrusted = False
        super().__init__()

    @classmethod
    def instead_of(cls, parser: AnswerParser, data: bytes) -> Self:
        """Build the parser that continues where another one has rejected data.

        Args:
            parser: The other one, which has accepted ``head`` of an answer.
            data: The data that it rejected.

        Raises:
            HTTPParseError: The data is no HTTP by lenient rules either.
            OversizeError: See ``AnswerParser.take``.
        """
        made = cls()
        made.begin(to_head=parser._to_head, whole=parser._whole, keep_head=parser._keep_head)  # noqa: SLF001 - family
        made.take(b"".join((*parser.head, data)))
        return made

    def begin(self, *, to_head: bool = False, whole: bool = True, keep_head: bool = False) -> None:
        """Expect an answer."""
        super().begin(to_head=to_head, whole=whole, keep_head=keep_head)
        self._waiting.clear()

    def take(self, data: bytes) -> None:
        """Parse data, with lenient rules for heads; see ``AnswerParser.take``."""
        begin = 0
        while begin < len(data) and self.in_head and not self.complete:
            head, begin = self._head_in(data, begin)
            if head:
                strict, has_two_lengths = _strict(head)
                self._is_distrusted |= has_two_lengths
                super().take(strict)
        if begin < len(data):
            super().take(data[begin:])

    @property
    def keeps_connection(self) -> bool:
        """True if the connection can carry another request; an answer with two kinds of length ends it."""
        return not self._is_distrusted and super().keeps_connection

    def _head_in(self, data: bytes, begin: int) -> tuple[bytes, int]:
        """Return a complete head from ``begin`` on, if there is one, and the position of its end in the data.

        An incomplete head waits for the rest. The data behind an interim answer is not copied, since there may be many.
        """
        waiting = self._waiting
        if waiting:
            known = len(waiting)
            waiting += data[begin:]
            end = _END_OF_HEAD.search(waiting, max(0, known - 2))
            if end is not None:
                head = bytes(waiting[: end.start()])
                waiting.clear()
                return head, begin + end.end() - known
        else:
            # Empty lines before the status line mean nothing (RFC 9112, 2.2).
            text = _TEXT.search(data, begin)
            if text is None:
                return b"", len(data)
            begin = text.start()
            end = _END_OF_HEAD.search(data, begin)
            if end is not None:
                return data[begin : end.start()], end.end()
            waiting += data[begin:]
        if len(waiting) > HEAD_LIMIT:
            raise OversizeError(f"the answer's head is longer than {HEAD_LIMIT} bytes")
        return b"", len(data)


def _strict(head: bytes) -> tuple[bytes, bool]:
    """Rewrite a head in the grammar; also return True if it had two kinds of length, of which one must be wrong.

    Raises:
        HTTPParseError: The head is invalid.
    """
    first, *lines = _END_OF_LINE.split(head)
    status_line = _STATUS_LINE.fullmatch(first)
    if status_line is None:
        raise HTTPParseError("no status line")
    minor, status, reason = status_line.groups(default=b"")
    fields, has_two_lengths = _framed(_fields(lines))
    if status.startswith(b"1") and status != b"101":
        # An interim answer does not end the connection, whatever its header says.
        fields = [field for field in fields if field[0] != b"connection"]
    line = b"HTTP/1.%b %b %b" % (b"0" if minor == b"0" else b"1", status, _CONTROL.sub(b" ", reason))
    return b"\r\n".join((line, *(b"%b: %b" % field for field in fields), b"", b"")), has_two_lengths


def _fields(lines: list[bytes]) -> _Fields:
    fields: _Fields = []
    for line in lines:
        if line[:1] in {b" ", b"\t"}:
            if not fields:
                raise HTTPParseError("white space where a header should be")
            name, value = fields.pop()
            fields.append((name, b"%b %b" % (value, _text(line))))
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t").lower()
        if not colon or not _NAME.fullmatch(name):
            raise HTTPParseError("a header without a name")
        fields.append((name, _text(value)))
    return fields


def _text(value: bytes) -> bytes:
    return _CONTROL.sub(b" ", value).strip(b" \t")


def _framed(fields: _Fields) -> tuple[_Fields, bool]:
    """Return the headers with at most one length (RFC 9112, 6.3), and True if there were two kinds of length."""
    said = [part.strip() for name, value in fields if name == b"content-length" for part in value.split(b",")]
    if not said:
        return fields, False
    others = [field for field in fields if field[0] != b"content-length"]
    codings = b",".join(value for name, value in others if name == b"transfer-encoding")
    if codings:
        if codings.lower().rpartition(b",")[2].strip() != b"chunked":
            raise HTTPParseError("a length together with a transfer coding that has none")
        return others, True
    if len(set(said)) > 1:
        raise HTTPParseError("lengths that contradict each other")
    return [*others, (b"content-length", said[0])], False
