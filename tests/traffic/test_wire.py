"""The bytes of requests."""

from __future__ import annotations

import pytest

from harness.model.attempt import Method
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.traffic.http.wire import RequestForm

BODIES = {Method.POST, Method.PUT, Method.PATCH}


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("shape", list(Shape))
def test_requests_carry_their_id_and_the_fate_of_the_connection(method: Method, shape: Shape) -> None:
    """One id per attempt; POST, PUT and PATCH have a body of known length; a connection of its own is to be closed."""
    form = RequestForm.of(Stream(0, "/a", method, shape), host="shop.test", token="tok-0")
    head, _, body = form.request(7).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")

    assert lines[0] == f"{method.name} /a HTTP/1.1"
    assert {"Host: shop.test", "X-Request-ID: tok-0-7"} < set(lines)
    assert ("Connection: close" in lines) == (shape in {Shape.NEW, Shape.SLOW, Shape.PREOPENED})
    assert (f"Content-Length: {len(body)}" in lines) == (method in BODIES)
    assert bool(body) == (method in BODIES)


@pytest.mark.parametrize("method", list(Method))
def test_a_body_can_be_left_out(method: Method) -> None:
    """Its length is then 0, and it has no type."""
    form = RequestForm.of(Stream(0, "/a", method, Shape.NEW, bodies=False), host="shop.test", token="tok-0")
    head, _, body = form.request(7).partition(b"\r\n\r\n")

    assert not body
    assert (b"Content-Length: 0" in head) == (method in BODIES)
    assert b"Content-Type" not in head


@pytest.mark.parametrize(
    ("path", "delay", "target"),
    [("/a", 2.0, "/a?delay=2s"), ("/a", 0.25, "/a?delay=0.25s"), ("/a?b=c", 1.0, "/a?b=c&delay=1s"), ("/a", 0, "/a")],
)
def test_a_slow_answer_is_asked_for_in_the_query(path: str, delay: float, target: str) -> None:
    """The path's own query stays."""
    form = RequestForm.of(Stream(0, path, Method.GET, Shape.SLOW, delay), host="h", token="t")

    assert form.request(1).startswith(f"GET {target} HTTP/1.1\r\n".encode())


def test_a_route_has_its_host_and_headers() -> None:
    """They are sent as they are written; a usual one is replaced, not sent twice; so is a session's cookie."""
    stream = Stream(0, "/a", Method.GET, Shape.NEW, host="b.test", headers=(("X-Version", "b"), ("user-agent", "me")))
    lines = RequestForm.of(stream, host="a.test", token="t").request(3, b"who=me").decode().split("\r\n")

    assert {"Host: b.test", "X-Version: b", "user-agent: me", "X-Request-ID: t-3", "Cookie: who=me"} < set(lines)
    assert not {"Host: a.test", "User-Agent: harness"} & set(lines)
    assert len(lines) == len({line.partition(":")[0].lower() for line in lines[:-2]}) + 2
