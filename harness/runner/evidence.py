"""Reads a run directory's evidence into the records that are judged.

Nothing here judges. A missing or damaged file makes its trial a failed one, with the reason; no trial is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.analysis.evidence import PathRecords, TrialEvidence
from harness.errors import HarnessError
from harness.model.changes import ChangeSpec
from harness.model.controllers import NO_CONTROLLER
from harness.model.experiment import Cell, Experiment, TrafficPlan
from harness.model.timeline import Event
from harness.runner.execution import TrialOutcome
from harness.runner.lost_paths import lost_in, read_paths
from harness.runner.recorded_accounts import read_accounts
from harness.runner.recorded_traffic import RecordedTraffic
from harness.store.records import from_json
from harness.store.rundir import Difference, RunDirectory, TrialDirectory
from harness.store.timeline import read_timeline


def read_trials(
    run: RunDirectory, experiment: Experiment, differences: Sequence[Difference] = (), *, stopped: bool = False
) -> dict[str, tuple[TrialEvidence, ...]]:
    """Return all trials of every cell, by the cell's id.

    Args:
        run: The run directory.
        experiment: The Experiment that was run.
        differences: Files that differ from their seals; each trial receives those that it depends on.
        stopped: The run was stopped early; then a trial without an outcome is stopped, not failed.
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
    """Add to a trial's evidence the changed files that it depends on.

    These are its own files and the files that all trials share.
    """
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
    ingress = NO_CONTROLLER.word if experiment.entry else experiment.ingress
    others = read_accounts(trial, RecordedTraffic.read(trial.traffic).token, ingress)
    cut = evidence.stopped or (stopped and not trial.outcome.exists())
    return replace(
        evidence,
        manifests=cell.configuration.manifests,
        stopped=cut,
        assumed=experiment.assumed,
        others=others,
        paths=replace(evidence.paths, entry=experiment.entry, controller=experiment.ingress),
    )


def read_traffic(
    trial: TrialDirectory, top: Path, *, number: int, change: ChangeSpec, traffic: TrafficPlan
) -> TrialEvidence:
    """Return the evidence in one folder; unreadable files are named in ``failure``.

    Args:
        trial: The folder.
        top: The run directory that contains it.
        number: The trial's number.
        change: The change under test.
        traffic: The traffic as planned.
    """
    recorded = RecordedTraffic.read(trial.traffic)
    outcome = read_outcome(trial, recorded.damage)
    # If the orchestrator ended before it wrote these two, the traffic's own journal has them.
    origin_ns = outcome.origin_ns or recorded.origin_ns
    begun = bool(origin_ns)
    attempts, responders = recorded.attempts(begun=begun)
    if len(attempts) and not begun:
        recorded.damage.append("nothing says when traffic began, so its requests can't be compared with the change")
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
        tokens=recorded.tokens(),
        responders=responders,
        calibration=recorded.calibration(),
        workers=recorded.workers,
        clock_errors=recorded.clock_errors(),
        faults=recorded.faults(),
        stopped=outcome.interrupted,
        paths=read_paths(trial, lost_in(attempts), recorded.tokens(), recorded.workers) if begun else PathRecords(),
        failure="; ".join([text for text in (outcome.failure, *recorded.damage) if text]),
    )


def read_outcome(trial: TrialDirectory, damage: list[str]) -> TrialOutcome:
    """Return the trial's outcome; if its file is missing or damaged, return an unknown one and record the damage."""
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
