"""A connection is asked for once: a second try that succeeds would hide that the first was refused.

The calibration can't show this: its closed port refuses every try.
"""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
import pytest

from harness.model.attempt import Method, Outcome
from harness.model.experiment import Pool, Route
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.store.ledger import ConnectionLedger, LedgerWriter, read_connections, read_ledger
from harness.traffic.http import http1
from harness.traffic.http.answers import AnswerBook
from harness.traffic.http.client import Client, ClientPlan
from harness.traffic.http.destination import Destination


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("method", Method)
def test_a_refused_connection_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: Method, shape: Shape
) -> None:
    """The operating system refuses each connection once: the attempt's own, and one that was opened ahead."""
    refusals: list[int] = []

    class Counting(http1._Socket):  # type: ignore[misc, valid-type]  # chosen at import
        def connect_ex(self, address: Any) -> int:
            code: int = super().connect_ex(address)
            if code == errno.ECONNREFUSED:
                refusals.append(code)
            return code

    monkeypatch.setattr(http1, "_Socket", Counting)
    ledger = LedgerWriter(tmp_path / "ledger-0.npy", origin_ns=monotonic_ns())
    connections = ConnectionLedger(tmp_path / "connections-0.npy", origin_ns=ledger.origin_ns)
    plan = ClientPlan(
        streams=(Stream(0, "/", method, shape),), host="closed", token="t", timeout=2.0, pool=Pool(size=1)
    )
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        destination = Destination(socket.AF_INET, holder.getsockname())
        answers = AnswerBook([Route("/")], lambda _number, _text: None)
        client = Client(plan, destination, ledger=ledger, connections=connections, answers=answers, on_fault=print)
        client.begin(0, 0)
        with gevent.Timeout(5):
            while client.in_flight:
                gevent.idle()
        client.close()
    ledger.close()
    connections.close()

    assert read_ledger(ledger.path)["outcome"].tolist() == [Outcome.REFUSED]
    assert read_connections(connections.path)["requests"].sum() == 1
    assert len(refusals) == len(read_connections(connections.path))
