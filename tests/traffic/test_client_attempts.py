"""An attempt is on disk before it is sent, has all its times, and ends in one outcome whatever happens."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import gevent
import numpy as np
from client_rig import GET_NEW, GET_REUSED, OK, POST_NEW, POST_REUSED, Handler, Rig, always_ok

from harness.model.attempt import Method, Outcome, Progress
from harness.model.experiment import Route
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.store.ledger_format import NEVER
from harness.traffic.http.answers import AnswerBook


def test_an_answered_attempt_has_all_its_times_in_order(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Sent, connected, first byte, done; and what it carried, on which port."""
    made = rig(serve(always_ok))
    made.attempt(POST_NEW)
    (row,) = made.rows

    assert made.outcomes == ["ok"]
    assert 0 < row["sent"] <= row["connected"] <= row["first_byte"] <= row["done"]
    assert (row["progress"], row["status"], row["bytes_in"]) == (Progress.ANSWERED, 200, len(OK))
    assert row["port"] > 0
    assert row["bytes_out"] > 100


def test_a_refused_connection_has_its_outcome(rig: Callable[..., Rig]) -> None:
    """Nobody listens: refused, not connected, with the errno."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        made = rig(holder.getsockname()[1])
        made.attempt(GET_NEW)
    (row,) = made.rows

    assert (made.outcomes, row["errno"], row["progress"]) == (["refused"], errno.ECONNREFUSED, Progress.NOT_CONNECTED)
    assert (row["connected"], row["first_byte"]) == (NEVER, NEVER)


def test_a_full_backlog_is_a_connect_timeout(rig: Callable[..., Rig]) -> None:
    """The kernel drops what does not fit: the attempt's time is up while it still connects."""
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())
        made = rig(listener.getsockname()[1], timeout=0.05)
        made.attempt(GET_NEW, 2, together=True)

    assert made.outcomes == ["timeout-connect"] * 2


def test_all_timeouts_come_at_their_time(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """Not before it, and each one, whatever it is sent on."""
    made = rig(serve(lambda connection, _address: connection.recv(65536) and gevent.sleep(60)), timeout=0.1)
    for stream in (POST_NEW, GET_NEW, POST_REUSED, GET_REUSED):
        made.client.begin(0, stream)
        gevent.sleep(0.02)
    made.drain()
    took = (made.rows["done"] - made.rows["sent"]) / 1e6

    assert made.outcomes == ["timeout-response"] * 4
    assert (took >= 100).all()


def test_an_answer_that_came_in_time_is_not_lost_to_our_own_slowness(rig: Callable[..., Rig]) -> None:
    """A late deadline first takes everything that has arrived: the connection, then the answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = rig(listener.getsockname()[1])
        made.client.begin(0, GET_NEW)
        (connection,) = made.client._open
        waiting = connection.attempt
        assert waiting is not None
        peer, _ = listener.accept()
        # The loop does not run in all this time.
        connection.last_look()
        assert waiting.progress == Progress.SENT
        with peer:
            assert peer.recv(65536).startswith(b"GET")
            peer.sendall(OK)
            made.client._expire(waiting)

    assert made.outcomes == ["ok"]


def test_the_intent_is_on_disk_before_the_request_is_received(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Once the server has the request, the ledger has it as unfinished and sent."""
    seen: list[tuple[int, int]] = []

    def look(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        rows = made.rows
        seen.append((int(rows["outcome"][-1]), int(rows["progress"][-1])))
        connection.sendall(OK)

    made = rig(serve(look))
    made.attempt(GET_NEW)
    made.attempt(GET_REUSED)

    assert seen == [(Outcome.UNFINISHED, Progress.SENT)] * 2


def test_attempts_cut_off_by_the_end_stay_unfinished(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """Closing the client makes nothing of an attempt that is under way."""
    received: list[bytes] = []

    def hang(connection: Any, _address: Any) -> None:
        received.append(connection.recv(1))
        gevent.sleep(60)

    made = rig(serve(hang))
    made.client.begin(0, GET_NEW)
    made.until(lambda: bool(received))
    made.client.close()

    assert (made.outcomes, made.reasons) == (["unfinished"], ["BY_US"])


def test_a_missed_slot_is_a_row_that_was_never_sent(rig: Callable[..., Rig]) -> None:
    """It has its planned time and no other."""
    made = rig(1)
    made.client.miss(123, GET_NEW)
    (row,) = made.rows

    assert (made.outcomes, row["planned"], row["sent"], row["connection"]) == (["missed"], 123, NEVER, 0)


def test_a_large_request_and_answer_pass_in_pieces(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """The part that does not fit into the socket is sent later, each byte once; ten megabytes are read back."""
    size = 10_000_000
    path = "/" + "x" * 4_000_000
    got: list[int] = []

    def slow(connection: Any, _address: Any) -> None:
        total = 0
        while total < len(path):
            total += len(connection.recv(65536))
        got.append(total)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    made = rig(serve(slow), streams=(Stream(0, path, Method.GET, Shape.NEW),))
    made.client._answers = AnswerBook([Route("/")], lambda _number, _text: None)
    made.attempt(0)

    assert made.outcomes == ["ok"]
    assert made.rows["bytes_in"][0] > size
    assert np.isclose(got[0], made.rows["bytes_out"][0])
