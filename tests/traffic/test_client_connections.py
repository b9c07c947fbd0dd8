"""Connections are opened, pooled, reused and closed by the plan, and their ends are recorded."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Literal

import gevent
import pytest
from client_rig import GET_NEW, GET_REUSED, OK, Handler, Rig, always_ok, end

from harness.model.experiment import Pool


def test_the_pool_is_opened_one_by_one_and_then_reused_in_order(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """The first attempts open a connection each; then FIFO takes the one that was idle for longest, LIFO the last."""
    port = serve(always_ok)
    orders = {}
    for order in ("fifo", "lifo"):
        made = rig(port, pool=Pool(size=3, order=order))
        made.attempt(GET_REUSED, 7)
        orders[order] = (made.rows["connection"].tolist(), made.rows["carried"].tolist())

    assert orders["fifo"] == ([1, 2, 3, 1, 2, 3, 1], [0, 0, 0, 1, 1, 1, 2])
    assert orders["lifo"] == ([1, 2, 3, 3, 3, 3, 3], [0, 0, 0, 1, 2, 3, 4])


def test_a_busy_pool_never_makes_an_attempt_wait(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """Beyond the pool a further connection is opened, and closed after its one use."""
    made = rig(serve(always_ok), pool=Pool(size=2))
    made.attempt(GET_REUSED, 5, together=True)

    assert made.outcomes == ["ok"] * 5
    assert made.reasons == ["OPEN", "OPEN", "BY_US", "BY_US", "BY_US"]


def test_new_connections_carry_one_request_and_are_not_cut(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Attempts of the new shape have a connection each, closed by us."""
    made = rig(serve(always_ok))
    made.attempt(GET_NEW, 3)

    assert made.opened["requests"].tolist() == [1, 1, 1]
    assert made.reasons == ["BY_US"] * 3


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_careful_client_sees_the_end_of_an_idle_connection(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], how: Literal["fin", "rst"]
) -> None:
    """No request is lost, and the cut connection is recorded with who ended it and when, before the next is sent."""

    def once(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        end(connection, how)

    made = rig(serve(once), pool=Pool(size=1))
    made.attempt(GET_REUSED)
    made.until(lambda: made.reasons != ["OPEN"])
    made.attempt(GET_REUSED)

    assert made.outcomes == ["ok", "ok"]
    assert made.reasons[0] == f"PEER_{how.upper()}"
    assert made.rows["done"][0] <= made.opened["closed"][0] <= made.rows["sent"][1]


@pytest.mark.parametrize(("how", "outcome"), [("fin", "closed"), ("rst", "reset")])
def test_a_naive_client_loses_one_request_per_ended_connection(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], how: Literal["fin", "rst"], outcome: str
) -> None:
    """Without the look it sends into the ended connection; when the end came is on record all the same."""

    def once(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        end(connection, how)

    made = rig(serve(once), pool=Pool(size=1, look=False))
    made.attempt(GET_REUSED)
    made.until(made.client.idle_ended)
    seen = made.opened["closed"][0]
    made.attempt(GET_REUSED)

    assert made.outcomes == ["ok", outcome]
    assert (made.reasons[0], made.opened["closed"][0]) == (f"PEER_{how.upper()}", seen)
    assert made.opened["requests"][0] == 2


def test_the_look_finds_an_end_that_the_loop_has_not_handled(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """A FIN that has arrived but was not handled yet is seen right before the request would be sent."""
    accepted: list[Any] = []

    def keep(connection: Any, _address: Any) -> None:
        accepted.append(connection)
        connection.recv(65536)
        connection.sendall(OK)
        if len(accepted) == 1:
            gevent.sleep(60)

    made = rig(serve(keep), pool=Pool(size=1))
    made.attempt(GET_REUSED)
    # Shut down and sent at once: the loop does not run in between.
    accepted[0].shutdown(socket.SHUT_WR)
    made.heard()
    made.attempt(GET_REUSED)

    assert made.outcomes == ["ok", "ok"]
    assert (made.reasons[0], made.rows["connection"].tolist()) == ("PEER_FIN", [1, 2])


def test_data_without_a_request_ends_a_connection(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """A second answer is never taken for that of the next request."""

    def chatty(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK + OK.replace(b"ok", b"no"))
        connection.recv(1)

    made = rig(serve(chatty), pool=Pool(size=1))
    made.attempt(GET_REUSED, 2)

    assert (made.outcomes, made.reasons[0]) == (["ok", "ok"], "BROKEN")
