"""Read from a run directory what is to be run again: the cells without an answer, and their controls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import InvalidInputError, Problem
from harness.model.experiment import Experiment
from harness.model.verdict import Verdict
from harness.runner.judging import read_plan, read_verdict
from harness.store.rundir import RunDirectory


@dataclass(frozen=True, slots=True)
class Rerun:
    """An Experiment to run, or the part of a run that is run again.

    Attributes:
        experiment: The Experiment as it was run, with these cells alone.
        cluster: Kind of cluster.
        profile: Delay profile of local clusters.
        description: What it repeats, for the report; empty for a run that repeats nothing.
    """

    experiment: Experiment
    cluster: str
    profile: str
    description: str = ""


def rerun_of(directory: Path) -> Rerun:
    """Return the inconclusive cells of a run, with the control of each configuration among them.

    Raises:
        EvidenceError: It is no run directory, was never judged, or is not as it was sealed.
        InvalidInputError: It changed an application in place, or no cell of it is inconclusive.
    """
    run = RunDirectory.open(directory)
    run.verify("verdict")
    plan, verdict = read_plan(run), read_verdict(run)
    if plan.in_place is not None:
        raise _refused(directory, "it changed an application in place", "repeat the command that is in its report")
    open_cells = [cell for cell in verdict.cells if cell.verdict is Verdict.INCONCLUSIVE]
    if not open_cells:
        raise _refused(directory, "none of its cells is inconclusive", "there is nothing to repeat")
    ids, configurations = {cell.id for cell in open_cells}, {cell.configuration for cell in open_cells}
    cells = tuple(
        cell
        for cell in plan.experiment.cells
        if cell.id in ids or (cell.change.facts.is_control and cell.configuration.name in configurations)
    )
    description = f"the inconclusive cells of {run.path}: {', '.join(cell.id for cell in open_cells)}"
    return Rerun(replace(plan.experiment, cells=cells, files=files_of(run)), plan.cluster, plan.profile, description)


def files_of(run: RunDirectory) -> tuple[str, ...]:
    """Return the files of a run's Experiment, as copied into its directory: the user's own may have changed since."""
    return tuple(str(path) for path in sorted((run.path / "plan" / "files").glob("*")))


def _refused(directory: Path, why: str, hint: str) -> InvalidInputError:
    return InvalidInputError([Problem(f"--rerun {directory}: {why}", hint=hint)])
