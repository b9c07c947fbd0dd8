"""The client accepts every form of an answer that RFC 9112 allows, in pieces of any size, and rejects all others.

A real server sends each answer in random pieces to the client as it runs in a trial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
import pytest
from client_rig import Rig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model.attempt import Method, Outcome
from harness.model.experiment import Pool, Route
from harness.model.schedule import Stream
from harness.model.shapes import Shape


@dataclass(frozen=True)
class Form:
    """An answer as bytes on the wire.

    Attributes:
        raw: All its bytes.
        outcome: Its outcome.
        method: Of the request.
        ends: The server ends the connection behind it.
        kept: The connection carries the next request too.
        statuses: The valid statuses of the route, if they are not 2xx.
        answer: The body.
    """

    raw: bytes
    outcome: Outcome = Outcome.OK
    method: Method = Method.GET
    ends: bool = False
    kept: bool = True
    statuses: tuple[int, ...] = ()
    answer: str = "ok"


def ok(*fields: str, body: bytes = b"ok", first: str = "HTTP/1.1 200 OK", end: str = "\r\n") -> bytes:
    """Build an answer with these header lines."""
    return end.join((first, *fields, "", "")).encode("latin-1") + body


TWO = "Content-Length: 2"
CHUNKED = "Transfer-Encoding: chunked"
BAD = Outcome.MALFORMED

FORMS = {
    "content-length": Form(ok(TWO)),
    "content-length with zeros before": Form(ok("Content-Length: 0002")),
    "no body": Form(ok("Content-Length: 0", body=b""), answer=""),
    "chunked": Form(ok(CHUNKED, body=b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n")),
    "chunk sizes in any spelling": Form(ok(CHUNKED, body=b"0000A\r\n0123456789\r\n00\r\n\r\n"), answer="0123456789"),
    "chunk extensions": Form(ok(CHUNKED, body=b'2;a;b=c;d="e;f"\r\nok\r\n0;last\r\n\r\n')),
    "trailers": Form(ok(CHUNKED, "Trailer: X-Sum", body=b"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n")),
    "an empty chunked body": Form(ok(CHUNKED, body=b"0\r\n\r\n"), answer=""),
    "a coding before chunked": Form(ok("Transfer-Encoding: gzip, chunked", body=b"2\r\nok\r\n0\r\n\r\n")),
    "100 before": Form(ok(body=b"", first="HTTP/1.1 100 Continue") + ok(TWO)),
    "103 and 102 before": Form(
        ok("Link: <a>", body=b"", first="HTTP/1.1 103 Early Hints")
        + ok(body=b"", first="HTTP/1.1 102 Processing")
        + ok(TWO)
    ),
    "an interim answer that says close": Form(ok("Connection: close", body=b"", first="HTTP/1.1 103 Early") + ok(TWO)),
    "204": Form(ok(body=b"", first="HTTP/1.1 204 No Content"), answer=""),
    "204 with a length": Form(ok("Content-Length: 5", body=b"", first="HTTP/1.1 204 No Content"), answer=""),
    "304": Form(ok("Content-Length: 9", body=b"", first="HTTP/1.1 304 Not Modified"), statuses=(304,), answer=""),
    "HEAD": Form(ok("Content-Length: 1000", body=b""), method=Method.HEAD),
    "HEAD, chunked": Form(ok(CHUNKED, body=b""), method=Method.HEAD),
    "HEAD with a body all the same": Form(ok(TWO), method=Method.HEAD, kept=False),
    "Connection: close": Form(ok(TWO, "Connection: close"), kept=False),
    "close in a list": Form(ok(TWO, "Connection: x, CLOSE"), kept=False),
    "HTTP/1.0": Form(ok(TWO, first="HTTP/1.0 200 OK"), kept=False),
    "HTTP/1.0 with keep-alive": Form(ok(TWO, "Connection: Keep-Alive", first="HTTP/1.0 200 OK")),
    "HTTP/1.0 without a length": Form(ok(first="HTTP/1.0 200 OK"), ends=True, kept=False),
    "HTTP/1.1 without a length": Form(ok(), ends=True, kept=False),
    "HTTP/1.2": Form(ok(TWO, first="HTTP/1.2 200 OK")),
    "headers in any case": Form(ok("cONTENT-lENGTH: 2", "CONNECTION: Keep-Alive")),
    "white space around values": Form(ok("Content-Length:\t 2 \t", "X-Empty:", "X-Blank:   ")),
    "white space before the colon": Form(ok("Content-Length : 2")),
    "a folded header": Form(ok("X-Long: a,", "  b,", "\tc", TWO)),
    "a folded length": Form(ok("Content-Length:", " 2")),
    "no reason": Form(ok(TWO, first="HTTP/1.1 200")),
    "an empty reason": Form(ok(TWO, first="HTTP/1.1 200 ")),
    "a reason in Latin-1": Form(ok(TWO, first="HTTP/1.1 200 d\xe9j\xe0 vu")),
    "Latin-1 and control characters in a value": Form(ok("X-Odd: caf\xe9 \x01 \x7f", TWO)),
    "a CR inside a value": Form(ok("X-Odd: a\rb", TWO)),
    "bare LF": Form(ok(TWO, end="\n")),
    "bare LF and chunks": Form(ok(CHUNKED, body=b"2\r\nok\r\n0\r\n\r\n", end="\n")),
    "bare LF at the head's end alone": Form(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok"),
    "bare LF behind an interim answer": Form(ok(body=b"", first="HTTP/1.1 100 Continue") + ok(TWO, end="\n")),
    "an empty line before": Form(b"\r\n\r\n" + ok(TWO)),
    "an empty line before, bare LF": Form(b"\n" + ok(TWO, end="\n")),
    "the same length twice": Form(ok(TWO, TWO)),
    "the same length in a list": Form(ok("Content-Length: 2, 2")),
    "a length next to chunks": Form(ok(TWO, CHUNKED, body=b"2\r\nok\r\n0\r\n\r\n"), kept=False),
    "an upgrade that is offered": Form(ok(TWO, "Upgrade: h2,h2c", "Connection: Upgrade")),
    "a line end behind": Form(ok(TWO) + b"\r\n"),
    "rubbish behind": Form(ok(TWO) + b"and more", kept=False),
    "a second answer behind": Form(ok(TWO) + ok(TWO, body=b"no"), kept=False),
    "101": Form(ok("Upgrade: x", body=b"", first="HTTP/1.1 101 Switching Protocols"), Outcome.STATUS, kept=False),
    "302": Form(ok(TWO, "Location: /", first="HTTP/1.1 302 Found"), Outcome.STATUS),
    "lengths that differ": Form(ok(TWO, "Content-Length: 3"), BAD, kept=False),
    "lengths that differ in a list": Form(ok("Content-Length: 2, 3"), BAD, kept=False),
    "a length that is none": Form(ok("Content-Length: two"), BAD, kept=False),
    "a length with a sign": Form(ok("Content-Length: +2"), BAD, kept=False),
    "a length beyond all bounds": Form(ok("Content-Length: 99999999999999999999"), BAD, kept=False),
    "a length next to a coding that has none": Form(ok(TWO, "Transfer-Encoding: gzip"), BAD, kept=False),
    "a chunk size that is none": Form(ok(CHUNKED, body=b"zz\r\nok\r\n0\r\n\r\n"), BAD, kept=False),
    "a chunk that is longer than it says": Form(ok(CHUNKED, body=b"1\r\nok\r\n0\r\n\r\n"), BAD, kept=False),
    "bare LF behind a chunk size": Form(ok(CHUNKED, body=b"2\nok\r\n0\r\n\r\n"), BAD, kept=False),
    "white space where a header should be": Form(ok(" X: y", TWO), BAD, kept=False),
    "a header without a colon": Form(ok("nothing", TWO), BAD, kept=False),
    "a name with a blank": Form(ok("X y: z", TWO), BAD, kept=False),
    "a status that is none": Form(ok(TWO, first="HTTP/1.1 2OO OK"), BAD, kept=False),
    "another protocol": Form(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", BAD, kept=False),
    "HTTP in small letters": Form(ok(TWO, first="http/1.1 200 OK"), BAD, kept=False),
    "HTTP/0.9": Form(b"<html>ok</html>\r\n\r\n", BAD, kept=False),
}  # fmt: skip


def in_pieces(form: Form, cuts: list[int]) -> Callable[[Any, Any], None]:
    """Build a server that sends each answer in these pieces."""
    parts = [form.raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(form.raw)], strict=True)]

    def handle(connection: Any, _address: Any) -> None:
        while connection.recv(65536):
            for part in parts:
                connection.sendall(part)
                gevent.sleep(0)
            if form.ends:
                return

    return handle


def meet(serve: Callable[..., int], rig: Callable[..., Rig], form: Form, cuts: list[int]) -> Rig:
    """Make two attempts in a row on a pool of one connection."""
    streams = (Stream(0, "/", form.method, Shape.REUSED),)
    routes = (Route("/", body=form.answer, statuses=form.statuses),)
    made = rig(serve(in_pieces(form, cuts)), streams=streams, routes=routes, pool=Pool(size=1))
    made.attempt(0, 2)
    return made


@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_what_it_is(serve: Callable[..., int], rig: Callable[..., Rig], name: str) -> None:
    """In one piece: its outcome, and whether the connection carries the next request."""
    form = FORMS[name]
    made = meet(serve, rig, form, [])

    assert made.outcomes == [form.outcome.label] * 2
    assert len(made.opened) == (1 if form.kept else 2)


@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_the_same_in_single_bytes(serve: Callable[..., int], rig: Callable[..., Rig], name: str) -> None:
    """Wherever the network cuts, the outcome is the same."""
    form = FORMS[name]

    assert meet(serve, rig, form, list(range(1, len(form.raw)))).outcomes == [form.outcome.label] * 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(sorted(FORMS)))
def test_each_form_is_the_same_however_it_is_cut(
    serve: Callable[..., int], rig: Callable[..., Rig], data: st.DataObject, name: str
) -> None:
    """Pieces of any size give what one piece gives."""
    form = FORMS[name]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(form.raw) - 1), max_size=8)))
    made = meet(serve, rig, form, cuts)
    made.close()

    assert made.outcomes == [form.outcome.label] * 2
