"""A server may answer and close before it has the whole request: the answer counts, and nothing is sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent.event
import pytest
from client_rig import OK, Rig, end

from harness.model.attempt import Method, Progress
from harness.model.experiment import Pool
from harness.model.schedule import Stream
from harness.model.shapes import Shape

#: More than the sockets of both sides hold, so that it is never sent in full before the answer.
LONG = (Stream(0, "/" + "x" * 12_000_000, Method.POST, Shape.REUSED),)


@pytest.fixture
def proceed() -> gevent.event.Event:
    """Set when a server may go on."""
    return gevent.event.Event()


def test_an_answer_before_the_whole_request_counts(
    serve: Callable[..., int], rig: Callable[..., Rig], proceed: gevent.event.Event
) -> None:
    """And its connection is not used again, since the request's rest would be taken for the next one; we end it."""

    def hasty(connection: Any, _address: Any) -> None:
        connection.recv(1000)
        connection.sendall(OK)
        # Nobody takes the rest, so that it is not out when the answer comes.
        proceed.wait()

    made = rig(serve(hasty), streams=LONG, pool=Pool(size=1))
    made.attempt(0, 2)
    proceed.set()

    assert made.outcomes == ["ok", "ok"]
    assert made.reasons == ["BY_US", "BY_US"]
    assert (made.rows["bytes_out"] < 12_000_000).all()


def test_an_answer_that_is_there_when_sending_fails_counts(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """The server answers and resets the connection while we still send, as one that refuses a long body may."""

    def refuse(connection: Any, _address: Any) -> None:
        connection.recv(1000)
        connection.sendall(OK)
        end(connection, "rst")

    made = rig(serve(refuse), streams=LONG)
    made.attempt(0, 3)

    assert made.outcomes == ["ok"] * 3


@pytest.mark.parametrize(("said", "outcome"), [(b"", "reset"), (OK[:-1], "truncated")])
def test_without_a_whole_answer_the_failure_counts(
    serve: Callable[..., int], rig: Callable[..., Rig], said: bytes, outcome: str
) -> None:
    """Reading on does not turn a reset into something else."""

    def refuse(connection: Any, _address: Any) -> None:
        connection.recv(1000)
        if said:
            connection.sendall(said)
        end(connection, "rst")

    made = rig(serve(refuse), streams=LONG)
    made.attempt(0)

    assert made.outcomes == [outcome]


def test_sending_on_does_not_undo_that_an_answer_has_begun(
    serve: Callable[..., int], rig: Callable[..., Rig], proceed: gevent.event.Event
) -> None:
    """The rest of a request goes out behind the answer's first bytes: what breaks off then is an answer."""

    def slow(connection: Any, _address: Any) -> None:
        connection.sendall(OK[:10])
        proceed.wait()
        data = b""
        while not data.endswith(b"attempt\n"):
            data = data[-20:] + connection.recv(1 << 20)

    made = rig(serve(slow), streams=LONG)
    made.client.begin(0, 0)
    (connection,) = made.client._open
    attempt = connection.attempt
    assert attempt is not None
    made.until(lambda: attempt.progress == Progress.PARTLY_ANSWERED)
    proceed.set()
    made.drain()

    assert made.outcomes == ["truncated"]
    assert made.rows["progress"].tolist() == [Progress.PARTLY_ANSWERED]
