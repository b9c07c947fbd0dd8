"""An answer without a length ends with its connection, as a cut one does: it is counted where nobody can tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_rig import OK, Rig

from harness.model.experiment import Route
from harness.runner.recorded_traffic import RecordedTraffic
from harness.traffic.http.answers import AnswerBook

ANY = (Route("/"),)
HEADS = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n",
    "HTTP/1.1": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
    "another coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nConnection: close\n\n",
}


def answering(data: bytes) -> Callable[[Any, Any], None]:
    """Return a server that sends the same bytes to every request, and then closes."""

    def handle(connection: Any, _address: Any) -> None:
        connection.recv(1000)
        connection.sendall(data)

    return handle


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("body", [b"", b"half of an ans"])
def test_a_right_answer_that_ends_with_its_connection_is_counted(
    serve: Callable[..., int], rig: Callable[..., Rig], head: str, body: bytes
) -> None:
    """The client takes it as the standard demands, but a killed server would have sent the same."""
    made = rig(serve(answering(HEADS[head] + body)), routes=ANY)
    made.attempt(0, 3)

    assert made.outcomes == ["ok"] * 3
    assert made.client.open_ended == 3


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
)
def test_an_answer_with_a_length_is_not_counted(
    serve: Callable[..., int], rig: Callable[..., Rig], answer: bytes
) -> None:
    """It is complete before its connection ends."""
    made = rig(serve(answering(answer)), routes=ANY)
    made.attempt(0, 3)

    assert made.outcomes == ["ok"] * 3
    assert made.client.open_ended == 0


def test_a_lost_answer_is_not_counted(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """It is lost, whether it was whole or not."""
    made = rig(serve(answering(b"HTTP/1.0 503 No\r\n\r\nno")), routes=ANY)
    made.attempt(0)

    assert made.outcomes == ["status"]
    assert made.client.open_ended == 0


@pytest.mark.parametrize(
    ("route", "is_proof"),
    [
        (Route("/"), False),
        (Route("/", statuses=(200,)), False),
        (Route("/", ("ok",)), True),
        (Route("/", ("*ok",)), True),
        (Route("/", ("ok*",)), False),
        (Route("/", ("no", "ok*")), False),
        (Route("/", ("v1", "v12")), False),
        (Route("/", ("v1", "v2")), True),
        (Route("/", body="ok"), True),
        (Route("/", body=""), True),
        (Route("/", regex="ok"), False),
        (Route("/", regex="ok$"), True),
        (Route("/", regex=r"ok\Z"), True),
        (Route("/", regex=r"ok\$"), False),
        (Route("/", regex="(?m)ok$"), False),
    ],
)
def test_a_route_that_says_how_a_right_answer_ends_tells_a_cut_one(
    serve: Callable[..., int], rig: Callable[..., Rig], route: Route, is_proof: bool
) -> None:
    """Of a body that is compared to its end, the beginning is a wrong answer."""
    assert AnswerBook([route], lambda _number, _text: None).proves_end(0) is is_proof
    if route.answers == ("ok",):
        made = rig(serve(answering(HEADS["HTTP/1.0"] + b"ok")), routes=(route,))
        made.attempt(0)
        assert (made.outcomes, made.client.open_ended) == (["ok"], 0)


def test_the_counts_of_all_workers_are_added(tmp_path: Path) -> None:
    """Evidence from before this count has none."""
    (tmp_path / "plan.json").write_text(json.dumps({"crew": {"local": 3, "remote": 0}}))
    for worker, count in enumerate(({"open_ended": 2}, {}, {"open_ended": 5})):
        line = json.dumps({"event": "drained", "at_ns": 1, **count})
        (tmp_path / f"traffic-{worker}.jsonl").write_text(f"{line}\n")

    assert RecordedTraffic.read(tmp_path).open_ended() == 7
