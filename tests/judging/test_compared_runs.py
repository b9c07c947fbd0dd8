"""Two runs compared transition by transition: no false alarms beyond the level, and planted differences found."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from harness.errors import ExitCode
from harness.findings.expectations import ControlMissing, LossInControl
from harness.judging.compared_runs import compare_runs, parted, transitions
from harness.model.comparison import ComparedOutcome, RunComparison, TransitionCounts
from harness.model.verdict import RunVerdict
from harness.testing.many_trials import drawn_comparison, run_of

#: Pairs of runs without a difference, and alarms that the level allows among them.
PAIRS, ALLOWED = 200, 10
SHARES = {"steady": 0.0, "rare": 0.05, "flaky": 0.3, "often": 0.5, "bad": 0.9, "lossy": 1.0}


@pytest.mark.parametrize(("trials", "repeat"), [(1, 10), (3, 10), (10, 20), (10, 0), (30, 0)])
def test_pairs_without_a_difference_rarely_alarm(trials: int, repeat: int) -> None:
    """Over 200 pairs of six cells each, at most one in twenty has an alarm."""
    chance = random.Random(20260102)
    alarms = sum(
        drawn_comparison(SHARES, SHARES, chance, trials=trials, repeat=repeat).process_code is ExitCode.UNEXPECTED
        for _ in range(PAIRS)
    )

    assert alarms <= ALLOWED


@pytest.mark.parametrize(("trials", "repeat"), [(1, 10), (3, 10), (10, 20), (10, 0)])
def test_a_planted_difference_of_the_stated_size_is_found(trials: int, repeat: int) -> None:
    """A cell that was never lossy becomes so by the size that the comparison states: it is found four times in five."""
    chance = random.Random(7)
    stated = drawn_comparison({"a": 0.0}, {"a": 0.0}, chance, trials=trials, repeat=repeat).cells[0].smallest
    assert 0 < stated < 1
    found = sum(
        drawn_comparison({"a": 0.0}, {"a": stated}, chance, trials=trials, repeat=repeat).process_code
        is ExitCode.UNEXPECTED
        for _ in range(PAIRS)
    )

    # Two standard deviations below 160 of 200.
    assert found >= 149


def one(before: str, after: str, again: tuple[str, str] | None = None, repeat: int = 10) -> RunComparison:
    """Compare one cell."""
    repeated = (run_of({"a": again[0]}), run_of({"a": again[1]})) if again else None
    return compare_runs(run_of({"a": before}), run_of({"a": after}), repeated, repeat)


@pytest.mark.parametrize(
    ("comparison", "outcome", "code"),
    [
        (one(".", "x", ("." * 10, "x" * 10)), ComparedOutcome.WORSE, 1),
        (one("x", ".", ("x" * 10, "." * 10)), ComparedOutcome.BETTER, 0),
        (one(".", "x", ("." * 10, "." * 10)), ComparedOutcome.NO_DIFFERENCE_SHOWN, 0),
        (one(".", "x", ("." * 10, "?" * 10)), ComparedOutcome.NOT_ENOUGH_EVIDENCE, 3),
        (one(".", "x", None, 0), ComparedOutcome.NOT_ENOUGH_EVIDENCE, 3),
        (one(".", "."), ComparedOutcome.NO_DIFFERENCE_SHOWN, 0),
        (one(".", ".", None, 0), ComparedOutcome.NOT_ENOUGH_EVIDENCE, 3),
        (one(".", "?"), ComparedOutcome.NOT_ENOUGH_EVIDENCE, 3),
        (one("....", "xxxx", None, 0), ComparedOutcome.WORSE, 1),
        (one("...?", "xxx?", None, 0), ComparedOutcome.NOT_ENOUGH_EVIDENCE, 3),
    ],
)
def test_a_verdict_needs_evidence(comparison: RunComparison, outcome: ComparedOutcome, code: int) -> None:
    """A changed verdict alone is no alarm, and unknown is no success."""
    assert comparison.cells[0].outcome is outcome
    assert comparison.process_code == code


def test_the_first_look_does_not_count_again() -> None:
    """It chose the cell because of its difference: ten losses of it do not outweigh the repetitions."""
    comparison = one("." * 10, "x" * 10, ("." * 10, "." * 10))

    assert comparison.cells[0].is_suspect
    assert comparison.cells[0].outcome is ComparedOutcome.NO_DIFFERENCE_SHOWN


def test_suspect_cells_share_the_level() -> None:
    """Five of ten against none is an alarm for one suspect, and chance for two."""
    names = {"a": ".", "b": "."}, {"a": "x", "b": "x"}
    again = {"a": "." * 10, "b": "." * 10}, {"a": "xxxxx.....", "b": "." * 10}
    both = compare_runs(run_of(names[0]), run_of(names[1]), (run_of(again[0]), run_of(again[1])), 10)

    assert one(".", "x", ("." * 10, "xxxxx.....")).cells[0].outcome is ComparedOutcome.WORSE
    assert both.cells[0].outcome is not ComparedOutcome.WORSE
    assert both.cells[0].level == pytest.approx(0.025)


def test_a_cell_of_one_side_only_is_no_success() -> None:
    """It can't be compared."""
    comparison = compare_runs(run_of({"a": "....", "b": "...."}), run_of({"a": "...."}), None, 10)

    assert [cell.outcome for cell in comparison.cells] == ["no-difference-shown", "not-enough-evidence"]
    assert comparison.process_code is ExitCode.INCONCLUSIVE


def test_nothing_to_compare_is_no_success() -> None:
    """Two runs without cells."""
    assert compare_runs(run_of({}), run_of({}), None, 10).process_code is ExitCode.INCONCLUSIVE


def with_control(letters: str, control: str) -> RunVerdict:
    """Return a run of one cell and of its control, which is not sound as a whole unless each of its trials is."""
    run = run_of({"a": letters})
    (cell,), (twin,) = run.cells, run_of({"a": control}).cells
    twin = replace(twin, id="a--none", change="none", change_kind="none")
    if control.strip("."):
        cell = replace(cell, findings=(ControlMissing(trials=len(control), stopped=False).record(),))
    return replace(run, cells=(twin, cell))


def test_losses_of_the_control_answer_nothing() -> None:
    """Neither lossy nor lossless."""
    run = run_of({"a": "..x?"})
    control = replace(run.cells[0], findings=(LossInControl(lost=1, sent=9).record(),))
    empty = replace(run.cells[0], trials=())

    assert [*transitions(run).values()] == [TransitionCounts(1, 2, 1)]
    assert [*transitions(replace(run, cells=(control,))).values()] == [TransitionCounts(0, 0, 4)]
    assert [*transitions(replace(run, cells=(empty,))).values()] == [TransitionCounts(0, 0, 1)]


@pytest.mark.parametrize(
    ("control", "counts"),
    [
        ("....", TransitionCounts(2, 2, 0)),
        ("?...", TransitionCounts(2, 1, 1)),
        ("..?.", TransitionCounts(1, 2, 1)),
        ("..", TransitionCounts(2, 2, 0)),
        ("?.", TransitionCounts(0, 1, 3)),
        ("????", TransitionCounts(0, 0, 4)),
    ],
)
def test_a_transition_needs_its_own_trial_of_the_control(control: str, counts: TransitionCounts) -> None:
    """One trial of the control without an answer takes its own transition away, lossy or not, and no other."""
    found = transitions(with_control("..xx", control))

    assert found["a--rolling-update"] == counts
    assert found["a--none"] == TransitionCounts(0, control.count("."), control.count("?"))


def test_a_busy_machine_in_the_control_of_one_side_is_no_difference() -> None:
    """Over 200 pairs of a cell that is lossy every other time, at most one in twenty alarms.

    Half of the control's trials of the second side have no answer.
    """
    chance = random.Random(16)
    first = run_of({"a": "."}), run_of({"a": "x"})
    alarms = 0
    for _ in range(PAIRS):
        old, new = ("".join(chance.choice("x.") for _ in range(20)) for _ in range(2))
        busy = "".join(chance.choice("?.") for _ in range(20))
        again = with_control(old, "." * 20), with_control(new, busy)
        alarms += compare_runs(*first, again, 20).process_code is ExitCode.UNEXPECTED

    assert alarms <= ALLOWED


def test_surroundings_that_differ_are_named() -> None:
    """Another version is; the free processors of the hour are not."""
    old = replace(run_of({"a": "."}), environment={"harness": "1", "cluster": "kind", "free processors": "1.1 of 2"})
    new = replace(run_of({"a": "."}), environment={"harness": "2", "cluster": "kind", "free processors": "0.3 of 2"})

    assert compare_runs(old, new, None, 0).differences == {"harness": ("1", "2")}


def test_a_run_of_both_sides_is_parted() -> None:
    """Each side gets the names that its cells have when run alone."""
    both = run_of({"before": ".", "after": "x", "before/two/one": ".", "after/two/one": "."})
    first, second = parted(both)

    assert [cell.id for cell in first.cells] == ["default--rolling-update", "two+one--rolling-update"]
    assert [cell.id for cell in second.cells] == [cell.id for cell in first.cells]
    assert [cell.verdict for cell in second.cells] == ["lossy", "lossless"]
    assert first.configurations == ("default", "two/one")
