"""Reads a run directory's evidence into the records that are judged; nothing here has an opinion.

A file that is missing or damaged makes its trial one that failed, with the reason, never one that is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.analysis.evidence import TrialEvidence
from harness.errors import HarnessError
from harness.model.changes import ChangeSpec
from harness.model.experiment import Cell, Experiment, TrafficPlan
from harness.model.timeline import Event
from harness.runner.execution import TrialOutcome
from harness.runner.recorded import Recorded
from harness.store.records import from_json
from harness.store.rundir import Difference, RunDirectory, TrialDirectory
from harness.store.timeline import read_timeline


def read_trials(
    run: RunDirectory, experiment: Experiment, differences: Sequence[Difference] = (), *, stopped: bool = False
) -> dict[str, tuple[TrialEvidence, ...]]:
    """All trials of every cell, by the cell's id.

    Args:
        run: The run directory.
        experiment: What was run.
        differences: How the directory differs from its seals; each trial is told those that it rests on.
        stopped: Whether the run was stopped before its end: a trial without an outcome has not failed then.
    """
    numbers = range(1, experiment.trials + 1)
    trials = {
        cell.id: tuple(read_trial(run, experiment, cell, number, stopped=stopped) for number in numbers)
        for cell in experiment.cells
    }
    if not differences:
        return trials
    return {cell: tuple(with_differences(trial, differences) for trial in each) for cell, each in trials.items()}


def with_differences(evidence: TrialEvidence, differences: Sequence[Difference]) -> TrialEvidence:
    """A trial's evidence, told of its own files that differ from their seals and of those that all trials share."""
    alone = str(Path(evidence.directory).parents[-2])
    mine = [
        str(each)
        for each in differences
        if each.name.startswith(f"{evidence.directory}/") or not each.name.startswith(f"{alone}/")
    ]
    return replace(evidence, differences=tuple(mine))


def read_trial(
    run: RunDirectory, experiment: Experiment, cell: Cell, number: int, *, stopped: bool = False
) -> TrialEvidence:
    """Return the evidence of one trial of a cell."""
    trial = run.trial(cell.id, number)
    evidence = read_traffic(trial, run.path, number=number, change=cell.change, traffic=experiment.traffic)
    cut = evidence.stopped or (stopped and not trial.outcome.exists())
    return replace(evidence, manifests=cell.configuration.manifests, stopped=cut, assumed=experiment.assumed)


def read_traffic(
    trial: TrialDirectory, top: Path, *, number: int, change: ChangeSpec, traffic: TrafficPlan
) -> TrialEvidence:
    """The evidence in one folder; what can't be read is told in ``failure``.

    Args:
        trial: The folder.
        top: The run directory that it is in.
        number: The trial's number.
        change: What was to be changed.
        traffic: What was to be sent.
    """
    recorded = Recorded.read(trial.traffic)
    outcome = read_outcome(trial, recorded.damage)
    # Both are in the traffic's own journal where the orchestrator did not get to write them.
    origin_ns = outcome.origin_ns or recorded.origin_ns
    begun = bool(origin_ns)
    attempts, responders = recorded.attempts(begun=begun)
    if len(attempts) and not begun:
        recorded.damage.append("nothing says when traffic began, so its requests can't be held against the change")
    return TrialEvidence(
        number=number,
        directory=trial.path.relative_to(top).as_posix(),
        change=change,
        traffic=traffic,
        attempts=attempts,
        connections=recorded.connections(begun=begun),
        origin_ns=origin_ns,
        stopped_ns=(outcome.stopped_ns or recorded.stopped_ns or None) if begun else None,
        timeline=_timeline(trial.timeline, recorded.damage),
        responders=responders,
        calibration=recorded.calibration(),
        workers=recorded.workers,
        clock_errors=recorded.clock_errors(),
        faults=recorded.faults(),
        stopped=outcome.interrupted,
        failure="; ".join([text for text in (outcome.failure, *recorded.damage) if text]),
    )


def read_outcome(trial: TrialDirectory, damage: list[str]) -> TrialOutcome:
    """How the trial went; without its file, as one that was cut off."""
    try:
        return from_json(TrialOutcome, json.loads(trial.outcome.read_text(encoding="utf-8")))
    except FileNotFoundError:
        damage.append("the trial did not get to its end: it left no outcome")
    except (OSError, ValueError, HarnessError) as error:
        damage.append(f"{trial.outcome.name} can't be read: {error}")
    return TrialOutcome.unknown()


def _timeline(path: Path, damage: list[str]) -> tuple[Event, ...]:
    if not path.exists():
        return ()
    try:
        return read_timeline(path)
    except HarnessError as error:
        damage.append(str(error))
        return ()
