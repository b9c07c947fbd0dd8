"""Tests that records of several workers are read as one account, and that missing ones are damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.runner.recorded_traffic import RecordedTraffic
from harness.store.ledger import ConnectionLedger, LedgerWriter


def write_worker(directory: Path, number: int, *answers: str) -> None:
    """Write a worker's files: for each answer an attempt on a connection of its own, numbered by the worker."""
    texts = list(dict.fromkeys(answers))
    ledger = LedgerWriter(directory / f"ledger-{number}.npy", origin_ns=0, worker=number)
    connections = ConnectionLedger(directory / f"connections-{number}.npy", origin_ns=0, worker=number)
    for text in answers:
        connection = connections.begin(Shape.NEW, 1)
        connections.record(connection, Shape.NEW, begun=1, reason=CloseReason.BY_US, closed=2)
        row = ledger.intent(0, 0, Method.GET, Shape.NEW, sent=1, connection=connection)
        ledger.outcome(
            row, Outcome.OK, Progress.ANSWERED, done=2, connection=connection, responder=texts.index(text) + 1
        )
    ledger.close()
    connections.close()
    lines = [{"event": "responder", "number": n, "text": text} for n, text in enumerate(texts, start=1)]
    (directory / f"traffic-{number}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of two workers that got the same answers in different order."""
    (tmp_path / "plan.json").write_text(json.dumps({"crew": {"local": 1, "remote": 1}}))
    (tmp_path / "traffic.jsonl").write_text(
        json.dumps({"event": "clock", "worker": 1, "offset_ns": 5, "error_ns": 200_000, "moved_ns": 0})
        + "\n"
        + json.dumps({"event": "clock", "worker": 1, "offset_ns": 5, "error_ns": 100_000, "moved_ns": -400_000})
        + "\n"
        + json.dumps({"event": "clock", "worker": 0, "offset_ns": 0, "error_ns": 0, "moved_ns": 0})
        + "\n"
    )
    write_worker(tmp_path, 0, "apple", "banana")
    write_worker(tmp_path, 1, "banana", "banana", "apple", "cherry")
    return tmp_path


def test_responders_of_two_workers_have_one_meaning(folder: Path) -> None:
    """Number 1 was apple for one worker and banana for the other."""
    rows, texts = RecordedTraffic.read(folder).attempts(begun=True)

    assert [texts[number] for number in rows["responder"]] == [
        "apple", "banana", "banana", "banana", "apple", "cherry",
    ]  # fmt: skip
    assert len(texts) == 3


def test_connections_of_two_workers_are_not_confused(folder: Path) -> None:
    """Each attempt has a connection of its own worker, though both count from 1."""
    recorded = RecordedTraffic.read(folder)
    attempts, connections = recorded.attempts(begun=True)[0], recorded.connections(begun=True)
    workers = dict(zip(connections["number"].tolist(), connections["worker"].tolist(), strict=True))

    assert len(workers) == len(connections) == 6
    assert [workers[number] for number in attempts["connection"].tolist()] == attempts["worker"].tolist()


def test_the_clock_error_is_that_of_the_worst_comparison(folder: Path) -> None:
    """The drift of the offset counts as well. A worker on this machine is left out."""
    assert RecordedTraffic.read(folder).clock_errors() == {1: 0.0005}


def test_a_missing_ledger_is_damage_and_the_rest_is_read(folder: Path) -> None:
    """Its rows are unknown, which must not look like traffic without losses."""
    (folder / "ledger-1.npy").unlink()
    recorded = RecordedTraffic.read(folder)
    rows, _ = recorded.attempts(begun=True)

    assert len(rows) == 2
    assert "ledger-1.npy" in recorded.damage[0]


def test_a_calibration_missing_for_one_worker_is_missing_for_all(folder: Path) -> None:
    """The reports of an uncalibrated worker prove nothing."""
    (folder / "calibration-0.json").write_text('{"faults": [], "served": {"requests": [], "duplicates": 0}}')
    LedgerWriter(folder / "calibration-0.npy", origin_ns=0).close()
    recorded = RecordedTraffic.read(folder)

    assert recorded.calibration() is None
    assert recorded.damage == ["no calibration of worker 1"]


def test_a_damaged_plan_is_damage(folder: Path) -> None:
    """The number of workers is not guessed."""
    (folder / "plan.json").write_text("{}")

    assert "plan.json" in RecordedTraffic.read(folder).damage[0]


def test_faults_of_all_workers_are_listed_once(folder: Path) -> None:
    """The master's and the workers' reports of one fault count once."""
    with (folder / "traffic-1.jsonl").open("a") as file:
        file.write(json.dumps({"event": "fault", "what": "client", "text": "no port"}) + "\n")
        file.write(json.dumps({"event": "fault", "what": "client", "text": "no port"}) + "\n")

    assert RecordedTraffic.read(folder).faults() == ("client: no port",)
