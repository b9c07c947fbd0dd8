"""``harness analyze`` judges sealed evidence again, and never accepts unsealed evidence as proof."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.cli.evidence import analyze
from harness.kit.clock import Clock
from harness.model.attempt import LOSSES, Method, Outcome, Progress
from harness.model.changes import NoChange
from harness.model.experiment import Cell, Configuration, Experiment, Route, TrafficPlan
from harness.model.shapes import Shape
from harness.model.timeline import Event, EventKind, Phase
from harness.runner.execution import TrialOutcome
from harness.runner.plan import RunEnd, RunPlan
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, TrialDirectory, write_json
from harness.store.timeline import TimelineWriter
from harness.testing.evidence import ORIGIN, at

#: 20 requests a second on new connections for three seconds, with the control during the second one.
TRAFFIC = TrafficPlan(rate=20, routes=(Route("/"),), methods=(Method.GET,), shapes=(Shape.NEW,))
EXPERIMENT = Experiment(
    "made-up", "made-up.yaml", (), "ingress-nginx", TRAFFIC, (Cell(Configuration((), ()), NoChange(name="none")),)
)
LEDGER = "trials/default--none/1/traffic/ledger-0.npy"


@pytest.fixture
def sealed(tmp_path: Path) -> RunDirectory:
    """Return a finished run of one trial in which nothing was lost."""
    run = RunDirectory.create(tmp_path / "run", "made-up")
    plan = RunPlan(EXPERIMENT, "local", "kind", "harness run made-up.yaml", "2026-01-01T00:00:00+00:00", {})
    write_json(run.path / "run.json", to_json(plan))
    run.seal("plan")
    write_trial(run.trial("default--none", 1))
    write_json(run.path / "end.json", to_json(RunEnd(seconds=9.0)))
    run.seal("evidence")
    return run


def write_trial(trial: TrialDirectory) -> None:
    """Write all files that judging needs."""
    write_traffic(trial.traffic / "ledger-0.npy", [Outcome.OK] * 60)
    ConnectionLedger(trial.traffic / "connections-0.npy", origin_ns=ORIGIN).close()
    labels = [Outcome.OK, *sorted(LOSSES)]
    ledger = LedgerWriter(trial.traffic / "calibration-0.npy", origin_ns=ORIGIN)
    for route, outcome in enumerate(labels):
        row = ledger.intent(0, route, Method.GET, Shape.NEW, sent=ORIGIN)
        ledger.outcome(row, outcome, Progress.ANSWERED, done=ORIGIN + 1)
    ledger.close()
    faults = [{"route": n, "name": o.label, "expected": o.label, "count": 1} for n, o in enumerate(labels)]
    served = {"duplicates": 0, "requests": [{"name": o.label, "count": 1, "served": 1} for o in labels]}
    write_json(trial.traffic / "calibration-0.json", {"faults": faults, "served": served, "client_faults": []})
    events = [{"event": "started", "origin_ns": ORIGIN}, {"event": "stopping", "at_ns": at(3)}]
    (trial.traffic / "traffic.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    write_json(trial.outcome, to_json(TrialOutcome(Clock(0, 0), origin_ns=ORIGIN, stopped_ns=at(3))))
    with TimelineWriter(trial.timeline) as timeline:
        timeline.record(Event(at(0), EventKind.PHASE, Phase.BASELINE, "begin"))
        timeline.record(Event(at(1), EventKind.PHASE, Phase.CHANGE, "begin"))
        for moment, what in ((1.0, "begin"), (1.01, "applied"), (1.95, "observed"), (2.0, "end")):
            timeline.record(Event(at(moment), EventKind.CHANGE, "none", what, {"kind": "none", "n": 1}))


def write_traffic(path: Path, outcomes: list[Outcome]) -> None:
    """Write a ledger with one row per slot."""
    ledger = LedgerWriter(path, origin_ns=ORIGIN)
    for number, outcome in enumerate(outcomes):
        planned = number * 50_000_000
        row = ledger.intent(planned, 0, Method.GET, Shape.NEW, sent=ORIGIN + planned + 100_000)
        is_ok = outcome is Outcome.OK
        ledger.outcome(row, outcome, Progress.ANSWERED, done=ORIGIN + planned + 900_000, status=200 if is_ok else 502)
    ledger.close()


def rewrite(path: Path, harm: Callable[[bytes], bytes]) -> None:
    """Change a file's bytes."""
    path.write_bytes(harm(path.read_bytes()))


def hide_a_loss(ledger: Path) -> None:
    """Make the eighth row a success."""
    rows = np.load(ledger, mmap_mode="r+")
    rows["outcome"][7], rows["status"][7] = Outcome.OK, 200
    rows.flush()


def test_a_finished_run_is_judged_again(sealed: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    """The evidence matches its seals: the verdict counts, and the report's path is printed."""
    assert analyze(sealed.path) == 0
    shown = capsys.readouterr().out

    assert "✓ lossless" in shown
    assert f"report: {sealed.path / 'index.html'}" in shown
    assert "no proof" not in shown


def test_unsealed_is_never_a_success(sealed: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    """Even if the evidence matches its seals, ``--unsealed`` gives no proof and writes nothing."""
    assert analyze(sealed.path, unsealed=True) == 3
    assert "no proof" in capsys.readouterr().out
    assert not (sealed.path / "verdict.json").exists()

    (sealed.path / "seals" / "evidence.json").unlink()
    assert analyze(sealed.path, unsealed=True) == 3
    assert "the evidence was never sealed" in capsys.readouterr().out


def test_a_loss_hidden_after_sealing_is_not_lossless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A lost row was made a success after sealing: the file is named, and no cell is lossless."""
    run = RunDirectory.create(tmp_path / "run", "made-up")
    plan = RunPlan(EXPERIMENT, "local", "kind", "harness run made-up.yaml", "2026-01-01T00:00:00+00:00", {})
    write_json(run.path / "run.json", to_json(plan))
    run.seal("plan")
    write_trial(run.trial("default--none", 1))
    (run.path / LEDGER).unlink()
    write_traffic(run.path / LEDGER, [Outcome.OK] * 7 + [Outcome.STATUS] + [Outcome.OK] * 52)
    write_json(run.path / "end.json", to_json(RunEnd(seconds=9.0)))
    run.seal("evidence")
    hide_a_loss(run.path / LEDGER)

    assert analyze(run.path, unsealed=True) == 3
    shown = capsys.readouterr().out
    assert f"changed: {LEDGER}" in shown
    assert "lossless" not in shown.replace("expected lossless", "")
    assert "1 file differs from the seals" in shown


def test_a_killed_run_is_summarised(sealed: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    """The trial has neither end nor outcome. It is cut short, its requests are counted, and no advice is given."""
    for name in ("seals/evidence.json", "end.json", "trials/default--none/1/outcome.json"):
        (sealed.path / name).unlink()

    assert analyze(sealed.path, unsealed=True) == 3
    shown = capsys.readouterr().out
    assert "The run did not finish: 0 of 1 cell has a result." in shown
    assert "cut short" in shown
    assert "60 requests sent in 1 trial, each tried exactly once; 0 lost." in shown
    assert [word for word in ("failed", "no record", "lossless") if word in shown] == []


@pytest.mark.parametrize(
    "harm",
    [
        lambda run: rewrite(run / "run.json", lambda text: text.replace(b"harness run", b"harness  run")),
        lambda run: rewrite(run / "seals" / "evidence.json", lambda text: text[:50]),
        lambda run: (run / "trials" / "default--none" / "1" / "more.txt").write_text(""),
        lambda run: (run / LEDGER).unlink(),
    ],
    ids=["plan", "seal", "extra", "missing"],
)
def test_any_difference_from_the_seals_is_inconclusive(
    sealed: RunDirectory, capsys: pytest.CaptureFixture[str], harm: Callable[[Path], object]
) -> None:
    """A changed shared file, a changed seal, an extra file and a missing file are all reported."""
    harm(sealed.path)

    assert analyze(sealed.path, unsealed=True) == 3
    shown = capsys.readouterr().out
    assert "is not as it was sealed" in shown
    assert "? inconclusive" in shown
