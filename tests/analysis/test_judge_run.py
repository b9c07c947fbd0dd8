"""Tests how trials become cells and the run: control, expectation and exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.analysis.evidence import RunFacts, TrialEvidence
from harness.errors import ExitCode
from harness.findings.expectations import ClassNotSeen, ControlMissing, LossInControl, LossOutsideWindow
from harness.findings.stopping import CutShort, NotRun
from harness.findings.surroundings import FieldAssumed
from harness.judging.cells import exit_code, judge_cells, judge_run
from harness.judging.trial import judge_trial
from harness.model.attempt import Outcome
from harness.model.changes import ChangeSpec, NoChange
from harness.model.experiment import Assumption, Cell, Configuration, Expectation, ExpectedVerdict
from harness.model.verdict import CellVerdict, TrialVerdict, Verdict
from harness.testing.evidence import CHANGE, quiet_trial, with_losses

BARE = Configuration((("lifecycle", "bare"),), ())
OTHER = Configuration((("lifecycle", "probe"),), ())
CONTROL = NoChange(name="none")

GREEN = judge_trial(quiet_trial())
LOSSY = judge_trial(with_losses(quiet_trial(), 1.5, 1.6))
UNKNOWN = judge_trial(with_losses(quiet_trial(), 1.5, 1.6, Outcome.MISSED))
BROKEN = judge_trial(replace(quiet_trial(), calibration=None))
CONTROL_GREEN = judge_trial(quiet_trial(CONTROL))
CONTROL_LOSSY = judge_trial(with_losses(quiet_trial(CONTROL), 1.5, 1.6))


def cell(
    expected: ExpectedVerdict = ExpectedVerdict.LOSSLESS,
    *,
    change: ChangeSpec = CHANGE,
    configuration: Configuration = BARE,
    classes: tuple[str, ...] = (),
    window: float = 0.0,
) -> Cell:
    """Return a cell with an expectation."""
    return Cell(configuration, change, Expectation(expected, classes, window))


def judged(one: Cell, *trials: TrialVerdict, planned: int = 1, control: TrialVerdict = CONTROL_GREEN) -> CellVerdict:
    """Return the verdict of a cell with a lossless control."""
    return judge_cells([(cell(change=CONTROL), [control] * planned), (one, trials)], trials=planned)[1]


def codes(verdict: CellVerdict) -> set[str]:
    """Return the codes of a cell's findings."""
    return {finding.code for finding in verdict.findings}


@pytest.mark.parametrize(
    ("expected", "trial", "as_expected"),
    [
        (ExpectedVerdict.LOSSLESS, GREEN, True),
        (ExpectedVerdict.LOSSLESS, LOSSY, False),
        (ExpectedVerdict.LOSSY, LOSSY, True),
        (ExpectedVerdict.LOSSY, GREEN, False),
        (ExpectedVerdict.ANY, LOSSY, True),
        (ExpectedVerdict.ANY, GREEN, True),
        (ExpectedVerdict.LOSSLESS, UNKNOWN, False),
        (ExpectedVerdict.LOSSY, UNKNOWN, False),
        (ExpectedVerdict.ANY, UNKNOWN, False),
    ],
)
def test_a_verdict_is_compared_with_the_expectation(
    expected: ExpectedVerdict, trial: TrialVerdict, as_expected: bool
) -> None:
    """``any`` accepts lossless and lossy. An inconclusive cell is never as expected."""
    assert judged(cell(expected), trial).as_expected is as_expected


@pytest.mark.parametrize(
    ("trials", "verdict"),
    [
        ((GREEN, GREEN), Verdict.LOSSLESS),
        ((GREEN, LOSSY), Verdict.LOSSY),
        ((LOSSY, UNKNOWN), Verdict.LOSSY),
        ((GREEN, UNKNOWN), Verdict.INCONCLUSIVE),
        ((GREEN,), Verdict.INCONCLUSIVE),
        ((), Verdict.INCONCLUSIVE),
    ],
)
def test_a_cell_is_as_bad_as_its_worst_trial(trials: Sequence[TrialVerdict], verdict: Verdict) -> None:
    """A certain loss outweighs an unknown, and an unknown a success. A missing trial is unknown."""
    assert judged(cell(), *trials, planned=2).verdict is verdict


def test_a_loss_in_the_control_makes_its_configuration_inconclusive() -> None:
    """All cells of the configuration are inconclusive, including the control; other configurations are not."""
    other_control = cell(change=CONTROL, configuration=OTHER)
    verdicts = judge_cells(
        [
            (cell(change=CONTROL), [CONTROL_LOSSY]),
            (cell(ExpectedVerdict.LOSSY), [LOSSY]),
            (other_control, [CONTROL_GREEN]),
            (cell(configuration=OTHER), [GREEN]),
        ]
    )

    assert [one.verdict for one in verdicts] == [Verdict.INCONCLUSIVE] * 2 + [Verdict.LOSSLESS] * 2
    assert LossInControl.code in codes(verdicts[0]) & codes(verdicts[1])


def test_without_a_control_nothing_is_lossless() -> None:
    """Without a control a lossless cell becomes inconclusive, and a lossy one stays lossy."""
    green, lossy = judge_cells([(cell(), [GREEN]), (replace(cell(), change=replace(CHANGE, name="two")), [LOSSY])])

    assert (green.verdict, lossy.verdict) == (Verdict.INCONCLUSIVE, Verdict.LOSSY)
    assert ControlMissing.code in codes(green)


@pytest.mark.parametrize(
    "control",
    [
        replace(quiet_trial(CONTROL), calibration=None),
        replace(quiet_trial(CONTROL), timeline=()),
        replace(quiet_trial(CONTROL), attempts=quiet_trial(CONTROL).attempts[:100]),
        with_losses(quiet_trial(CONTROL), 1.5, 1.51, Outcome.MISSED),
    ],
    ids=["not calibrated", "timeline emptied", "ledger cut", "a slot missed"],
)
def test_with_an_inconclusive_control_nothing_is_lossless(control: TrialEvidence) -> None:
    """A control that is not lossless counts as missing. A lossy cell stays lossy."""
    trial = judge_trial(control)
    green, lossy = judged(cell(), GREEN, control=trial), judged(cell(), LOSSY, control=trial)

    assert trial.verdict is Verdict.INCONCLUSIVE
    assert (green.verdict, lossy.verdict) == (Verdict.INCONCLUSIVE, Verdict.LOSSY)
    assert ControlMissing.code in codes(green)


def test_one_inconclusive_trial_makes_the_control_unsound() -> None:
    """Each of the control's trials must be lossless, and none may be missing."""
    weak = judge_trial(with_losses(quiet_trial(CONTROL), 1.5, 1.51, Outcome.MISSED))
    for control in ([CONTROL_GREEN, weak], [CONTROL_GREEN]):
        verdicts = judge_cells([(cell(change=CONTROL), control), (cell(), [GREEN, GREEN])], trials=2)

        assert [one.verdict for one in verdicts] == [Verdict.INCONCLUSIVE] * 2


def test_a_stopped_control_is_reported_once() -> None:
    """Stopped cells have no other finding. A complete cell reports that its control has no result."""
    stopped = judge_trial(replace(quiet_trial(CONTROL), stopped=True, failure="left no outcome"))
    nothing = judge_trial(replace(quiet_trial(), stopped=True, attempts=quiet_trial().attempts[:0], stopped_ns=None))
    control, absent, whole = judge_cells(
        [(cell(change=CONTROL), [stopped]), (cell(), [nothing]), (replace(cell(), change=CHANGE), [GREEN])]
    )

    assert (codes(control), codes(absent)) == ({CutShort.code}, {NotRun.code})
    assert (whole.verdict, [one.numbers for one in whole.findings]) == (
        Verdict.INCONCLUSIVE,
        [{"trials": 1, "stopped": True}],
    )


def test_losses_of_another_class_are_unexpected() -> None:
    """At least one loss must be of an expected class."""
    wrong = judged(cell(ExpectedVerdict.LOSSY, classes=("reset", "closed")), LOSSY)
    right = judged(cell(ExpectedVerdict.LOSSY, classes=("reset", "status")), LOSSY)

    assert (wrong.as_expected, ClassNotSeen.code in codes(wrong)) == (False, True)
    assert right.as_expected


def test_losses_after_the_window_are_unexpected() -> None:
    """The window starts with the change."""
    wrong = judged(cell(ExpectedVerdict.LOSSY, window=0.5), LOSSY)
    right = judged(cell(ExpectedVerdict.LOSSY, window=0.6), LOSSY)

    assert (wrong.as_expected, LossOutsideWindow.code in codes(wrong)) == (False, True)
    assert right.as_expected


@pytest.mark.parametrize(
    ("trials", "code"),
    [
        ([GREEN, GREEN], ExitCode.AS_EXPECTED),
        ([GREEN, LOSSY], ExitCode.UNEXPECTED),
        ([GREEN, UNKNOWN], ExitCode.INCONCLUSIVE),
        ([LOSSY, UNKNOWN], ExitCode.UNEXPECTED),
        ([BROKEN], ExitCode.INCONCLUSIVE),
        ([], ExitCode.INCONCLUSIVE),
    ],
)
def test_the_exit_code(trials: list[TrialVerdict], code: ExitCode) -> None:
    """An unexpected verdict outweighs an unknown. No cell at all is unknown."""
    assert exit_code([judged(cell(), trial) for trial in trials]) is code


def test_the_run_has_everything_that_a_report_needs() -> None:
    """These are rows, columns, sums, and thresholds with their reasons."""
    facts = RunFacts(name="demo", command="harness run demo.yaml", started="2026-01-01T00:00:00Z", seconds=60.0)

    run = judge_run(facts, [(cell(change=CONTROL), [CONTROL_GREEN]), (cell(ExpectedVerdict.LOSSY), [LOSSY])])

    assert (run.configurations, run.changes, run.exit_code) == (("bare",), ("none", "rolling-update"), 0)
    assert [(one.sent, one.lost) for one in run.cells] == [(300, 0), (300, 10)]
    assert all(reason for _, reason in run.thresholds.values())


#: The assumption of a run with one assumed field.
ASSUMED = (Assumption("spec.tls", "Ingress web", "a real cluster answers 308"),)
ASSUMING = judge_trial(replace(quiet_trial(), assumed=ASSUMED))
CONTROL_ASSUMING = judge_trial(replace(quiet_trial(CONTROL), assumed=ASSUMED))


def test_nothing_is_lossless_with_an_assumed_field() -> None:
    """The cell and its control are inconclusive for this one reason, and the run ends with exit code 3."""
    cells = judge_cells([(cell(change=CONTROL), [CONTROL_ASSUMING]), (cell(), [ASSUMING])])

    assert [each.verdict for each in cells] == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE]
    assert [codes(each) for each in cells] == [{FieldAssumed.code}] * 2
    assert exit_code(cells) is ExitCode.INCONCLUSIVE


def test_an_assumption_does_not_hide_a_loss() -> None:
    """A lost request was lost, and the assumption is named next to it."""
    lossy = judge_trial(replace(with_losses(quiet_trial(), 1.5, 1.6), assumed=ASSUMED))

    verdict = judged(cell(ExpectedVerdict.LOSSY), lossy, control=CONTROL_ASSUMING)

    assert (verdict.verdict, verdict.as_expected) == (Verdict.LOSSY, True)
    assert FieldAssumed.code in codes(verdict)
    assert ControlMissing.code not in codes(verdict)


def test_a_control_that_is_inconclusive_for_another_reason_is_still_missing() -> None:
    """An assumption does not excuse a control that has a second fault."""
    evidence = with_losses(quiet_trial(CONTROL), 1.5, 1.6, Outcome.MISSED)
    control = judge_trial(replace(evidence, assumed=ASSUMED))

    assert ControlMissing.code in codes(judged(cell(), ASSUMING, control=control))
