"""Reads a run directory's evidence into the records that are judged.

Nothing here judges. A missing or damaged file makes its trial a failed one, with the reason; no trial is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.analysis.accounts.records import OtherAccounts
from harness.analysis.evidence import PathRecords, TrialEvidence
from harness.analysis.moments import Moments
from harness.analysis.reducing import reduced
from harness.errors import EvidenceError, HarnessError
from harness.model.changes import ChangeSpec
from harness.model.controllers import NO_CONTROLLER
from harness.model.experiment import Cell, Experiment, TrafficPlan
from harness.model.timeline import Event
from harness.runner.execution import UNENDED, TrialOutcome
from harness.runner.known_part import KnownPart
from harness.runner.lost_paths import lost_in, read_paths
from harness.runner.recorded_accounts import read_access, read_accounts
from harness.runner.recorded_traffic import RecordedTraffic
from harness.store.access_log import AccessLines
from harness.store.ledger_reading import JUDGED_ATTEMPT, JUDGED_CONNECTION
from harness.store.records import from_json
from harness.store.rundir import Difference, RunDirectory, TrialDirectory
from harness.store.timeline import read_timeline

#: Attempts from which on a ledger is read in blocks: as many rows need 200 MB.
LARGE = 1_000_000
#: More attempts than a ledger can have: it is never read in blocks.
WHOLE = 1 << 62


def read_trials(
    run: RunDirectory,
    experiment: Experiment,
    differences: Sequence[Difference] = (),
    *,
    stopped: bool = False,
    least: int = LARGE,
) -> dict[str, tuple[TrialEvidence, ...]]:
    """Return all trials of every cell, by the cell's id.

    Args:
        run: The run directory.
        experiment: The Experiment that was run.
        differences: Files that differ from their seals; each trial receives those that it depends on.
        stopped: The run was stopped early; then a trial without an outcome is stopped, not failed.
        least: As in ``read_traffic``.
    """
    numbers = range(1, experiment.trials + 1)
    trials = {
        cell.id: tuple(read_trial(run, experiment, cell, number, stopped=stopped, least=least) for number in numbers)
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
    run: RunDirectory, experiment: Experiment, cell: Cell, number: int, *, stopped: bool = False, least: int = LARGE
) -> TrialEvidence:
    """Return the evidence of one trial of a cell; ``least`` is as in ``read_traffic``."""
    trial = run.trial(cell.id, number)
    ingress = NO_CONTROLLER.word if experiment.entry else experiment.ingress
    token = RecordedTraffic.read(trial.traffic).token
    log = read_access(trial, token)
    others = read_accounts(trial, log, token, ingress)
    evidence = read_traffic(
        trial,
        run.path,
        number=number,
        change=cell.change,
        traffic=experiment.traffic,
        others=others,
        log=log,
        least=least,
    )
    cut = evidence.stopped or (stopped and not trial.outcome.exists())
    return replace(
        evidence,
        manifests=cell.configuration.manifests,
        stopped=cut,
        assumed=experiment.assumed,
        paths=replace(evidence.paths, entry=experiment.entry, controller=experiment.ingress),
    )


def read_traffic(
    trial: TrialDirectory,
    top: Path,
    *,
    number: int,
    change: ChangeSpec,
    traffic: TrafficPlan,
    others: OtherAccounts | None = None,
    log: AccessLines | None = None,
    begin: float | None = None,
    least: int = LARGE,
    known: KnownPart | None = None,
) -> TrialEvidence:
    """Return the evidence in one folder; unreadable files are named in ``failure``.

    Args:
        trial: The folder.
        top: The run directory that contains it.
        number: The trial's number.
        change: The change under test.
        traffic: The traffic as planned.
        others: The accounts of the proxy and the pods.
        log: The lines of the access log; None if traffic passes no proxy that writes one.
        begin: Begin of the change in seconds from the origin if the timeline does not have it.
        least: Number of attempts from which on the ledger is read in blocks, so that most attempts are only counted.
        known: The part to read of traffic that is still going on; None reads all of traffic that has ended.
    """
    recorded = RecordedTraffic.read(trial.traffic)
    recorded.check_segments()
    outcome = read_outcome(trial, recorded.damage)
    if known is not None:
        recorded.most, outcome = known.rows, _until(outcome, known)
    # If the orchestrator ended before it wrote these two, the traffic's own journal has them.
    origin_ns = outcome.origin_ns or recorded.origin_ns
    begun = bool(origin_ns)
    evidence = TrialEvidence(
        number=number,
        directory=trial.path.relative_to(top).as_posix(),
        change=change,
        traffic=traffic,
        attempts=np.zeros(0, JUDGED_ATTEMPT),
        connections=np.zeros(0, JUDGED_CONNECTION),
        origin_ns=origin_ns,
        stopped_ns=(outcome.stopped_ns or recorded.stopped_ns or None) if begun else None,
        timeline=_timeline(trial.timeline, recorded.damage),
        tokens=recorded.tokens(),
        calibration=recorded.calibration(),
        workers=recorded.workers,
        clock_errors=recorded.clock_errors(),
        faults=recorded.faults(),
        open_ended=recorded.open_ended(),
        stopped=outcome.interrupted,
        going_on=known is not None,
        others=others,
    )
    evidence = _in_blocks(evidence, recorded, begin, least) or _whole(evidence, recorded, begun=begun)
    paths = read_paths(trial, evidence, lost_in(evidence.attempts), log, outcome.clock) if begun else None
    return replace(
        evidence,
        paths=paths or PathRecords(),
        failure="; ".join([text for text in (outcome.failure, *recorded.damage) if text]),
    )


def _until(outcome: TrialOutcome, known: KnownPart) -> TrialOutcome:
    """Return the outcome of traffic that goes on, as if it had ended with its known part."""
    failure = "" if outcome.failure == UNENDED else outcome.failure
    return replace(outcome, stopped_ns=outcome.origin_ns + known.elapsed_ns, failure=failure)


def _whole(evidence: TrialEvidence, recorded: RecordedTraffic, *, begun: bool) -> TrialEvidence:
    """Add all attempts and connections."""
    attempts, responders = recorded.attempts(begun=begun)
    if len(attempts) and not begun:
        recorded.damage.append("nothing says when traffic began, so its requests can't be compared with the change")
    connections = recorded.connections(begun=begun)
    return replace(evidence, attempts=attempts, responders=responders, connections=connections)


def _in_blocks(
    evidence: TrialEvidence, recorded: RecordedTraffic, begin: float | None, least: int
) -> TrialEvidence | None:
    """Add the attempts of a large ledger as few rows and counts; None if it is small or needs all rows."""
    counted = recorded.counted()
    blocks = recorded.blocks(0 if counted else least)
    if blocks is None:
        return None
    moments = Moments.of(evidence)
    moments = moments if begin is None else replace(moments, begin=begin)
    try:
        found = reduced(replace(evidence, responders=recorded.responders()), *blocks, moments, counted)
    except EvidenceError:
        # Reading all of it names the damage.
        found = None
    if found is None and counted:
        missing = sum(each.counted for each in counted)
        recorded.damage.append(
            f"the {missing} requests that were counted and not kept can't be judged with the rest of a damaged ledger; "
            "the account lacks them, although they were sent and answered"
        )
    return found


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
