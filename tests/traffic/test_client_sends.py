"""A server receives the attempts and nothing else, counted byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from client_rig import OK, Rig

from harness.model.attempt import Method
from harness.model.experiment import Pool
from harness.model.schedule import Stream
from harness.model.shapes import Shape

STREAMS = tuple(Stream(0, "/a?b=c", method, shape) for method in Method for shape in (Shape.NEW, Shape.REUSED))


def test_nothing_but_attempts_is_sent(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """No warm-up, no preflight, no connection ahead of need: each connection and each byte belongs to an attempt."""
    received: dict[int, bytes] = {}

    def record(connection: Any, address: Any) -> None:
        port = address[1]
        received[port] = b""
        while data := connection.recv(65536):
            received[port] += data
            connection.sendall(OK.removesuffix(b"ok") if data.startswith(b"HEAD") else OK)

    made = rig(serve(record), streams=STREAMS, pool=Pool(size=3))
    for index in [*range(len(STREAMS))] * 2:
        made.attempt(index)
    made.close()
    rows, opened = made.rows, made.opened
    wanted: dict[int, bytes] = {int(port): b"" for port in opened["port"]}
    for row in rows:
        stream = STREAMS[int(row["number"]) % len(STREAMS)]
        wanted[int(row["port"])] += request(stream, int(row["number"]))

    assert received == wanted
    assert sum(map(len, received.values())) == rows["bytes_out"].sum()
    assert made.outcomes == ["ok"] * 2 * len(STREAMS)


def request(stream: Stream, number: int) -> bytes:
    """Return the bytes that an attempt may send."""
    lines = [f"{stream.method.name} /a?b=c HTTP/1.1", "Host: h", f"X-Request-ID: t-0-{number}"]
    lines += ["User-Agent: harness", "Accept: */*"]
    lines += ["Connection: close"] if stream.shape == Shape.NEW else []
    body = "attempt\n" if stream.method in {Method.POST, Method.PUT, Method.PATCH} else ""
    lines += ["Content-Type: text/plain", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", body]).encode()


def test_nothing_is_sent_before_the_first_attempt(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """A client that is made and closed has not opened a connection."""
    accepted: list[Any] = []
    made = rig(serve(lambda connection, _address: accepted.append(connection)), pool=Pool(size=50))
    made.client.miss(0, 0)
    made.close()

    assert (accepted, len(made.opened)) == ([], 0)
