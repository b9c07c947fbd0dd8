"""Writes the directory of a watch with made-up traffic, while it goes on or after its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.kit.clock import Clock
from harness.model.attempt import LOSSES, CloseReason, Method, Outcome, Progress
from harness.model.counted import KeepOk
from harness.model.experiment import Route, TrafficPlan
from harness.model.schedule import schedule_of
from harness.model.shapes import Shape
from harness.runner.execution import UNENDED, TrialOutcome
from harness.runner.watch.plan import END, PLAN, Origin, WatchEnd, WatchPlan, directory_of
from harness.runner.watch.sealing import LedgerSealing
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.records import to_json
from harness.store.rotation import Rotation
from harness.store.rundir import RunDirectory, write_json
from harness.traffic.event_log import EventLog
from harness.traffic.plan import TrafficChildPlan, write_plan

#: 20 requests a second, on new and on pooled connections in turn.
TRAFFIC = TrafficPlan(
    rate=20, routes=(Route("/"),), methods=(Method.GET,), shapes=(Shape.NEW, Shape.REUSED), timeout=2.0
)
#: CLOCK_MONOTONIC at the origin, and the wall time at the same moment.
ORIGIN = 7_000_000_000
WALL = 1_767_323_045_500_000_000


class MadeUpWatch:
    """A watch of one origin, whose sender is the test.

    Args:
        path: The run directory to create.
        keep: Which right answers are kept far from any loss.
    """

    def __init__(self, path: Path, keep: KeepOk = KeepOk.ALL) -> None:
        self.run = RunDirectory.create(path, "watch")
        origin = Origin("http://shop.example", "shop.example", 80, TRAFFIC)
        plan = WatchPlan(
            ("http://shop.example/",), (origin,), 0.0, 1, "harness watch", "2026-01-02T03:04:05+00:00", {}, keep
        )
        self.directory = directory_of(self.run, 1)
        self.traffic = self.directory.traffic
        self.traffic.mkdir(parents=True)
        write_json(path / PLAN, to_json(plan))
        self.run.seal("plan")
        write_plan(TrafficChildPlan(traffic=TRAFFIC, answers={}, directory=self.traffic))
        self._calibrate()
        self.outcome = TrialOutcome(Clock(WALL, ORIGIN), facts={"address": "10.0.0.7"})
        self.journal = EventLog(self.traffic / "traffic.jsonl")
        self.journal.record("ready", token="tok", pid=1)
        self.sealing = LedgerSealing(self.traffic, 1, TRAFFIC, keep)

    def _calibrate(self) -> None:
        labels = [Outcome.OK, *sorted(LOSSES)]
        ledger = LedgerWriter(self.traffic / "calibration-0.npy", origin_ns=0)
        for route, outcome in enumerate(labels):
            ledger.outcome(ledger.intent(0, route, Method.GET, Shape.NEW, sent=0), outcome, Progress.ANSWERED, done=1)
        ledger.close()
        faults = [{"route": n, "name": o.label, "expected": o.label, "count": 1} for n, o in enumerate(labels)]
        served = {"duplicates": 0, "requests": [{"name": o.label, "count": 1, "served": 1} for o in labels]}
        write_json(self.traffic / "calibration-0.json", {"faults": faults, "served": served, "client_faults": []})

    def begin(self) -> None:
        """Begin the traffic."""
        self.outcome = replace(self.outcome, origin_ns=ORIGIN)
        write_json(self.directory.outcome, to_json(replace(self.outcome, failure=UNENDED)))
        self.journal.record("started", origin_ns=ORIGIN, address="10.0.0.7", port=80)
        self.journal.record("responder", number=1, text="ok")
        self.ledger = LedgerWriter(self.traffic / "ledger-0.npy", origin_ns=ORIGIN)
        self.connections = ConnectionLedger(self.traffic / "connections-0.npy", origin_ns=ORIGIN)
        self._pooled = self.connections.begin(Shape.REUSED, ORIGIN)
        self._carried = 0
        self.rotation = Rotation(self.ledger, self.connections, lambda: (self._pooled,))

    def send(self, count: int = 1, outcome: Outcome = Outcome.OK) -> None:
        """Send the next requests; ``UNFINISHED`` leaves them open."""
        for _ in range(count):
            row = self.ledger.used
            planned = schedule_of(TRAFFIC).planned_ns(row)
            sent, done = ORIGIN + planned + 100_000, ORIGIN + planned + 900_000
            shape = (Shape.NEW, Shape.REUSED)[row % 2]
            is_new = shape is Shape.NEW
            number = self.connections.begin(shape, sent) if is_new else self._pooled
            carried = 0 if is_new else self._carried
            self.ledger.intent(planned, 0, Method.GET, shape, sent=sent, connection=number, carried=carried)
            reason = CloseReason.BY_US if is_new else CloseReason.OPEN
            self._carried += not is_new
            self.connections.record(
                number, shape, begun=sent if is_new else ORIGIN, connected=sent if is_new else ORIGIN,
                closed=done if is_new else -1, requests=1 if is_new else self._carried, reason=reason,
            )  # fmt: skip
            if outcome is not Outcome.UNFINISHED:
                self.finish(row, outcome)

    def finish(self, row: int, outcome: Outcome) -> None:
        """Record the outcome of a request."""
        sent = ORIGIN + schedule_of(TRAFFIC).planned_ns(row) + 100_000
        answered = outcome is Outcome.OK
        self.ledger.outcome(
            row, outcome, Progress.ANSWERED if answered else Progress.SENT, done=sent + 800_000,
            first_byte=sent + 700_000 if answered else -1, connected=sent + 50_000 if row % 2 == 0 else -1,
            connection=1 if row % 2 else row // 2 + 2, carried=row // 2 if row % 2 else 0,
            status=200 if answered else 0, responder=int(answered),
        )  # fmt: skip

    def rotate(self) -> None:
        """Begin another segment, and seal what is complete."""
        assert self.rotation.rotate()
        self.settle()

    def settle(self) -> None:
        """Report and seal the segments that are complete now."""
        before = self.rotation.complete
        self.rotation.settle()
        for number in range(before, self.rotation.complete):
            self.journal.record("segment", number=number)
        self.sealing.seal()
        self.sealing.compact(self.ledger.used)

    def end(self) -> None:
        """Stop planning, and end in order; the evidence is sealed."""
        rows = self.ledger.used
        stopped = ORIGIN + schedule_of(TRAFFIC).planned_ns(rows)
        self.journal.record("stopping", at_ns=stopped, slots=rows)
        self.ledger.close()
        self.connections.close()
        self.journal.record("drained", slots=rows, rows=rows, unfinished=0)
        self.journal.close()
        self.sealing.seal()
        write_json(self.directory.outcome, to_json(replace(self.outcome, stopped_ns=stopped)))
        write_json(self.run.path / END, to_json(WatchEnd()))
        self.run.seal("evidence")
