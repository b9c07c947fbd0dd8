"""Creates synthetic run directories of any size, complete and sealed, as input of ``harness analyze``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.analysis.slots import planned_times
from harness.kit.clock import Clock
from harness.model.attempt import LOSSES, CloseReason, Method, Outcome, Progress
from harness.model.experiment import (
    Cell,
    Configuration,
    Expectation,
    ExpectedVerdict,
    Experiment,
    Pool,
    Route,
    TrafficPlan,
)
from harness.model.schedule import schedule_of, streams
from harness.model.shapes import KEPT_SHAPES, Shape
from harness.runner.execution import TrialOutcome
from harness.runner.plan import RunEnd, RunPlan
from harness.store.ledger import LedgerWriter
from harness.store.ledger_format import ATTEMPT, CONNECTION
from harness.store.mapped import HEADER, header
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, TrialDirectory, write_json
from harness.store.timeline import TimelineWriter
from harness.testing.evidence import BEGIN, CHANGE, END, ORIGIN, STOP, deployment, quiet_trial

NS = 1_000_000_000
RATE = 5000.0
#: Number of rows to generate at once.
_BLOCK = 500_000
_POOL = 64
#: One in ``_LOST`` requests during the change is lost.
_LOST = 50

PLAN = TrafficPlan(
    rate=RATE,
    routes=(Route("/apple", ("apple-v*",)), Route("/banana", ("banana-v*",))),
    methods=(Method.GET, Method.POST),
    pool=Pool(size=_POOL),
)
_ANSWERS = {1: "apple-v1", 2: "apple-v2", 3: "banana-v1"}


def make_run(folder: Path, attempts: int) -> RunDirectory:
    """Create a run of one cell with one trial: a rolling update under traffic.

    Args:
        folder: Folder to create; it must be empty or missing.
        attempts: Number of rows of the ledger. Half of them have a new connection, with its own row.
    """
    run = RunDirectory.create(folder, "synthetic")
    cell = Cell(
        Configuration((("lifecycle", "graceful"),), (deployment(prestop=True),)),
        replace(CHANGE, answers={"/apple": ("apple-v2",)}),
        Expectation(ExpectedVerdict.ANY),
    )
    experiment = Experiment("synthetic", "synthetic.yaml", (), "ingress-nginx", PLAN, (cell,))
    plan = RunPlan(experiment, "local", "fast", "bench", "2026-01-01T00:00:00+00:00", {})
    write_json(run.path / "run.json", to_json(plan))
    run.seal("plan")
    trial = run.trial(cell.id, 1)
    stop = schedule_of(PLAN).planned_ns(attempts - 1) + 1
    write_json(trial.outcome, to_json(TrialOutcome(Clock(0, 0), origin_ns=ORIGIN, stopped_ns=ORIGIN + stop)))
    _write_timeline(trial, stop / NS / STOP)
    _write_journal(trial)
    _write_calibration(trial)
    _write_ledgers(trial, attempts, stop)
    write_json(run.path / "end.json", to_json(RunEnd(seconds=stop / NS)))
    run.seal("evidence")
    return run


def _write_timeline(trial: TrialDirectory, stretch: float) -> None:
    """Write the timeline of a short synthetic trial, stretched to the length of this one."""
    with TimelineWriter(trial.timeline) as timeline:
        for event in quiet_trial().timeline:
            timeline.record(replace(event, at=ORIGIN + round((event.at - ORIGIN) * stretch)))


def _write_journal(trial: TrialDirectory) -> None:
    lines = [{"event": "responder", "number": number, "text": text} for number, text in _ANSWERS.items()]
    (trial.traffic / "traffic.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _write_calibration(trial: TrialDirectory) -> None:
    """Write an exact calibration."""
    outcomes = [Outcome.OK, *sorted(LOSSES)]
    ledger = LedgerWriter(trial.traffic / "calibration-0.npy", origin_ns=0)
    for route, outcome in enumerate(outcomes):
        row = ledger.intent(0, route, Method.GET, Shape.NEW, sent=1)
        ledger.outcome(row, outcome, Progress.ANSWERED, done=2)
    ledger.close()
    faults = [
        {"name": outcome.label, "expected": outcome.label, "count": 1, "route": n} for n, outcome in enumerate(outcomes)
    ]
    served = {"requests": [{"name": outcome.label, "count": 1, "served": 1} for outcome in outcomes], "duplicates": 0}
    write_json(trial.traffic / "calibration-0.json", {"faults": faults, "served": served, "client_faults": []})


def _write_ledgers(trial: TrialDirectory, attempts: int, stop: int) -> None:
    generator = np.random.default_rng(1)
    singles = 0
    with (
        (trial.traffic / "ledger-0.npy").open("wb") as ledger,
        (trial.traffic / "connections-0.npy").open("wb") as connections,
    ):
        ledger.write(header(ATTEMPT, attempts))
        connections.write(bytes(HEADER) + _pooled(stop).tobytes())
        for first in range(0, attempts, _BLOCK):
            numbers = np.arange(first, min(first + _BLOCK, attempts))
            rows = _attempts(numbers, stop / NS / STOP, generator)
            opened = _give_connections(rows, _POOL + 1 + singles)
            singles += len(opened)
            ledger.write(rows.tobytes())
            connections.write(opened.tobytes())
        connections.seek(0)
        connections.write(header(CONNECTION, _POOL + singles))


def _attempts(numbers: np.ndarray, stretch: float, generator: np.random.Generator) -> np.ndarray:
    """Return attempts with a skewed latency, of which a share is lost during the change."""
    rows = np.zeros(len(numbers), ATTEMPT)
    order = streams(PLAN)
    rows["number"], rows["planned"] = numbers, planned_times(PLAN, numbers)
    rows["sent"] = rows["planned"] + generator.exponential(200_000, len(rows)).astype(np.int64)
    rows["first_byte"] = rows["sent"] + generator.lognormal(14, 0.5, len(rows)).astype(np.int64)
    rows["done"] = rows["first_byte"] + 5_000
    for name in ("route", "method", "shape"):
        rows[name] = np.array([getattr(stream, name) for stream in order])[numbers % len(order)]
    rows["status"], rows["outcome"], rows["progress"], rows["written"] = 200, Outcome.OK, Progress.ANSWERED, 1
    seconds = rows["planned"] / NS / stretch
    is_new = (rows["done"] / NS / stretch >= END) & (rows["route"] == 0)
    rows["responder"] = np.where(rows["route"] == 1, 3, np.where(is_new, 2, 1))
    lost = (seconds > BEGIN) & (seconds < END) & (generator.integers(0, _LOST, len(rows)) == 0)
    rows["outcome"][lost], rows["status"][lost] = Outcome.STATUS, 502
    rows["bytes_out"], rows["bytes_in"], rows["port"] = 120, 160, 40_000
    return rows


def _give_connections(rows: np.ndarray, first: int) -> np.ndarray:
    """Number the attempts' connections. Return the rows of new connections, which carried one attempt each."""
    is_new = ~np.isin(rows["shape"], KEPT_SHAPES)
    rows["connection"] = rows["number"] // 2 % _POOL + 1
    rows["carried"] = np.minimum(rows["number"] // 2 // _POOL, 65_535)
    opened = np.zeros(int(is_new.sum()), CONNECTION)
    opened["number"] = np.arange(first, first + len(opened))
    rows["connection"][is_new], rows["carried"][is_new] = opened["number"], 0
    opened["begun"], opened["closed"] = rows["sent"][is_new], rows["done"][is_new]
    opened["connected"] = opened["begun"] + 50_000
    rows["connected"] = -1
    rows["connected"][is_new] = opened["connected"]
    opened["requests"], opened["reason"], opened["written"] = 1, CloseReason.BY_US, 1
    return opened


def _pooled(stop: int) -> np.ndarray:
    """Return the kept-alive connections. The change cuts a few of them."""
    rows = np.zeros(_POOL, CONNECTION)
    rows["number"] = np.arange(_POOL) + 1
    rows["begun"], rows["connected"], rows["closed"] = 1_000, 50_000, stop
    rows["shape"], rows["reason"], rows["written"] = Shape.REUSED, CloseReason.BY_US, 1
    rows["closed"][:4], rows["reason"][:4] = round(stop * BEGIN / STOP) + NS // 2, CloseReason.PEER_FIN
    return rows
