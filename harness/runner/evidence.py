"""Reads a run directory's evidence into the records that are judged; nothing here has an opinion.

A file that is missing or damaged makes its trial one that failed, with the reason, never one that is left out.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.analysis.evidence import Calibration, Rows, TrialEvidence
from harness.errors import EvidenceError, HarnessError
from harness.model.changes import ChangeSpec
from harness.model.experiment import Cell, Experiment, TrafficPlan
from harness.model.timeline import Event
from harness.runner.outcome import TrialOutcome
from harness.store.ledger import read_ledger
from harness.store.ledger_reading import JUDGED_ATTEMPT, JUDGED_CONNECTION, load_attempts, load_connections
from harness.store.records import from_json
from harness.store.rundir import RunDirectory, TrialDirectory
from harness.store.timeline import read_timeline


def read_trials(run: RunDirectory, experiment: Experiment) -> dict[str, tuple[TrialEvidence, ...]]:
    """All trials of every cell, by the cell's id."""
    return {
        cell.id: tuple(_read_trial(run, experiment, cell, number) for number in range(1, experiment.trials + 1))
        for cell in experiment.cells
    }


def _read_trial(run: RunDirectory, experiment: Experiment, cell: Cell, number: int) -> TrialEvidence:
    """One trial of a cell."""
    evidence = read_traffic(
        run.trial(cell.id, number), run.path, number=number, change=cell.change, traffic=experiment.traffic
    )
    return replace(evidence, manifests=cell.configuration.manifests)


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
    damage: list[str] = []
    outcome = read_outcome(trial, damage)
    journal = _journal(trial.traffic / "traffic.jsonl", damage)
    # Planning may have stopped without the orchestrator: its end is in the traffic's own journal then.
    stopped = outcome.stopped_ns or next((int(e["at_ns"]) for e in journal if e.get("event") == "stopping"), 0)
    return TrialEvidence(
        number=number,
        directory=trial.path.relative_to(top).as_posix(),
        change=change,
        traffic=traffic,
        attempts=_attempts(trial.traffic / "ledger-0.npy", damage, begun=bool(outcome.origin_ns)),
        connections=_connections(trial.traffic / "connections-0.npy", damage, begun=bool(outcome.origin_ns)),
        origin_ns=outcome.origin_ns,
        stopped_ns=stopped or None,
        timeline=_timeline(trial.timeline, damage),
        responders={int(e["number"]): str(e["text"]) for e in journal if e.get("event") == "responder"},
        calibration=_calibration(trial.traffic, damage),
        faults=tuple(f"{e.get('what')}: {e.get('text')}" for e in journal if e.get("event") == "fault"),
        failure="; ".join([text for text in (outcome.failure, *damage) if text]),
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


def _journal(path: Path, damage: list[str]) -> list[dict[str, Any]]:
    """The traffic process's own words; a last line cut short by kill -9 is dropped."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    try:
        return [json.loads(line) for line in lines[:-1]]
    except ValueError as error:
        damage.append(f"{path.name} is damaged: {error}")
        return []


def _timeline(path: Path, damage: list[str]) -> tuple[Event, ...]:
    if not path.exists():
        return ()
    try:
        return read_timeline(path)
    except HarnessError as error:
        damage.append(str(error))
        return ()


def _attempts(path: Path, damage: list[str], *, begun: bool) -> Rows:
    try:
        return load_attempts([path])
    except EvidenceError as error:
        if begun or path.exists():
            damage.append(str(error))
        return np.zeros(0, JUDGED_ATTEMPT)


def _connections(path: Path, damage: list[str], *, begun: bool) -> Rows:
    try:
        return load_connections([path])
    except EvidenceError as error:
        if begun or path.exists():
            damage.append(str(error))
        return np.zeros(0, JUDGED_CONNECTION)


def _calibration(directory: Path, damage: list[str]) -> Calibration | None:
    """The detector's proof; ``None`` where there is none."""
    record = directory / "calibration-0.json"
    if not record.exists():
        return None
    try:
        return Calibration.of(
            json.loads(record.read_text(encoding="utf-8")), read_ledger(directory / "calibration-0.npy")
        )
    except (ValueError, KeyError, TypeError, HarnessError) as error:
        damage.append(f"the calibration can't be read: {error}")
        return None
