"""Repeats a run until its cells have shown often enough that they lose nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analysis.confidence import LEVEL, anytime_bound
from harness.errors import ExitCode
from harness.model.changes import facts_of
from harness.model.confidence import CellCount, Transitions
from harness.model.experiment import Cell, Experiment
from harness.model.verdict import RunVerdict, Verdict
from harness.report.written_files import UntilFile
from harness.runner.options import RunOptions
from harness.runner.run import RunResult
from harness.store.records import to_json
from harness.store.rundir import write_json

#: File of the result, in the directory of the first round.
FILE = "until.json"
#: Most rounds, unless the user gives their number.
MOST_ROUNDS = 100

#: Runs an Experiment with some options.
Run = Callable[[Experiment, RunOptions], RunResult]


@dataclass(frozen=True, slots=True)
class UntilResult:
    """The result of all rounds.

    Attributes:
        rounds: The run of each round.
        cells: The cells that were repeated.
        target: The requested bound.
        level: Confidence of the bounds.
    """

    rounds: tuple[RunResult, ...]
    cells: tuple[CellCount, ...]
    target: float
    level: float

    @property
    def exit_code(self) -> int:
        """Return 4 or 1 if a round did; else 3 if a cell neither lost requests nor reached the bound; else 0.

        An inconclusive round alone does not count: later rounds make up for it.
        """
        codes = [each.exit_code for each in self.rounds]
        worst = next((code for code in _WORST if code in codes), ExitCode.AS_EXPECTED)
        if worst in (ExitCode.AS_EXPECTED, ExitCode.INCONCLUSIVE):
            reached = all(cell.is_reached or cell.transitions.lossy for cell in self.cells)
            return ExitCode.AS_EXPECTED if reached else ExitCode.INCONCLUSIVE
        return worst


_WORST = (ExitCode.HARNESS_FAILED, ExitCode.UNEXPECTED, ExitCode.INCONCLUSIVE)


def run_until(
    experiment: Experiment,
    options: RunOptions,
    run: Run,
    target: float,
    *,
    level: float = LEVEL,
    most: int = MOST_ROUNDS,
) -> UntilResult:
    """Repeat an Experiment until each cell is lossy or its bound is below the target.

    A cell leaves as soon as a transition loses requests, expected or not. Rounds after the first have directories next
    to that of the first.

    Args:
        experiment: The Experiment.
        options: Options of each round.
        run: Runs a round.
        target: The requested bound of the probability of a lossy transition, such as 0.05.
        level: Confidence of the bound.
        most: Most rounds.
    """
    rounds: list[RunResult] = []
    counts: dict[str, Transitions] = {}
    left = experiment
    while left.cells and len(rounds) < most:
        result = run(left, replace(options, out=_directory(rounds, options)))
        rounds.append(result)
        open_cells = _count(result.verdict, counts, target, level)
        left = _rest(experiment, open_cells)
        if result.interrupted or result.bugs:
            break
    cells = tuple(_cell(name, found, target, level) for name, found in counts.items())
    found = UntilResult(tuple(rounds), cells, target, level)
    write_json(rounds[0].directory / FILE, to_json(UntilFile(target=target, level=level, cells=cells)))
    return found


def _directory(rounds: list[RunResult], options: RunOptions) -> Path | None:
    if not rounds:
        return options.out
    first = rounds[0].directory
    return first.with_name(f"{first.name}-{len(rounds) + 1}")


def _count(verdict: RunVerdict, counts: dict[str, Transitions], target: float, level: float) -> set[str]:
    """Add the transitions of a round, and return the ids of the cells that need more."""
    left = set()
    for cell in verdict.cells:
        if facts_of(cell.change_kind).is_control:
            continue
        found = Transitions(cell.confidence.transitions, cell.confidence.lossy)
        known = counts.get(cell.id, Transitions())
        if cell.verdict is not Verdict.INCONCLUSIVE:
            known += found
        counts[cell.id] = known
        if not known.lossy and anytime_bound(known, level) >= target:
            left.add(cell.id)
    return left


def _rest(experiment: Experiment, open_cells: set[str]) -> Experiment:
    """Return the Experiment with some cells, each with the control of its configuration."""
    configurations = {c.configuration.name for c in experiment.cells if c.id in open_cells and not _is_control(c)}
    kept = tuple(
        cell
        for cell in experiment.cells
        if cell.configuration.name in configurations and (cell.id in open_cells or _is_control(cell))
    )
    return replace(experiment, cells=kept)


def _is_control(cell: Cell) -> bool:
    return cell.change.facts.is_control


def _cell(name: str, found: Transitions, target: float, level: float) -> CellCount:
    bound = anytime_bound(found, level)
    return CellCount(name, found, round(bound, 6), bound < target and not found.lossy)
