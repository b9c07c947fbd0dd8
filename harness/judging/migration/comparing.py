"""The gate: from the verdicts of two runs to the answer whether the target loses what the source did not."""

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
from harness.judging.migration.annotations import differing
from harness.judging.migration.differences import differences_of
from harness.judging.migration.sides import ABSENT, Access, side_of
from harness.model.migration import CellPair, CellSide, Migration, MigrationOutcome
from harness.model.verdict import CellVerdict, Finding, RunVerdict, Verdict, Weight

#: Losses that no change was there to cause. By themselves they say nothing of a change, and all of a controller that
#: loses what another one, on the same machine with the same traffic, does not.
_AT_REST = frozenset({LossBeforeChange.code, LossInControl.code})
#: What may stand beside them without a doubt on the losses themselves: a route that never answers has all of these.
_BESIDE = _AT_REST | {
    RequestsLost.code,
    StreamWithoutSuccess.code,
    ChangeNotObserved.code,
    NoOverlap.code,
}


@dataclass(frozen=True, slots=True)
class Ran:
    """One side's run.

    Attributes:
        ingress: The controller.
        directory: The run directory, below the migration's.
        verdict: Its verdict.
        access: What its access logs tell, by the cell's id.
        bugs: Whether the harness itself failed in it.
    """

    ingress: str
    directory: str
    verdict: RunVerdict
    access: Mapping[str, Access] = field(default_factory=dict)
    bugs: bool = False


def compare(
    source: Ran, target: Ran, manifests: Mapping[str, Iterable[Mapping[str, Any]]], *, command: str, signal: int = 0
) -> Migration:
    """Hold two runs against each other.

    Args:
        source: Where the application is.
        target: Where it is to go.
        manifests: Of each configuration, as the source was given them.
        command: The command line.
        signal: The signal that stopped them; 0 if none did.
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
        settings=differing(every, source.ingress, target.ingress),
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
    """4 for a failure of ours, 1 where the target loses what the source did not, 3 for any unknown, else 0."""
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
    ran: tuple[Ran, Ran],
    manifests: Mapping[str, Iterable[Mapping[str, Any]]],
) -> CellPair:
    nothing = Access()
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
    """What a cell says of the migration; an unknown on either side is never a pass."""
    if source.verdict is Verdict.LOSSLESS and (target.verdict is Verdict.LOSSY or loses_at_rest):
        return MigrationOutcome.TARGET_LOSES
    if Verdict.INCONCLUSIVE in {source.verdict, target.verdict}:
        return MigrationOutcome.UNKNOWN
    if target.verdict is Verdict.LOSSY:
        return MigrationOutcome.BOTH_LOSE
    return MigrationOutcome.SOURCE_LOSES if source.verdict is Verdict.LOSSY else MigrationOutcome.LOSSLESS


def loses_at_rest(cell: CellVerdict, side: CellSide, access: Access) -> bool:
    """Whether an inconclusive cell is so only since requests were lost, or could not even begin, without a change.

    Such a loss makes one run's cell inconclusive: it may be the environment's. Beside a source that lost nothing it is
    the target's; a machine that was saturated, or an instrument in doubt, still leaves it unknown.
    """
    if never_serves(side, access):
        return True
    codes = {finding.code for finding in _all(cell) if weight_of(finding) is not Weight.NOTE}
    return bool(cell.verdict is Verdict.INCONCLUSIVE and cell.lost and codes & _AT_REST and codes <= _BESIDE)


def never_serves(side: CellSide, access: Access) -> bool:
    """Whether no traffic began since a route had nothing but errors for as long as a run waits for it."""
    return not side.sent and side.findings == (TrialFailed.code,) and bool(access.unserved())


def _all(cell: CellVerdict) -> list[Finding]:
    return [*cell.findings, *(finding for trial in cell.trials for finding in trial.findings)]


def _prestop(manifests: Iterable[Mapping[str, Any]]) -> float:
    """The shortest sleep of a preStop hook among the containers that have one; -1 without one."""
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
