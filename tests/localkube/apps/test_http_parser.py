"""Requests are parsed completely, in whatever pieces they arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.apps.http_parser import BadRequestError, Parser

GET = b"GET /apple?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n"
BARE_CHUNKED = b"PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
STREAM = GET + POST + CHUNKED + BARE_CHUNKED + GET
EXPECTED = [("GET", b""), ("POST", b"hello"), ("PUT", b"abcde"), ("PUT", b""), ("GET", b"")]


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12))
def test_requests_do_not_depend_on_the_pieces(cuts: list[int]) -> None:
    """Pipelined requests with and without bodies arrive in any pieces."""
    parser, found, at = Parser(), [], 0
    for end in [*sorted(set(cuts)), len(STREAM)]:
        parser.feed(STREAM[at:end])
        found += [(request.method, request.body) for request in parser.requests()]
        at = end

    assert found == EXPECTED
    assert parser.idle


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"GET /\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000,
    ],
)
def test_invalid_requests_are_errors(data: bytes) -> None:
    """TLS, an old request line, an invalid length, an invalid chunk and an endless head are errors."""
    parser = Parser()
    parser.feed(data)

    with pytest.raises(BadRequestError):
        list(parser.requests())


@pytest.mark.parametrize(
    ("version", "connection", "expected"),
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "Keep-Alive", True)],
)
def test_keep_alive_follows_version_and_header(version: str, connection: str, expected: bool) -> None:
    """HTTP/1.1 connections stay open by default, HTTP/1.0 connections do not."""
    parser = Parser()
    parser.feed(f"GET / HTTP/{version}\r\nConnection: {connection}\r\n\r\n".encode())

    assert next(parser.requests()).keep_alive is expected
