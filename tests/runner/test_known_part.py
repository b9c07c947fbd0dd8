"""The known part of a growing ledger ends where the slowest worker's first open request begins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.model.attempt import Method, Outcome, Progress
from harness.model.experiment import Route, TrafficPlan
from harness.model.schedule import schedule_of
from harness.model.shapes import Shape
from harness.model.share import Share
from harness.runner.known_part import known_part
from harness.runner.watch.sealing import LedgerSealing
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.rotation import Rotation
from harness.store.segments import check_segments

EVEN = TrafficPlan(rate=50, routes=(Route("/a"), Route("/b")), methods=(Method.GET,), shapes=(Shape.NEW,))
RANDOM = TrafficPlan(rate=50, routes=(Route("/a"),), methods=(Method.GET,), shapes=(Shape.NEW,), arrivals="poisson")


class WorkerLedgers:
    """The files of one worker, which this test writes.

    Args:
        directory: The traffic folder.
        worker: Number of the worker.
    """

    def __init__(self, directory: Path, worker: int = 0) -> None:
        self.ledger = LedgerWriter(directory / f"ledger-{worker}.npy", origin_ns=0, worker=worker, chunk=8)
        connections = ConnectionLedger(directory / f"connections-{worker}.npy", origin_ns=0, worker=worker)
        self.rotation = Rotation(self.ledger, connections, lambda: ())

    def send(self, count: int, outcome: Outcome = Outcome.OK) -> None:
        """Record the next attempts; ``UNFINISHED`` leaves them open."""
        for _ in range(count):
            row = self.ledger.intent(0, 0, Method.GET, Shape.NEW, sent=1)
            if outcome is not Outcome.UNFINISHED:
                self.ledger.outcome(row, outcome, Progress.ANSWERED, done=2)


@pytest.mark.parametrize("traffic", [EVEN, RANDOM])
@pytest.mark.parametrize("size", [0, 1, 17, 40])
def test_one_worker(tmp_path: Path, traffic: TrafficPlan, size: int) -> None:
    """Exactly the slots before the first open one are known, also across segments."""
    worker = WorkerLedgers(tmp_path)
    worker.send(size // 2)
    assert worker.rotation.rotate()
    worker.send(size - size // 2)
    worker.send(1, Outcome.UNFINISHED)
    worker.send(5)
    known = known_part(tmp_path, traffic, 1)

    assert known.rows == {0: size}
    assert known.elapsed_ns == schedule_of(traffic).planned_ns(size)


def test_the_slowest_worker_decides(tmp_path: Path) -> None:
    """Of each worker so many slots are known as were planned before."""
    fast, slow = WorkerLedgers(tmp_path, 0), WorkerLedgers(tmp_path, 1)
    fast.send(30)
    slow.send(11)
    slow.send(1, Outcome.UNFINISHED)
    slow.send(9)
    known = known_part(tmp_path, EVEN, 2)
    schedules = [schedule_of(EVEN, Share(worker, 2)) for worker in (0, 1)]

    assert known.elapsed_ns == schedules[1].planned_ns(11)
    assert known.rows == {0: 12, 1: 11}
    assert sum(known.rows.values()) == schedule_of(EVEN).slots_until(known.elapsed_ns)


def test_a_ledger_that_does_not_exist_yet(tmp_path: Path) -> None:
    """Nothing is known."""
    assert known_part(tmp_path, EVEN, 1).elapsed_ns == 0


def test_each_worker_has_seals_of_its_own(tmp_path: Path) -> None:
    """A worker's complete segments are sealed, whatever the other one does; the last ones at the end."""
    (tmp_path / "plan.json").write_text("{}")
    workers = [WorkerLedgers(tmp_path, worker) for worker in (0, 1)]
    journals = [tmp_path / f"traffic-{worker}.jsonl" for worker in (0, 1)]
    sealing = LedgerSealing(tmp_path, 2)
    for worker in workers:
        worker.send(3)
        assert worker.rotation.rotate()
        worker.send(2)
    journals[0].write_text(json.dumps({"event": "segment", "number": 0}) + "\n")
    first = sealing.seal()
    for journal in journals:
        with journal.open("a") as file:
            file.write(json.dumps({"event": "drained"}) + "\n")
    rest = sealing.seal()

    assert (first, rest, sealing.seal()) == (1, 3, 0)
    assert [check_segments(tmp_path, worker).sealed for worker in (0, 1)] == [2, 2]
    assert [check_segments(tmp_path, worker).damage for worker in (0, 1)] == [(), ()]
