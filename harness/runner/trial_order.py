"""Orders the trials of an Experiment: the longest first, so that no long one runs alone at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.model.experiment import Cell, Experiment
from harness.store.rundir import RunDirectory, TrialDirectory


@dataclass(frozen=True, slots=True)
class TrialJob:
    """One trial to be run.

    Attributes:
        name: Name for progress and messages: ``graceful--rolling-update``, with ``#2`` for the second of several.
        cell: The cell under test.
        number: Number among the cell's trials, from 1.
        directory: Directory for its evidence.
    """

    name: str
    cell: Cell
    number: int
    directory: TrialDirectory


def plan_jobs(experiment: Experiment, run: RunDirectory, *, in_rounds: bool = False) -> tuple[TrialJob, ...]:
    """Return every trial, those that take longest first.

    Args:
        experiment: The Experiment.
        run: Its run directory.
        in_rounds: Keep the order of the cells, and run the first trial of each before the second of any.
    """
    jobs = [
        TrialJob(
            name=cell.id if experiment.trials == 1 else f"{cell.id} #{number}",
            cell=cell,
            number=number,
            directory=run.trial(cell.id, number),
        )
        for number in range(1, experiment.trials + 1)
        for cell in experiment.cells
    ]
    return tuple(jobs) if in_rounds else tuple(sorted(jobs, key=lambda job: -estimated_seconds(job.cell)))


def estimated_seconds(cell: Cell) -> float:
    """Estimate the duration of a cell's change from its own facts and from how long its pods take to be replaced."""
    longest = max((_pod_seconds(m) for m in cell.configuration.manifests if m.get("kind") == "Deployment"), default=0.0)
    return cell.change.seconds(longest)


def _pod_seconds(deployment: Mapping[str, object]) -> float:
    """Estimate the seconds in which one pod of a Deployment is replaced."""
    spec = _at(_at(_at(deployment, "spec"), "template"), "spec")
    containers = spec.get("containers")
    first = containers[0] if isinstance(containers, list) and containers else {}
    sleep = _at(_at(_at(first, "lifecycle"), "preStop"), "sleep").get("seconds", 0)
    delay = _at(first, "readinessProbe").get("initialDelaySeconds", 0)
    return 2.0 + _number(sleep) + _number(delay)


def _at(mapping: Mapping[str, object], key: str) -> Mapping[str, object]:
    """Return a nested mapping; an empty one if it is missing."""
    value = mapping.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    """Return a number; 0 for anything else."""
    return float(value) if isinstance(value, int | float) else 0.0
