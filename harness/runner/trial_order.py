"""The trials of an Experiment, in the order in which they are begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.model.experiment import Cell, Experiment
from harness.store.rundir import RunDirectory, TrialDirectory


@dataclass(frozen=True, slots=True)
class TrialJob:
    """One trial to be run.

    Attributes:
        name: For people: ``graceful--rolling-update`` or, of several trials, ``graceful--rolling-update #2``.
        cell: What it is a trial of.
        number: From 1.
        directory: Where its evidence goes.
    """

    name: str
    cell: Cell
    number: int
    directory: TrialDirectory


def plan_jobs(experiment: Experiment, run: RunDirectory) -> tuple[TrialJob, ...]:
    """Every trial; those that take longest first, so that no long one is left over at the end."""
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
    return tuple(sorted(jobs, key=lambda job: -estimated_seconds(job.cell)))


def estimated_seconds(cell: Cell) -> float:
    """Estimate how long the change takes, from its own facts and from how long a pod of the workload takes to go."""
    longest = max((_pod_seconds(m) for m in cell.configuration.manifests if m.get("kind") == "Deployment"), default=0.0)
    return cell.change.seconds(longest)


def _pod_seconds(deployment: Mapping[str, object]) -> float:
    """Seconds in which one pod of a Deployment is replaced, roughly."""
    spec = _at(_at(_at(deployment, "spec"), "template"), "spec")
    containers = spec.get("containers")
    first = containers[0] if isinstance(containers, list) and containers else {}
    sleep = _at(_at(_at(first, "lifecycle"), "preStop"), "sleep").get("seconds", 0)
    delay = _at(first, "readinessProbe").get("initialDelaySeconds", 0)
    return 2.0 + _number(sleep) + _number(delay)


def _at(mapping: Mapping[str, object], key: str) -> Mapping[str, object]:
    """A nested mapping, empty where there is none."""
    value = mapping.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    """A number, 0 for anything else."""
    return float(value) if isinstance(value, int | float) else 0.0
