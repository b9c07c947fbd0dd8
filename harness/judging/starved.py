"""Tell a trial that proves nothing because the machine was busy from one that proves nothing for another reason."""

from __future__ import annotations

from harness.findings.completeness import ChangesApart, NoTraffic, StreamWithoutSuccess
from harness.findings.coverage import NoOverlap
from harness.findings.registry import WEIGHTS
from harness.findings.releases import NeverSticky, ShareNotMeasured
from harness.findings.sending import BehindSchedule, MachineSaturated, MissedSlots
from harness.findings.shapes import NeverIdle, NeverPreopened, NeverReused, NothingUnderWay
from harness.model.changes import NoChange
from harness.model.verdict import CellVerdict, TrialVerdict, Verdict, Weight

#: What is found where the machine left the sender without processor time.
STARVED = frozenset({BehindSchedule.code, MachineSaturated.code, MissedSlots.code})
#: What may follow from that, and is not the load's by itself. Each says that no request did what the trial needs, and
#: the missing requests are those that were not sent in time; or that the harness itself came too late.
FOLLOWS = frozenset(
    {
        ChangesApart.code,
        NeverIdle.code,
        NeverPreopened.code,
        NeverReused.code,
        NeverSticky.code,
        NoOverlap.code,
        NoTraffic.code,
        NothingUnderWay.code,
        ShareNotMeasured.code,
        StreamWithoutSuccess.code,
    }
)


def is_starved(trial: TrialVerdict) -> bool:
    """Return true if a trial is inconclusive for want of processor time alone, and lost nothing."""
    codes = {finding.code for finding in trial.findings if WEIGHTS.get(finding.code) is not Weight.NOTE}
    return (
        trial.verdict is Verdict.INCONCLUSIVE
        and trial.identity.lost_total == 0
        and bool(codes & STARVED)
        and codes <= STARVED | FOLLOWS
    )


def reasons(trial: TrialVerdict) -> tuple[str, ...]:
    """Return the codes of the findings that say that a trial was starved, each once."""
    return tuple(dict.fromkeys(each.code for each in trial.findings if each.code in STARVED))


def starved_cells(cells: tuple[CellVerdict, ...]) -> tuple[CellVerdict, ...]:
    """Return the inconclusive cells of which a trial was starved, or a trial of their control was."""
    own = {cell.id for cell in cells if any(map(is_starved, cell.trials))}
    controls = {cell.configuration for cell in cells if cell.id in own and cell.change_kind == NoChange.kind}
    return tuple(
        cell
        for cell in cells
        if cell.verdict is Verdict.INCONCLUSIVE and (cell.id in own or cell.configuration in controls)
    )
