"""Tests that missing or damaged evidence makes its trial fail; no trial is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.findings.instrument import TrialFailed
from harness.findings.stopping import CutShort
from harness.judging.trial import judge_trial
from harness.kit.clock import Clock
from harness.model.attempt import Method, Outcome, Progress
from harness.model.changes import NoChange
from harness.model.experiment import Cell, Configuration, Experiment, Route, TrafficPlan
from harness.model.shapes import Shape
from harness.model.verdict import Verdict
from harness.runner.evidence import read_trials
from harness.runner.execution import TrialOutcome
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, TrialDirectory, write_json

EXPERIMENT = Experiment(
    "e",
    "e.yaml",
    (),
    "ingress-nginx",
    TrafficPlan(rate=10, routes=(Route("/"),)),
    (Cell(Configuration((), ()), NoChange(name="none")),),
)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Create a run of one trial with all files and one successful attempt."""
    run = RunDirectory.create(tmp_path / "run", "e")
    trial = run.trial("default--none", 1)
    ledger = LedgerWriter(trial.traffic / "ledger-0.npy", origin_ns=1000)
    row = ledger.intent(0, 0, Method.GET, Shape.NEW, sent=1000)
    ledger.outcome(row, Outcome.OK, Progress.ANSWERED, done=2000, responder=1)
    ledger.close()
    ConnectionLedger(trial.traffic / "connections-0.npy", origin_ns=1000).close()
    write_json(trial.outcome, to_json(TrialOutcome(Clock(0, 0), origin_ns=1000, stopped_ns=0)))
    lines = [{"event": "responder", "number": 1, "text": "apple"}, {"event": "stopping", "at_ns": 5000}]
    (trial.traffic / "traffic.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return run


def trial_of(run: RunDirectory) -> TrialDirectory:
    """Return its only trial."""
    return run.trial("default--none", 1)


def failure(run: RunDirectory) -> str:
    """Return the failure that the loader reports; the trial must also be inconclusive."""
    (evidence,) = read_trials(run, EXPERIMENT)["default--none"]
    verdict = judge_trial(evidence)
    if evidence.failure:
        assert verdict.verdict is Verdict.INCONCLUSIVE
        assert TrialFailed.code in {finding.code for finding in verdict.findings}
    return evidence.failure


def test_complete_evidence_is_read_unchanged(run: RunDirectory) -> None:
    """If the orchestrator did not write the end of planning, the traffic's own journal has it."""
    (evidence,) = read_trials(run, EXPERIMENT)["default--none"]

    assert evidence.failure == ""
    assert (len(evidence.attempts), evidence.stopped_ns, evidence.responders) == (1, 5000, {1: "apple"})


def test_a_trial_without_an_outcome_has_failed(run: RunDirectory) -> None:
    """This is the state after kill -9."""
    trial_of(run).outcome.unlink()

    assert "did not get to its end" in failure(run)


def test_after_a_kill_the_start_comes_from_the_journal(run: RunDirectory) -> None:
    """Without an outcome, start and end come from the traffic's journal, so every planned slot is counted."""
    trial_of(run).outcome.unlink()
    path = trial_of(run).traffic / "traffic.jsonl"
    started = json.dumps({"event": "started", "at_ns": 1, "origin_ns": 1000})
    path.write_text(f"{started}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")

    (evidence,) = read_trials(run, EXPERIMENT)["default--none"]
    identity = judge_trial(evidence).identity

    assert (evidence.origin_ns, evidence.stopped_ns) == (1000, 5000)
    assert (identity.planned, identity.ok, identity.abandoned) == (1, 1, 0)


def test_without_a_start_nothing_is_compared_with_the_clock(run: RunDirectory) -> None:
    """Without any record of the start, there is no sum over the machine's uptime, and no before and after."""
    trial_of(run).outcome.unlink()
    (trial_of(run).timeline).write_text(
        '{"at": 9000000000000, "kind": "change", "subject": "none", "what": "begin", "detail": {}, "exact_ns": 0}\n'
    )

    (evidence,) = read_trials(run, EXPERIMENT)["default--none"]
    verdict = judge_trial(evidence)

    assert "nothing says when traffic began" in evidence.failure
    assert (evidence.origin_ns, evidence.stopped_ns) == (0, None)
    assert [finding.code for finding in verdict.findings] == [TrialFailed.code]
    assert (verdict.identity.planned, verdict.identity.abandoned, verdict.marks) == (1, 0, ())


@pytest.mark.parametrize(("outcome", "stopped"), [(True, False), (False, True)], ids=["interrupted", "no outcome"])
def test_a_trial_that_was_stopped_has_not_failed(run: RunDirectory, outcome: bool, stopped: bool) -> None:
    """It is cut short, whether or not it could record that itself."""
    if outcome:
        ended = TrialOutcome(Clock(0, 0), origin_ns=1000, failure="ended early", interrupted=True)
        write_json(trial_of(run).outcome, to_json(ended))
    else:
        trial_of(run).outcome.unlink()

    (evidence,) = read_trials(run, EXPERIMENT, stopped=stopped)["default--none"]
    verdict = judge_trial(evidence)

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert [finding.code for finding in verdict.findings] == [CutShort.code]


def test_a_missing_ledger_is_a_failure_once_traffic_began(run: RunDirectory) -> None:
    """No rows must not pass as no losses."""
    (trial_of(run).traffic / "ledger-0.npy").unlink()

    assert "ledger-0.npy" in failure(run)


@pytest.mark.parametrize("name", ["ledger-0.npy", "connections-0.npy"])
def test_a_damaged_ledger_is_a_failure(run: RunDirectory, name: str) -> None:
    """The message names the file."""
    (trial_of(run).traffic / name).write_bytes(b"no ledger")

    assert name in failure(run)


def test_a_damaged_journal_is_a_failure_but_a_cut_last_line_is_not(run: RunDirectory) -> None:
    """Kill -9 may cut the last line; a bad line in the middle is damage."""
    path = trial_of(run).traffic / "traffic.jsonl"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + '{"event": "drai', encoding="utf-8")
    cut = failure(run)
    path.write_text("{nonsense\n" + whole, encoding="utf-8")

    assert cut == ""
    assert "traffic.jsonl" in failure(run)


def test_a_damaged_calibration_is_a_failure(run: RunDirectory) -> None:
    """A calibration that can't be read proves nothing."""
    (trial_of(run).traffic / "calibration-0.json").write_text("{}", encoding="utf-8")

    assert "calibration" in failure(run)
