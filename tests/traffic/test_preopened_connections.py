"""Connections that are opened ahead of need, as browsers, pools and load balancers have them."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from typing import Any, Literal

import pytest
from client_rig import OK, Handler, Rig, always_ok, end

from harness.model.attempt import CloseReason, Method
from harness.model.experiment import Pool
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.traffic.http.pool import AheadPool

NS = 1_000_000_000
PREOPENED = (Stream(0, "/", Method.GET, Shape.PREOPENED, unused_for=5.0),)
#: The same, for tests in which any unused connection will do.
ANY = (Stream(0, "/", Method.GET, Shape.PREOPENED), Stream(0, "/", Method.GET, Shape.NEW))


class Clock:
    """A clock that a test sets, in seconds."""

    at = 0.0

    def __call__(self) -> int:
        """Return nanoseconds."""
        return round(self.at * NS)


def waiting(made: Rig, count: int = 1) -> None:
    """Wait until so many connections wait unused."""
    made.until(lambda: len(made.client._pools[Shape.PREOPENED].idle()) == count)


def test_an_attempt_takes_a_connection_that_waited_and_opens_one_for_later(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Until one has waited for long enough an attempt opens its own; then as many wait as are needed."""
    made = rig(serve(always_ok), streams=PREOPENED)
    clock, pool = Clock(), made.client._pools[Shape.PREOPENED]
    assert isinstance(pool, AheadPool)
    pool._clock = clock
    for number, clock.at in enumerate((0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0), start=1):
        made.attempt(0)
        waiting(made, min(number, 3))

    # Odd numbers up to 5 were opened ahead by the first three attempts, which opened 2, 4 and 6 for themselves.
    assert made.rows["connection"].tolist() == [2, 4, 6, 1, 3, 5, 7]
    assert set(made.outcomes) == {"ok"}
    assert (made.rows["carried"] == 0).all()
    assert made.opened["requests"].tolist() == [1] * 7 + [0] * 3
    assert made.reasons == ["BY_US"] * 7 + ["OPEN"] * 3


def test_the_ledger_shows_that_the_connection_was_there_before_the_attempt(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """The attempt has no time of connecting of its own, and the connection's lies before it."""
    made = rig(serve(always_ok), streams=ANY)
    made.attempt(0)
    waiting(made)
    made.attempt(0)
    attempt, connection = made.rows[1], made.opened[0]

    assert (attempt["connection"], attempt["connected"], attempt["port"]) == (1, -1, connection["port"])
    assert 0 <= connection["connected"] < attempt["sent"]
    assert connection["shape"] == Shape.PREOPENED


def test_a_server_that_treats_waiting_connections_differently_is_found_out(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """As nginx does after a reload: a connection keeps the configuration of the moment at which it was accepted."""
    body = [b"no"]
    accepted: list[bytes] = []

    def by_age(connection: Any, _address: Any) -> None:
        mine = body[0]
        accepted.append(mine)
        if connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + mine)

    made = rig(serve(by_age), streams=ANY)
    made.attempt(0)
    waiting(made)
    made.until(lambda: accepted == [b"no", b"no"])
    body[0] = b"ok"
    made.attempt(1)
    made.attempt(0)
    made.attempt(0)

    assert made.outcomes == ["wrong-answer", "ok", "wrong-answer", "ok"]


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_connection_that_is_closed_before_its_use_is_replaced_and_recorded(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], how: Literal["fin", "rst"]
) -> None:
    """Every real client notices that, so it is no loss; the account of connections has it."""
    held: list[Any] = []

    def hold(connection: Any, _address: Any) -> None:
        held.append(connection)
        if connection.recv(65536):
            connection.sendall(OK)

    made = rig(serve(hold), streams=ANY)
    made.attempt(0)
    waiting(made)
    made.until(lambda: len(held) == 2)
    unused = next(each for each in held if each.fileno() >= 0 and each.getpeername()[1] == made.opened["port"][0])
    end_unused(unused, how)
    waiting(made, 0)
    made.attempt(0)

    assert made.outcomes == ["ok", "ok"]
    assert made.opened["requests"][0] == 0
    assert made.opened["reason"][0] == (CloseReason.PEER_FIN if how == "fin" else CloseReason.PEER_RST)
    assert made.opened["closed"][0] < made.rows["sent"][1]
    assert made.faults == []


def end_unused(connection: Any, how: Literal["fin", "rst"]) -> None:
    """End a connection on which the handler still waits for a request."""
    if how == "rst":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.shutdown(socket.SHUT_RD)


@pytest.mark.parametrize(("how", "outcome"), [("fin", "closed"), ("rst", "reset")])
def test_a_client_that_does_not_look_loses_the_request(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], how: Literal["fin", "rst"], outcome: str
) -> None:
    """It sends on the connection that the peer has closed."""
    accepted: list[int] = []

    def close_the_first(connection: Any, _address: Any) -> None:
        accepted.append(connection.fileno())
        if len(accepted) == 1:
            end(connection, how)
        elif connection.recv(65536):
            connection.sendall(OK)

    made = rig(serve(close_the_first), streams=ANY, pool=Pool(look=False))
    made.attempt(0)
    made.until(made.client.idle_ended)
    made.attempt(0)

    assert made.outcomes == ["ok", outcome]


@pytest.mark.parametrize(("how", "outcome"), [("fin", "closed"), ("rst", "reset")])
def test_a_request_that_was_sent_and_got_no_answer_is_lost(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], how: Literal["fin", "rst"], outcome: str
) -> None:
    """It reached the server once: it is not sent again on another connection."""
    requests: list[bytes] = []

    def drop_the_second(connection: Any, _address: Any) -> None:
        if data := connection.recv(65536):
            requests.append(data)
            if len(requests) == 2:
                end(connection, how)
            else:
                connection.sendall(OK)

    made = rig(serve(drop_the_second), streams=ANY)
    made.attempt(0)
    waiting(made)
    made.attempt(0)

    assert made.outcomes == ["ok", outcome]
    assert len(requests) == 2


def test_a_server_that_speaks_first_spoils_a_waiting_connection(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """As HAProxy does with a 408 for a connection that brings no request: it is no answer to the next request."""
    accepted: list[int] = []

    def speak(connection: Any, _address: Any) -> None:
        accepted.append(connection.fileno())
        if len(accepted) == 1:
            connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        if connection.recv(65536):
            connection.sendall(OK)

    made = rig(serve(speak), streams=ANY)
    made.attempt(0)
    made.until(lambda: made.reasons[0] == "BROKEN")
    made.attempt(0)

    assert made.outcomes == ["ok", "ok"]


def test_a_connection_that_cannot_be_opened_ahead_is_no_loss(rig: Callable[..., Rig]) -> None:
    """No request was due on it; the attempt's own connection shows the refusal."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        made = rig(closed.getsockname()[1], streams=ANY)
        made.attempt(0)

        assert made.outcomes == ["refused"]
        assert made.reasons == ["BROKEN", "BROKEN"]
        assert made.opened["requests"].tolist() == [0, 1]
        assert made.opened["connected"].tolist() == [-1, -1]
        assert made.faults == []


def test_an_opening_ends_with_the_timeout(rig: Callable[..., Rig]) -> None:
    """Otherwise an outage would leave a connection per attempt behind."""
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filler.connect(full.getsockname())
        made = rig(full.getsockname()[1], streams=ANY, timeout=0.2)
        made.attempt(0)
        made.until(lambda: made.reasons == ["BY_US", "BY_US"])

        assert made.outcomes == ["timeout-connect"]
        assert made.client._open == set()


def test_a_failure_of_our_own_is_reported(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that we cannot open for lack of descriptors must not look like the server's doing."""
    made = rig(9, streams=ANY)

    class Choice:
        def choose(self, connection: int) -> tuple[Any, ...]:
            raise OSError(24 if connection == 1 else 111, "no")

    object.__setattr__(made.client._destination, "choice", Choice())
    made.attempt(0)

    assert made.faults == ["OSError: [Errno 24] no"]
    assert made.outcomes == ["refused"]


def test_waiting_connections_end_with_the_client(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """By us, and nothing stays behind."""
    made = rig(serve(always_ok), streams=ANY)
    made.attempt(0)
    waiting(made)
    made.client.close()
    gc.collect()

    assert made.reasons == ["BY_US", "BY_US"]
