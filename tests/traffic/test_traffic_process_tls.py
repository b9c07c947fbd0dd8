"""The traffic process uses TLS inside Locust, whose gevent replaces Python's ``ssl``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis.evidence import Calibration
from harness.errors import HarnessError
from harness.findings.instrument import CALIBRATED_WITH_TLS
from harness.kit.waiting import wait_until
from harness.model.attempt import Method, Outcome, Progress
from harness.model.experiment import Route, Tls, TrafficPlan
from harness.store.ledger import read_ledger
from harness.traffic.calibration.server import CERTIFICATE, SERVER_NAME, WHERE, FaultyServer
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.process import TrafficChild

pytestmark = pytest.mark.processes

#: Seconds; more than anything takes here, however busy the machine is.
PATIENCE = 250
TRAFFIC = TrafficPlan(
    rate=100,
    routes=(Route("/fault/ok", ("ok",)), Route("/fault/fin-before", ("ok",))),
    methods=(Method.GET, Method.POST),
    timeout=PATIENCE,
    tls=Tls(ca=str(CERTIFICATE), server_name=SERVER_NAME),
)


def sent(directory: Path, traffic: TrafficPlan) -> tuple[list[int], Calibration, list[dict[str, object]]]:
    """Half of the slots are answered, half are dropped: outcomes, calibration and journal of some traffic.

    Slots for which the machine was too slow are left out.
    """
    with FaultyServer.start(directory / "server") as server:
        port = json.loads((directory / "server" / WHERE).read_text())["tls_port"]
        plan = TrafficChildPlan(
            traffic=traffic,
            answers={route.path: route.answers for route in traffic.routes},
            directory=directory / "traffic",
            calibration=(server.address, server.port),
        )
        with TrafficChild.start(plan) as child:
            child.wait_ready(PATIENCE)
            child.go(server.address, port)
            wait_until(lambda: child.counts().sent >= 60, timeout=PATIENCE, what="attempts")
            child.stop()
            child.wait_drained(PATIENCE)
    folder = directory / "traffic"
    record = json.loads((folder / "calibration-0.json").read_text())
    journal = [json.loads(line) for line in (folder / "traffic.jsonl").read_text().splitlines()]
    proof = Calibration.of(record, read_ledger(folder / "calibration-0.npy"))
    outcomes = read_ledger(folder / "ledger-0.npy")["outcome"]
    return outcomes[outcomes != Outcome.MISSED].tolist(), proof, journal


def test_traffic_goes_through_tls_after_a_calibration_that_did(tmp_path: Path) -> None:
    """The report is exact, and the calibration used TLS too."""
    outcomes, proof, journal = sent(tmp_path, TRAFFIC)

    assert set(outcomes) == {Outcome.OK, Outcome.CLOSED}
    assert {case.expected for case in proof.cases} == CALIBRATED_WITH_TLS
    assert all(case.is_exact for case in proof.cases)
    assert [line for line in journal if line["event"] in {"tls", "fault"}] == []


def test_a_rejected_certificate_is_reported_once(tmp_path: Path) -> None:
    """Every attempt is lost; nothing of it was sent."""
    outcomes, _, journal = sent(tmp_path, replace(TRAFFIC, tls=Tls(server_name=SERVER_NAME)))

    assert set(outcomes) == {Outcome.TLS}
    assert set(read_ledger(tmp_path / "traffic" / "ledger-0.npy")["progress"].tolist()) == {Progress.NOT_CONNECTED}
    assert [str(line["text"])[:31] for line in journal if line["event"] == "tls"] == ["the certificate is not accepted"]


def test_unreadable_authorities_are_reported_before_anything_starts(tmp_path: Path) -> None:
    """Not even the calibration is made; the error names the file."""
    missing = str(tmp_path / "none.pem")
    plan = TrafficChildPlan(traffic=replace(TRAFFIC, tls=Tls(ca=missing)), answers={}, directory=tmp_path / "t")
    with TrafficChild.start(plan) as child, pytest.raises(HarnessError, match=r"none\.pem cannot be read"):
        child.wait_ready(PATIENCE)
