"""Synthetic trials for tests of judging, which also serve as examples of evidence.

``quiet_trial`` returns a trial without any fault. Each function ``with_…`` and ``without_…`` makes one alteration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from harness.analysis.evidence import Calibration, CalibrationCase, Rows, TrialEvidence
from harness.analysis.planned import slots_until
from harness.analysis.slots import planned_times
from harness.model.attempt import LOSSES, CloseReason, Method, Outcome, Progress
from harness.model.changes import ChangeSpec, RollingUpdate
from harness.model.events import ChangeEvent
from harness.model.experiment import Pool, Route, TrafficPlan, waiting_connections
from harness.model.schedule import streams
from harness.model.shapes import ConnectionSource, shapes_from
from harness.model.timeline import Event, EventKind, Phase

NS = 1_000_000_000
#: Origin of synthetic traffic on CLOCK_MONOTONIC.
ORIGIN = 5_000 * NS
#: Seconds from the origin at which the change begins, is observed, and sending stops.
BEGIN, END, STOP = 1.0, 2.0, 3.0
#: Number of kept-alive connections of a synthetic trial.
POOL = 4
#: Number of the first of its connections that were opened in advance.
AHEAD = 1_000_000

_ATTEMPT = (
    ("number", "<u8"), ("planned", "<i8"), ("sent", "<i8"), ("done", "<i8"), ("connection", "<u4"),
    ("bytes_out", "<u4"), ("status", "<u2"), ("responder", "<u2"), ("carried", "<u2"), ("worker", "<u2"),
    ("route", "u1"), ("method", "u1"), ("shape", "u1"), ("outcome", "u1"), ("progress", "u1"),
)  # fmt: skip
_CONNECTION = (
    ("number", "<u8"), ("connected", "<i8"), ("closed", "<i8"), ("requests", "<u4"), ("worker", "<u2"), ("shape", "u1"),
    ("reason", "u1"),
)  # fmt: skip

PLAN = TrafficPlan(
    rate=100.0,
    routes=(Route("/apple", ("apple-v1",)),),
    methods=(Method.GET, Method.POST),
    pool=Pool(size=POOL),
    baseline=BEGIN,
    settle=STOP - END,
)
CHANGE = RollingUpdate(name="rolling-update", deployment="apple", answers={"/apple": ("apple-v2",)})


def quiet_trial(change: ChangeSpec = CHANGE, plan: TrafficPlan = PLAN, *, stop: float = STOP) -> TrialEvidence:
    """Return a trial without any fault: nothing lost, the change observed, the calibration exact."""
    return TrialEvidence(
        number=1,
        directory="trials/graceful--rolling-update/1",
        change=change,
        traffic=plan,
        attempts=_attempts(plan, stop),
        connections=_connections(plan, stop),
        origin_ns=ORIGIN,
        stopped_ns=at(stop),
        timeline=_timeline(change, stop),
        manifests=(deployment(prestop=True),),
        responders={1: "apple-v1", 2: "apple-v2"},
        calibration=proof(),
    )


def proof() -> Calibration:
    """Return an exact calibration with every kind of outcome."""
    labels = [outcome.label for outcome in (Outcome.OK, *sorted(LOSSES))]
    cases = tuple(CalibrationCase(label, label, 8, {label: 8}) for label in labels)
    return Calibration(cases, dict.fromkeys(labels, (8, 8)))


def at(seconds: float) -> int:
    """Return the CLOCK_MONOTONIC of a moment in a synthetic trial, given in seconds from the origin."""
    return ORIGIN + round(seconds * NS)


def deployment(*, prestop: bool) -> Mapping[str, Any]:
    """Return the Deployment that ``CHANGE`` updates."""
    lifecycle = {"lifecycle": {"preStop": {"sleep": {"seconds": 6}}}} if prestop else {}
    spec = {"containers": [{"name": "apple", "image": "hashicorp/http-echo:1.0", **lifecycle}]}
    return {"kind": "Deployment", "metadata": {"name": "apple"}, "spec": {"template": {"spec": spec}}}


def with_rows(evidence: TrialEvidence, start: float, end: float, **fields: int) -> TrialEvidence:
    """Set fields of the attempts that were planned in an interval, given in seconds."""
    rows = evidence.attempts.copy()
    chosen = (rows["planned"] >= start * NS) & (rows["planned"] < end * NS)
    for name, value in fields.items():
        rows[name][chosen] = value
    return replace(evidence, attempts=rows)


def with_losses(evidence: TrialEvidence, start: float, end: float, outcome: Outcome = Outcome.STATUS) -> TrialEvidence:
    """Make the attempts of an interval lost; with status 502 if the outcome has a status."""
    return with_rows(evidence, start, end, outcome=outcome, status=502 if outcome is Outcome.STATUS else 0)


def without_rows(evidence: TrialEvidence, *indices: int) -> TrialEvidence:
    """Remove some attempts from the ledger."""
    return replace(evidence, attempts=np.delete(evidence.attempts, indices))


def with_event(
    evidence: TrialEvidence, seconds: float, kind: EventKind, what: str, *, subject: str = "", **detail: str | int
) -> TrialEvidence:
    """Add an event to the timeline."""
    return replace(evidence, timeline=(*evidence.timeline, Event(at(seconds), kind, subject, what, detail)))


def without_events(evidence: TrialEvidence, kind: EventKind, what: str) -> TrialEvidence:
    """Remove the events of a kind from the timeline."""
    kept = tuple(event for event in evidence.timeline if (event.kind, event.what) != (kind, what))
    return replace(evidence, timeline=kept)


def with_cut_connections(evidence: TrialEvidence, seconds: float, reason: CloseReason, count: int) -> TrialEvidence:
    """Close some kept-alive connections at a moment."""
    rows = evidence.connections.copy()
    rows["closed"][:count], rows["reason"][:count] = round(seconds * NS), reason
    return replace(evidence, connections=rows)


def _attempts(plan: TrafficPlan, stop: float) -> Rows:
    count = slots_until(plan, round(stop * NS))
    rows = np.zeros(count, dtype=list(_ATTEMPT))
    numbers = np.arange(count)
    order = streams(plan)
    rows["number"] = numbers
    rows["planned"] = planned_times(plan, numbers)
    rows["sent"] = rows["planned"] + 500_000
    rows["done"] = rows["sent"] + 2_000_000 + (numbers * 7919 % 13) * 100_000
    for field, values in (
        ("route", [stream.route for stream in order]),
        ("method", [int(stream.method) for stream in order]),
        ("shape", [int(stream.shape) for stream in order]),
    ):
        rows[field] = np.array(values)[numbers % len(order)]
    rows["done"] += (np.array([each.delay for each in order])[numbers % len(order)] * NS).astype(np.int64)
    rows["status"], rows["outcome"], rows["progress"] = 200, Outcome.OK, Progress.ANSWERED
    rows["responder"] = np.where(rows["done"] < END * NS, 1, 2)
    pooled = np.isin(rows["shape"], shapes_from(ConnectionSource.POOL))
    rows["carried"] = np.where(pooled, numbers // len(order) // POOL, 0)
    rows["connection"] = np.where(pooled, numbers // len(order) % POOL + 1, numbers + POOL + 1)
    _rest(rows, plan)
    ahead = np.isin(rows["shape"], shapes_from(ConnectionSource.AHEAD))
    rows["connection"][ahead] = AHEAD + np.arange(np.count_nonzero(ahead))
    return rows


def _rest(rows: Rows, plan: TrafficPlan) -> None:
    """Spread the attempts of shapes that wait over enough connections, so that each waits for long enough."""
    for shape in shapes_from(ConnectionSource.RESTED):
        rested = np.flatnonzero(rows["shape"] == shape)
        turns, size = np.arange(len(rested)), 2 + round(waiting_connections(plan, shape))
        rows["connection"][rested], rows["carried"][rested] = 2 * len(rows) + turns % size, turns // size


def _connections(plan: TrafficPlan, stop: float) -> Rows:
    """Make the pool, and the connections that were opened in advance, each for as long as its shape requires."""
    attempts = _attempts(plan, stop)
    ahead = [_ahead(attempts[attempts["shape"] == s], plan.seconds_of(s)) for s in shapes_from(ConnectionSource.AHEAD)]
    return np.concatenate([_pool(), *ahead])


def _ahead(attempts: Rows, seconds: float) -> Rows:
    """Make the connections of attempts that were opened in advance; those of the first attempts were not."""
    rows = np.zeros(len(attempts), dtype=list(_CONNECTION))
    rows["number"], rows["shape"], rows["closed"] = attempts["connection"], attempts["shape"], attempts["done"]
    waited = attempts["sent"] - round(seconds * NS)
    rows["connected"] = np.where(waited > 0, waited, attempts["sent"] + 100_000)
    rows["requests"], rows["reason"] = 1, CloseReason.BY_US
    return rows


def _pool() -> Rows:
    rows = np.zeros(POOL, dtype=list(_CONNECTION))
    rows["number"] = np.arange(POOL) + 1
    rows["connected"], rows["closed"], rows["requests"] = 1_000_000, round(STOP * NS) + 50_000_000, 36
    rows["shape"] = shapes_from(ConnectionSource.POOL)[0]
    rows["reason"] = CloseReason.BY_US
    return rows


def _timeline(change: ChangeSpec, stop: float) -> tuple[Event, ...]:
    def phase(seconds: float, name: Phase) -> Event:
        return Event(at(seconds), EventKind.PHASE, name, "begin")

    def step(seconds: float, what: ChangeEvent, **detail: int | str) -> Event:
        return Event(at(seconds), EventKind.CHANGE, change.name, what, {"kind": change.kind, **detail})

    def pod(seconds: float, name: str, what: str, **detail: int | str) -> Event:
        return Event(at(seconds), EventKind.POD, name, what, {"app": "apple", **detail})

    old, new = "apple-66f9d8c7b5-x7k2p", "apple-7c4f9bd6d8-9hq4m"
    image = "hashicorp/http-echo:1.0"
    repetitions = [
        event
        for n in range(1, change.times + 1)
        for event in (step(BEGIN + 0.01 * n, ChangeEvent.APPLIED, n=n), step(END - 0.05, ChangeEvent.OBSERVED, n=n))
    ]
    return (
        pod(-3.0, old, "created", image=image),
        pod(-2.0, old, "ready"),
        phase(0.0, Phase.BASELINE),
        phase(BEGIN - 0.001, Phase.CHANGE),
        step(BEGIN, ChangeEvent.BEGIN, times=change.times),
        *repetitions,
        pod(BEGIN + 0.02, new, "created", image=image),
        pod(BEGIN + 0.4, new, "ready"),
        Event(at(BEGIN + 0.41), EventKind.ENDPOINTS, "apple-service", "changed", {"ready": "127.9.1.2:5678"}),
        pod(BEGIN + 0.42, old, "terminating", grace=30),
        Event(at(BEGIN + 0.5), EventKind.INGRESS, "ingress-nginx", "endpoints", {"added": "127.9.1.2:5678"}),
        pod(END - 0.1, old, "gone"),
        step(END, ChangeEvent.END, observed="yes"),
        phase(END, Phase.SETTLE),
        phase(stop, Phase.DRAIN),
        phase(stop + 0.05, Phase.DONE),
    )
