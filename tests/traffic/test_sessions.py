"""Sessions keep the cookie that they were given, each its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gevent.event
import pytest
from client_rig import Handler, Rig

from harness.model.attempt import Method
from harness.model.schedule import Stream, session_of
from harness.model.shapes import Shape
from harness.traffic.http.cookies import Sessions

STREAM = Stream(0, "/", Method.GET, Shape.REUSED, cookie="who", sessions=2)


class SessionServer:
    """A server that gives everybody without a cookie a new one, and remembers what each request carried."""

    def __init__(self, before: bytes = b"") -> None:
        self.before = before
        self.given = 0
        self.carried: list[str] = []

    def __call__(self, connection: Any, _address: Any) -> None:
        """Serve one connection."""
        while request := connection.recv(65536):
            cookie = re.search(rb"Cookie: (\S+)", request)
            self.carried.append(cookie[1].decode() if cookie else "")
            setting = b""
            if cookie is None:
                self.given += 1
                setting = b"set-COOKIE: who=%d; Path=/; HttpOnly\r\nSet-Cookie: other=x\r\n" % self.given
            head = b"HTTP/1.1 200 OK\r\n" + self.before + setting + b"Content-Length: 2\r\n\r\n"
            for part in (head[:20], head[20:] + b"o", b"k"):
                connection.sendall(part)
                gevent.sleep(0)


@pytest.mark.parametrize("before", [b"", b"X-Folded: a\n b\n"], ids=["strict", "lenient"])
def test_each_session_sends_back_its_own_cookie(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], before: bytes
) -> None:
    """Attempts go to the sessions in turn; the first of each has no cookie, the others that which it was given."""
    server = SessionServer(before)
    rig(serve(server), streams=(STREAM,)).attempt(0, 6)

    assert server.carried == ["", "", "who=1", "who=2", "who=1", "who=2"]


def test_streams_have_sessions_of_their_own(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """A stream without sessions sends no cookie; those of another stream are others."""
    server = SessionServer()
    plain, other = (
        Stream(0, "/", Method.GET, Shape.REUSED),
        Stream(0, "/", Method.POST, Shape.REUSED, cookie="who", sessions=1),
    )
    made = rig(serve(server), streams=(plain, other, STREAM))
    for index in (0, 1, 2) * 3:
        made.attempt(index)

    assert server.carried == ["", "", "", "", "who=2", "", "", "who=2", "who=3"]


def test_of_attempts_without_cookie_the_first_answer_counts(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Attempts that began before their session had a cookie can't change it afterwards."""
    server = SessionServer()
    made = rig(serve(server), streams=(Stream(0, "/", Method.GET, Shape.NEW, cookie="who", sessions=1),))
    made.attempt(0, 3, together=True)
    first = int(made.rows["done"].argmin())
    made.attempt(0, 2)

    assert server.carried[:3] == ["", "", ""]
    assert len(set(server.carried[3:])) == 1
    assert server.carried[3].startswith("who=")
    assert made.rows["done"][first] == made.rows["done"][:3].min()


def test_only_good_answers_give_cookies(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """A failed answer gives a session no cookie."""
    seen = []

    def fail(connection: Any, _address: Any) -> None:
        while request := connection.recv(65536):
            seen.append(b"Cookie:" in request)
            connection.sendall(b"HTTP/1.1 502 Bad\r\nSet-Cookie: who=1\r\nContent-Length: 2\r\n\r\nok")

    rig(serve(fail), streams=(STREAM,)).attempt(0, 4)

    assert seen == [False] * 4


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"Set-Cookie: who=b", b"who=b"),
        (b"set-cookie:who=b;Path=/; Max-Age=3600", b"who=b"),
        (b"Set-Cookie: who=b; Max-Age=0", b""),
        (b"Set-Cookie: who=b; max-age=-1; Path=/", b""),
        (b"Set-Cookie: whose=b", b"who=a"),
        (b"X-Set-Cookie: who=b", b"who=a"),
        (b"Set-Cookie: whose=b\r\nSet-Cookie: who=c", b"who=c"),
    ],
)
def test_cookie_fields_of_an_answer(line: bytes, kept: bytes) -> None:
    """Only its own name changes a cookie, and expiry deletes it."""
    sessions = Sessions(STREAM, 1)
    sessions.keep(0, b"HTTP/1.1 200 OK\r\nSet-Cookie: who=a\r\n\r\n", carried=b"")
    sessions.keep(2, b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n", carried=b"who=a")

    assert sessions.cookie(4) == kept
    assert sessions.cookie(1) == b""


def test_the_number_of_an_attempt_decides_its_session() -> None:
    """Rounds of streams go to the sessions in turn, so each stream's attempts do."""
    assert [session_of(number, 3, 2) for number in range(12)] == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]
