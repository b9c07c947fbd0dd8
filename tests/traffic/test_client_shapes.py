"""Idle connections and slow answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from client_rig import Handler, Rig, always_ok, end

from harness.model.attempt import Method, Outcome
from harness.model.experiment import Pool
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.traffic.http.pool import RestedPool

IDLE = (Stream(0, "/", Method.GET, Shape.IDLE, unused_for=5.0),)
NS = 1_000_000_000


class Clock:
    """A clock that a test sets, in seconds."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> int:
        """Return nanoseconds."""
        return round(self.at * NS)


def by_hand(made: Rig) -> Clock:
    """Give the pool of idle connections a clock that the test sets."""
    clock = Clock()
    pool = made.client._pools[Shape.IDLE]
    assert isinstance(pool, RestedPool)
    pool._clock = clock
    return clock


def test_a_connection_is_used_again_only_after_its_rest(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Until then each attempt opens one; the one that has waited for longest is next, and its wait starts again."""
    made = rig(serve(always_ok), streams=IDLE)
    clock = by_hand(made)
    for clock.at in (0.0, 1.0, 4.9, 5.0, 5.5, 6.0, 9.9, 10.0):
        made.attempt(0)

    assert made.rows["connection"].tolist() == [1, 2, 3, 1, 4, 2, 3, 1]
    assert made.rows["carried"].tolist() == [0, 0, 0, 1, 0, 1, 1, 2]
    assert set(made.outcomes) == {"ok"}


def test_idle_connections_are_not_those_of_the_pool(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """Each shape has its own, and the pool's size does not limit the idle ones."""
    streams = (*IDLE, Stream(0, "/", Method.GET, Shape.REUSED))
    made = rig(serve(always_ok), streams=streams, pool=Pool(size=1))
    by_hand(made)
    for _ in range(3):
        made.attempt(0)
        made.attempt(1)

    assert made.rows["connection"].tolist() == [1, 2, 3, 2, 4, 2]
    assert made.reasons == ["OPEN"] * 4


@pytest.mark.parametrize(("look", "outcome"), [(True, "ok"), (False, "closed")])
def test_an_end_during_the_wait_of_a_connection(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], *, look: bool, outcome: str
) -> None:
    """A careful client has dropped the connection; one that does not look loses its next request."""

    def once(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        end(connection, "fin")

    made = rig(serve(once), streams=IDLE, pool=Pool(look=look))
    clock = by_hand(made)
    made.attempt(0)
    made.until(lambda: made.reasons == ["PEER_FIN"])
    clock.at = 6.0
    made.attempt(0)

    assert made.outcomes == ["ok", outcome]
    assert len(made.opened) == (2 if look else 1)


def test_a_slow_answer_has_its_delay_on_top_of_the_timeout(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Attempts with different timeouts wait in parallel, each for its own."""
    asked: list[bytes] = []

    def hang(connection: Any, _address: Any) -> None:
        asked.append(connection.recv(65536).split(b" ")[1])
        connection.recv(1)

    slow, new = Stream(0, "/", Method.GET, Shape.SLOW, 0.4), Stream(0, "/", Method.GET, Shape.NEW)
    made = rig(serve(hang), streams=(slow, new), timeout=0.1)
    for stream in (0, 1, 0, 1):
        made.client.begin(0, stream)
    made.drain()
    made.until(lambda: len(asked) == 4)
    waited = (made.rows["done"] - made.rows["sent"]) / NS

    assert made.rows["outcome"].tolist() == [Outcome.TIMEOUT_RESPONSE] * 4
    assert sorted(asked) == [b"/", b"/", b"/?delay=0.4s", b"/?delay=0.4s"]
    assert (waited[[0, 2]] >= 0.5).all()
    assert (waited[[1, 3]] >= 0.1).all()


def test_a_slow_answer_has_a_connection_of_its_own(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """It is closed after the answer, as those of the new shape are."""
    made = rig(serve(always_ok), streams=(Stream(0, "/", Method.GET, Shape.SLOW, 0.1),))
    made.attempt(0, 3)

    assert made.reasons == ["BY_US"] * 3
