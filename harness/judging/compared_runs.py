"""Compares two runs cell by cell: Fisher's exact test over transitions.

If cells are repeated, the repetitions alone decide. The first look chose these cells because they differ, so a test
that counted it again would find differences where there are none. Several suspect cells share the level, so that a
change without effect raises an alarm in at most one of twenty comparisons, however many cells there are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from harness.analysis.power import LEVEL, POWER, ComparisonSize, looks_different, smallest_difference
from harness.analysis.proportions import fisher
from harness.findings.expectations import ControlMissing, LossInControl
from harness.model.changes import facts_of
from harness.model.comparison import (
    AFTER,
    BEFORE,
    ComparedCell,
    ComparedOutcome,
    ComparedSide,
    RunComparison,
    TransitionCounts,
)
from harness.model.verdict import CellVerdict, RunVerdict, Verdict

#: Beginnings of the names of surroundings that always differ from run to run.
_VOLATILE = ("free processors", "repeat", "notice ", "cluster up in", "addresses", "fields without effect")
#: Separator between a side and the rest of a configuration's name.
_BETWEEN = "/"


def suspects(before: RunVerdict, after: RunVerdict) -> tuple[str, ...]:
    """Return the ids of the cells whose first look is a reason to repeat them."""
    first, second = transitions(before), transitions(after)
    return tuple(name for name in first if name in second and looks_different(first[name].share, second[name].share))


def compare_runs(
    before: RunVerdict, after: RunVerdict, repeated: tuple[RunVerdict, RunVerdict] | None, repetitions: int
) -> RunComparison:
    """Return the comparison of two runs.

    Args:
        before: The first side.
        after: The second side.
        repeated: Both sides' repetitions of the suspect cells; None if there are none.
        repetitions: Repetitions that were asked for; 0 if the first look decides.
    """
    first, second = _by_id(before), _by_id(after)
    counts = transitions(before), transitions(after)
    again = tuple(map(transitions, repeated)) if repeated else ({}, {})
    chosen = suspects(before, after)
    cells = []
    for name in dict.fromkeys((*first, *second)):
        old = _side(first.get(name), counts[0], again[0])
        new = _side(second.get(name), counts[1], again[1])
        tests = len(chosen) + (name not in chosen) if repetitions else len(first.keys() & second.keys())
        known = first.get(name) or second[name]
        cell = ComparedCell(
            id=name,
            configuration=known.configuration,
            change=known.change,
            before=old,
            after=new,
            is_suspect=name in chosen,
            outcome=ComparedOutcome.NOT_ENOUGH_EVIDENCE,
            level=LEVEL / max(1, tests),
        )
        cells.append(_judged(cell, old, new, repetitions) if old and new else cell)
    return RunComparison(
        name=after.name,
        before=before.name,
        after=after.name,
        cells=tuple(cells),
        differences=_differences(before.environment, after.environment),
        repetitions=repetitions,
        power=POWER,
        started=after.started,
        signal=max((run.signal for run in (before, after, *(repeated or ()))), default=0),
    )


def transitions(run: RunVerdict) -> dict[str, TransitionCounts]:
    """Return the numbers of each cell's transitions, by the cell's id.

    If the control lost requests, no transition of the cell has an answer. If the control is not sound as a whole, only
    the transitions count whose trial of the control (the one with the same number) is lossless. Without it a lossy
    transition is left out as well: if only lossless ones were left out, the share of lossy ones would be too large.
    """
    controls = {
        cell.configuration: frozenset(trial.number for trial in cell.trials if trial.verdict is Verdict.LOSSLESS)
        for cell in run.cells
        if facts_of(cell.change_kind).is_control
    }
    return {cell.id: _transitions(cell, controls.get(cell.configuration, frozenset())) for cell in run.cells}


def _transitions(cell: CellVerdict, sound: Collection[int]) -> TransitionCounts:
    """Return the numbers of a cell's transitions; ``sound`` has the numbers of the control's lossless trials."""
    codes = {finding.code for finding in cell.findings}
    total = max(1, len(cell.trials))
    if LossInControl.code in codes:
        return TransitionCounts(inconclusive=total)
    needs_own = ControlMissing.code in codes and not facts_of(cell.change_kind).is_control
    found = [trial.verdict for trial in cell.trials if not needs_own or trial.number in sound]
    lossy, lossless = found.count(Verdict.LOSSY), found.count(Verdict.LOSSLESS)
    return TransitionCounts(lossy, lossless, total - lossy - lossless)


def parted(run: RunVerdict) -> tuple[RunVerdict, RunVerdict]:
    """Return the two sides of a run of both, with the names that their cells have when run alone."""
    sides = (_part(run, side) for side in (BEFORE, AFTER))
    first, second = sides
    return first, second


def _part(run: RunVerdict, side: str) -> RunVerdict:
    cells = tuple(_renamed(cell) for cell in run.cells if cell.configuration.partition(_BETWEEN)[0] == side)
    return replace(run, cells=cells, configurations=tuple(dict.fromkeys(cell.configuration for cell in cells)))


def _renamed(cell: CellVerdict) -> CellVerdict:
    name = cell.configuration.partition(_BETWEEN)[2] or "default"
    return replace(cell, configuration=name, id=f"{name.replace(_BETWEEN, '+')}--{cell.change}")


def _by_id(run: RunVerdict) -> dict[str, CellVerdict]:
    return {cell.id: cell for cell in run.cells}


def _side(
    cell: CellVerdict | None, first: Mapping[str, TransitionCounts], again: Mapping[str, TransitionCounts]
) -> ComparedSide | None:
    if cell is None:
        return None
    return ComparedSide(
        first=first[cell.id],
        repeated=again.get(cell.id, TransitionCounts()),
        sent=cell.sent,
        lost=cell.lost,
        cut=cell.cut,
    )


def _judged(cell: ComparedCell, before: ComparedSide, after: ComparedSide, repetitions: int) -> ComparedCell:
    """Return the cell with its outcome; chance and the smallest difference belong to the transitions that decide."""
    is_repeated = cell.is_suspect and repetitions > 0
    old, new = (before.repeated, after.repeated) if is_repeated else (before.first, after.first)
    size = _size(cell, before, after, repetitions)
    share = before.first.lossy / before.first.count if before.first.count else 0.0
    smallest = smallest_difference(size, share) if before.first.count and after.first.count else None
    chance = fisher(old.share, new.share) if old.count and new.count else 1.0
    may_decide = is_repeated or not repetitions
    if may_decide and chance <= cell.level:
        is_worse = new.lossy * old.count > old.lossy * new.count
        outcome = ComparedOutcome.WORSE if is_worse else ComparedOutcome.BETTER
    elif smallest is None or not old.count or not new.count:
        outcome = ComparedOutcome.NOT_ENOUGH_EVIDENCE
    else:
        outcome = ComparedOutcome.NO_DIFFERENCE_SHOWN
    return replace(cell, outcome=outcome, chance=chance, smallest=-1.0 if smallest is None else round(smallest, 3))


def _size(cell: ComparedCell, before: ComparedSide, after: ComparedSide, repetitions: int) -> ComparisonSize:
    """Return the size of the whole procedure; of a suspect cell, that of the repetitions that have an answer."""
    if cell.is_suspect and repetitions:
        return ComparisonSize(before.repeated.count, after.repeated.count, 0, cell.level)
    return ComparisonSize(before.first.count, after.first.count, repetitions, cell.level)


def steady(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the properties of the surroundings without those that always differ from run to run."""
    return {name: value for name, value in environment.items() if not name.startswith(_VOLATILE)}


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    old, new = steady(before), steady(after)
    pairs = {name: (old.get(name, ""), new.get(name, "")) for name in sorted({*old, *new})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
