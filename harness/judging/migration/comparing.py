"""Compares the verdicts of two runs, and decides whether the target loses requests that the source does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import ExitCode
from harness.findings.completeness import ChangeNotObserved, StreamWithoutSuccess
from harness.findings.coverage import NoOverlap
from harness.findings.expectations import LossInControl
from harness.findings.instrument import TrialFailed
from harness.findings.losses import LossBeforeChange, RequestsLost
from harness.findings.registry import weight_of
from harness.judging.migration.annotations import ignored_annotations
from harness.judging.migration.differences import differences_of
from harness.judging.migration.sides import ABSENT, AccessFacts, side_of
from harness.model.migration import CellPair, CellSide, Migration, MigrationOutcome
from harness.model.verdict import CellVerdict, Finding, RunVerdict, Verdict, Weight

#: Findings about losses without a change. They say nothing about a change, but show that one controller loses requests
#: which another one does not lose on the same machine with the same traffic.
_AT_REST = frozenset({LossBeforeChange.code, LossInControl.code})
#: Findings that cast no doubt on such losses: a route that never answers has all of these.
_COMPATIBLE = _AT_REST | {
    RequestsLost.code,
    StreamWithoutSuccess.code,
    ChangeNotObserved.code,
    NoOverlap.code,
}


@dataclass(frozen=True, slots=True)
class MigrationRun:
    """One side's run.

    Attributes:
        ingress: Name of the controller.
        directory: Name of the run directory within the migration's.
        verdict: Its verdict.
        access: Facts of its access logs, by the cell's id.
        bugs: True if the harness itself failed in it.
    """

    ingress: str
    directory: str
    verdict: RunVerdict
    access: Mapping[str, AccessFacts] = field(default_factory=dict)
    bugs: bool = False


def compare(
    source: MigrationRun,
    target: MigrationRun,
    manifests: Mapping[str, Iterable[Mapping[str, Any]]],
    *,
    command: str,
    signal: int = 0,
) -> Migration:
    """Compare two runs.

    Args:
        source: Run of the controller from which the user migrates.
        target: Run of the controller to which the user migrates.
        manifests: Manifests of each configuration in the source's run.
        command: Command line of the migration.
        signal: Number of the signal that stopped the runs; 0 if none did.
    """
    cells = {(cell.configuration, cell.change): cell for cell in target.verdict.cells}
    pairs = tuple(
        _pair(cell, cells.get((cell.configuration, cell.change)), (source, target), manifests)
        for cell in source.verdict.cells
    )
    every = [manifest for each in manifests.values() for manifest in each]
    return Migration(
        name=source.verdict.name,
        source=source.ingress,
        target=target.ingress,
        exit_code=exit_code(pairs, failed=source.bugs or target.bugs, stopped=bool(signal)),
        pairs=pairs,
        settings=ignored_annotations(every, source.ingress, target.ingress),
        directories=(source.directory, target.directory),
        environment={
            f"{name} {key}": value
            for name, ran in (("source", source), ("target", target))
            for key, value in sorted(ran.verdict.environment.items())
        },
        command=command,
        started=source.verdict.started,
        seconds=round(source.verdict.seconds + target.verdict.seconds, 1),
        signal=signal,
    )


def exit_code(pairs: tuple[CellPair, ...], *, failed: bool, stopped: bool = False) -> int:
    """Return the exit code.

    4 if the harness failed, 1 if the target loses requests that the source does not, 3 if anything is unknown, else 0.
    """
    outcomes = {pair.outcome for pair in pairs}
    if failed:
        return ExitCode.HARNESS_FAILED
    if MigrationOutcome.TARGET_LOSES in outcomes:
        return ExitCode.UNEXPECTED
    if stopped or not pairs or MigrationOutcome.UNKNOWN in outcomes:
        return ExitCode.INCONCLUSIVE
    return ExitCode.AS_EXPECTED


def _pair(
    cell: CellVerdict,
    other: CellVerdict | None,
    ran: tuple[MigrationRun, MigrationRun],
    manifests: Mapping[str, Iterable[Mapping[str, Any]]],
) -> CellPair:
    nothing = AccessFacts()
    access = (ran[0].access.get(cell.id, nothing), ran[1].access.get(cell.id, nothing))
    source = side_of(cell, access[0])
    target = side_of(other, access[1]) if other is not None else ABSENT
    workload = list(manifests.get(cell.configuration, ()))
    return CellPair(
        configuration=cell.configuration,
        change=cell.change,
        change_kind=cell.change_kind,
        outcome=outcome(
            source,
            target,
            loses_at_rest=other is not None and loses_at_rest(other, target, access[1]),
        ),
        source=source,
        target=target,
        differences=differences_of((source, target), access, cell.change_kind),
        prestop_s=_prestop(workload),
        replicas=_replicas(workload),
    )


def outcome(source: CellSide, target: CellSide, *, loses_at_rest: bool = False) -> MigrationOutcome:
    """Return a cell's outcome for the migration; an unknown on either side is never a success."""
    if source.verdict is Verdict.LOSSLESS and (target.verdict is Verdict.LOSSY or loses_at_rest):
        return MigrationOutcome.TARGET_LOSES
    if Verdict.INCONCLUSIVE in {source.verdict, target.verdict}:
        return MigrationOutcome.UNKNOWN
    if target.verdict is Verdict.LOSSY:
        return MigrationOutcome.BOTH_LOSE
    return MigrationOutcome.SOURCE_LOSES if source.verdict is Verdict.LOSSY else MigrationOutcome.LOSSLESS


def loses_at_rest(cell: CellVerdict, side: CellSide, access: AccessFacts) -> bool:
    """Return True if an inconclusive cell is so only because requests were lost, or failed, without a change.

    Such a loss makes one run's cell inconclusive, because it may come from the environment. If the source lost nothing,
    the target causes it. A saturated machine or a doubtful instrument still leaves it unknown.
    """
    if never_serves(side, access):
        return True
    codes = {finding.code for finding in _all(cell) if weight_of(finding) is not Weight.NOTE}
    return bool(cell.verdict is Verdict.INCONCLUSIVE and cell.lost and codes & _AT_REST and codes <= _COMPATIBLE)


def never_serves(side: CellSide, access: AccessFacts) -> bool:
    """Return True if no traffic began because a route gave only errors for as long as a run waits for it."""
    return not side.sent and side.findings == (TrialFailed.code,) and bool(access.unserved())


def _all(cell: CellVerdict) -> list[Finding]:
    return [*cell.findings, *(finding for trial in cell.trials for finding in trial.findings)]


def _prestop(manifests: Iterable[Mapping[str, Any]]) -> float:
    """Return the shortest sleep of a preStop hook among the containers that have one; -1 if none has."""
    found = [
        float(((container.get("lifecycle") or {}).get("preStop") or {}).get("sleep", {}).get("seconds", -1))
        for manifest in manifests
        if manifest.get("kind") == "Deployment"
        for container in manifest["spec"]["template"]["spec"].get("containers") or ()
    ]
    return min((seconds for seconds in found if seconds >= 0), default=-1.0)


def _replicas(manifests: Iterable[Mapping[str, Any]]) -> int:
    found = [int(m["spec"].get("replicas", 1)) for m in manifests if m.get("kind") == "Deployment"]
    return max(found, default=1)
