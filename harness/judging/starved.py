"""Finds the trials that prove nothing only because the machine was busy, which may be run again."""

from __future__ import annotations

from harness.findings.completeness import ChangesApart, NoTraffic, StreamWithoutSuccess
from harness.findings.coverage import NoOverlap
from harness.findings.registry import WEIGHTS
from harness.findings.releases import NeverSticky, ShareNotMeasured
from harness.findings.sending import BehindSchedule, MachineSaturated, MissedSlots
from harness.findings.shapes import NeverIdle, NeverPreopened, NeverReused, NothingUnderWay
from harness.model.changes import NoChange
from harness.model.verdict import CellVerdict, TrialVerdict, Verdict, Weight

#: Codes of findings that show that the machine left the sender without processor time.
STARVED = frozenset({BehindSchedule.code, MachineSaturated.code, MissedSlots.code})
#: Codes of findings that may be a consequence of that, but may also have another reason. One says that the harness
#: itself made a change too late (``ChangesApart``). Each other one says that no request did what the trial needs, which
#: may be because the requests that would have done it were not sent in time.
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
    """Return True if a trial is inconclusive only because the sender lacked processor time, and lost nothing."""
    codes = {finding.code for finding in trial.findings if WEIGHTS.get(finding.code) is not Weight.NOTE}
    return (
        trial.verdict is Verdict.INCONCLUSIVE
        and trial.identity.lost_total == 0
        and bool(codes & STARVED)
        and codes <= STARVED | FOLLOWS
    )


def reasons(trial: TrialVerdict) -> tuple[str, ...]:
    """Return the codes of the findings that show that a trial was starved, each once."""
    return tuple(dict.fromkeys(each.code for each in trial.findings if each.code in STARVED))


def starved_cells(cells: tuple[CellVerdict, ...]) -> tuple[CellVerdict, ...]:
    """Return the inconclusive cells with a starved trial of their own or of their control."""
    own = {cell.id for cell in cells if any(map(is_starved, cell.trials))}
    controls = {cell.configuration for cell in cells if cell.id in own and cell.change_kind == NoChange.kind}
    return tuple(
        cell
        for cell in cells
        if cell.verdict is Verdict.INCONCLUSIVE and (cell.id in own or cell.configuration in controls)
    )
