"""Tests for mutations of the judge that no other test once found; each fails for one small mutation."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.evidence import CalibrationCase
from harness.analysis.thresholds import LATENESS_P99_MS
from harness.findings.expectations import ControlMissing
from harness.findings.sending import BehindSchedule
from harness.judging.cells import judge_cells
from harness.judging.trial import judge_trial
from harness.model.attempt import Outcome
from harness.model.changes import NoChange
from harness.model.experiment import Cell, Configuration, Expectation, ExpectedVerdict
from harness.model.rates import lowest_rate
from harness.model.verdict import CellVerdict, TrialVerdict, Verdict
from harness.testing.evidence import BEGIN, CHANGE, NS, PLAN, quiet_trial, with_losses, with_rows

BARE = Configuration((("lifecycle", "bare"),), ())
CONTROL = NoChange(name="none")


def judged(control: TrialVerdict, *trials: TrialVerdict, expectation: Expectation = Expectation()) -> CellVerdict:  # noqa: B008 - frozen
    """Return the verdict of a cell with these trials and a control."""
    cells = [(Cell(BARE, CONTROL), [control] * len(trials)), (Cell(BARE, CHANGE, expectation), trials)]
    return judge_cells(cells, trials=len(trials))[1]


def test_a_single_loss_in_the_control_makes_the_row_inconclusive() -> None:
    """One loss is enough: without a change nothing may be lost."""
    step = len(PLAN.methods) * len(PLAN.shapes) / lowest_rate(PLAN.rate) / 4
    control = judge_trial(with_losses(quiet_trial(CONTROL), 1.5, 1.5 + step))

    assert control.identity.lost_total == 1
    assert judged(control, judge_trial(quiet_trial())).verdict is Verdict.INCONCLUSIVE


def test_a_control_without_answers_is_no_control() -> None:
    """Nothing was lost because nothing was sent in time, which says nothing about the environment."""
    control = judge_trial(with_rows(quiet_trial(CONTROL), 0.0, 3.0, outcome=Outcome.MISSED))
    cell = judged(control, judge_trial(quiet_trial()))

    assert ControlMissing.code in {finding.code for finding in cell.findings}


def test_the_longest_window_of_all_trials_counts() -> None:
    """One trial's losses lie within the expected window, the other's do not: unexpected in either order."""
    expectation = Expectation(ExpectedVerdict.LOSSY, window=0.6)
    control = judge_trial(quiet_trial(CONTROL))
    short = judge_trial(with_losses(quiet_trial(), BEGIN + 0.1, BEGIN + 0.2))
    long = judge_trial(with_losses(quiet_trial(), BEGIN + 0.1, BEGIN + 0.9))

    assert not judged(control, short, long, expectation=expectation).as_expected
    assert not judged(control, long, short, expectation=expectation).as_expected
    assert judged(control, short, short, expectation=expectation).as_expected


def test_an_answer_of_the_new_version_just_before_the_change_is_wrong() -> None:
    """However close to the change it came, there was no new version yet."""
    early = with_rows(quiet_trial(), BEGIN - 0.3, BEGIN - 0.2, responder=2)

    assert judge_trial(early).identity.lost.get("wrong-answer", 0) == 10


def test_a_client_fault_was_never_sent() -> None:
    """It counts as planned, not as sent."""
    identity = judge_trial(with_rows(quiet_trial(), 1.5, 1.6, outcome=Outcome.CLIENT_FAULT)).identity

    assert (identity.planned, identity.sent, identity.client_faults, identity.holds) == (300, 290, 10, True)


def test_two_late_requests_in_a_hundred_are_behind_schedule() -> None:
    """The limit is at the 99th percentile, not lower."""
    evidence = quiet_trial()
    rows = evidence.attempts.copy()
    rows["sent"][::50] += round((LATENESS_P99_MS.value + 20) / 1000 * NS)
    rows["done"] = rows["sent"] + 2_000_000
    late = judge_trial(replace(evidence, attempts=rows))

    assert BehindSchedule.code in {finding.code for finding in late.findings}


def test_a_fault_that_was_never_tested_proves_nothing() -> None:
    """None planned and none found is not exact."""
    assert not CalibrationCase("reset", "reset", 0, {}).is_exact
