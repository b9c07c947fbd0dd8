"""Exact parsing of HTTP/1.1 in pieces of any size."""

from __future__ import annotations

import pytest
from geventhttpclient.response import HTTPParseError
from hypothesis import given
from hypothesis import strategies as st

from harness.model.attempt import Outcome
from harness.traffic.calibration.faults import FAULTS, Ending
from harness.traffic.http.lenient_parser import LenientParser
from harness.traffic.http.outcomes import OversizeError
from harness.traffic.http.parsing import BEGINNING, BODY_LIMIT, HEAD_LIMIT, AnswerParser

#: Answers that are complete in themselves: (bytes, status, body, whether the connection is kept).
WHOLE = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 200\r\ncontent-LENGTH:2\r\n\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", 304, b"", True),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nT: 1\r\n\r\n",
        200,
        b"ok",
        True,
    ),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 502 Bad\r\nContent-Length: 1\r\n\r\nx", 502, b"x", True),
    (b"HTTP/1.1 200 OK\r\nX-Latin: caf\xe9\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
]


def fed(*parts: bytes) -> AnswerParser:
    """Feed a parser with these pieces."""
    parser = AnswerParser()
    for part in parts:
        parser.take(part)
    return parser


@given(data=st.data(), answer=st.sampled_from(WHOLE))
def test_an_answer_is_the_same_wherever_it_is_split(
    data: st.DataObject, answer: tuple[bytes, int, bytes, bool]
) -> None:
    """Any split gives the same status, body and fate of the connection, and completes with the last byte only."""
    raw, status, body, kept = answer
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1))))
    parts = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    parser = AnswerParser()
    for part in parts:
        assert not parser.complete
        parser.take(part)

    assert (parser.complete, parser.status, parser.body, parser.keeps_connection) == (True, status, body, kept)


@given(data=st.data(), answer=st.sampled_from([a for a in WHOLE if a[3]]))
def test_one_parser_takes_answer_after_answer(data: st.DataObject, answer: tuple[bytes, int, bytes, bool]) -> None:
    """On a kept connection each answer is parsed by itself."""
    parser = fed(WHOLE[0][0])
    parser.begin()
    parser.take(answer[0])

    assert (parser.complete, parser.status, parser.body) == (True, answer[1], answer[2])


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_without_a_length_ends_with_the_connection(head: bytes) -> None:
    """It is complete at the peer's FIN and not before."""
    parser = fed(head, b"o", b"k")
    assert not parser.complete

    assert parser.end()
    assert (parser.status, parser.body, parser.keeps_connection) == (200, b"ok", False)


@pytest.mark.parametrize("cut", range(1, len(WHOLE[0][0])))
def test_an_answer_with_a_length_is_never_complete_before_its_end(cut: int) -> None:
    """A FIN anywhere inside does not complete it."""
    assert not fed(WHOLE[0][0][:cut]).end()


@pytest.mark.parametrize("name", [f.name for f in FAULTS.values() if f.expected == Outcome.MALFORMED])
def test_what_is_no_http_is_refused(name: str) -> None:
    """The parser raises; nothing is guessed."""
    with pytest.raises(HTTPParseError):
        fed(FAULTS[name].answer)


@pytest.mark.parametrize(
    "name", [f.name for f in FAULTS.values() if f.expected == Outcome.TRUNCATED and f.ending is Ending.FIN]
)
def test_truncated_answers_do_not_complete(name: str) -> None:
    """Neither before nor at the end of the connection."""
    parser = fed(FAULTS[name].answer)

    assert (parser.complete, parser.end()) == (False, False)


def test_bytes_behind_the_answer_spoil_the_connection_and_not_the_answer() -> None:
    """The answer counts; the connection is not used again."""
    for extra in (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxxxxxxxxx", b"garbage"):
        parser = fed(WHOLE[0][0] + extra)
        assert (parser.complete, parser.status, parser.body, parser.keeps_connection) == (True, 200, b"ok", False)


def test_an_endless_head_is_refused() -> None:
    """A head beyond the limit ends the attempt instead of filling the memory."""
    line = b"X-Long: " + b"x" * 1000 + b"\r\n"
    few, many = (HEAD_LIMIT // len(line) - 1, HEAD_LIMIT // len(line) + 1)
    fed(b"HTTP/1.1 200 OK\r\n", *[line] * few)

    with pytest.raises(OversizeError):
        fed(b"HTTP/1.1 200 OK\r\n", *[line] * many)


def test_an_endless_head_is_refused_by_the_lenient_parser_too() -> None:
    """With and without line ends, as one head and as endless interim answers."""
    strict = fed(b"HTTP/1.1 100 Continue")
    for more in (b"X: 1\n" * HEAD_LIMIT, b"x" * HEAD_LIMIT, b"\nHTTP/1.1 100 Continue\n" * HEAD_LIMIT):
        parser = LenientParser.instead_of(strict, b"\n")
        with pytest.raises(OversizeError):
            parser.take(more)


def test_of_a_body_that_nobody_needs_only_the_beginning_is_kept() -> None:
    """It may have any length, in chunks of any size; what is kept does not depend on how it came."""
    size = 2 * BODY_LIMIT
    whole, pieces = AnswerParser(), AnswerParser()
    for parser in (whole, pieces):
        parser.begin(whole=False)
        parser.take(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    whole.take(b"x" * size)
    for _ in range(size // 65536):
        pieces.take(b"x" * 65536)

    assert (whole.complete, pieces.complete) == (True, True)
    assert whole.body == pieces.body == b"x" * BEGINNING
    assert len(pieces._body) <= BEGINNING + 65536


def test_an_oversized_body_is_refused() -> None:
    """A body that has to be compared has a limit; ten megabytes are taken."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    assert len(fed(head % 10_000_000, b"x" * 10_000_000).body) == 10_000_000

    with pytest.raises(OversizeError):
        fed(head % (BODY_LIMIT + 1), b"x" * (BODY_LIMIT + 1))
