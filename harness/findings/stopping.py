"""Findings about trials and watches that have no result although they did not fail.

The end of the run interrupted or prevented them, or they have not ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.analysis.facts import Facts
from harness.findings.finding_type import Sentence, Subject, TrialFinding
from harness.model.verdict import CellVerdict, TrialVerdict, Verdict, Weight
from harness.wording import count, plural


@dataclass(frozen=True, kw_only=True)
class NotRun(TrialFinding, code="not-run", weight=Weight.INSTRUMENT, subjects={Subject.STOPPED_TRIAL}):
    """The run was stopped before the trial began."""

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NotRun]:
        """Yield a finding if nothing was planned."""
        if facts.evidence.stopped and not facts.identity.planned:
            yield cls()

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence("Not run: the run was stopped before it.")


@dataclass(frozen=True, kw_only=True)
class CutShort(TrialFinding, code="cut-short", weight=Weight.INSTRUMENT, subjects={Subject.STOPPED_TRIAL}):
    """The run was stopped before the trial ended."""

    sent: int
    lost: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[CutShort]:
        """Yield a finding if something was planned."""
        if facts.evidence.stopped and facts.identity.planned:
            yield cls(sent=facts.identity.sent, lost=facts.identity.lost_total)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"Cut short: the run was stopped after {plural(self.sent, 'request')} of this trial, "
            f"{count(self.lost)} of them lost.",
        )


@dataclass(frozen=True, kw_only=True)
class NotEnded(TrialFinding, code="not-ended", weight=Weight.EVIDENCE, subjects={Subject.WATCH}):
    """The watch was still going on, so what comes later is unknown."""

    seconds: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NotEnded]:
        """Yield a finding if the evidence was read before the end."""
        if facts.evidence.going_on:
            yield cls(seconds=round(facts.moments.stop, 3))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"Not final: the watch is still going on. This is the account of its first {self.seconds:,.1f} s.",
            "`harness analyze` gives the verdict when it has ended.",
        )


def is_stopped(trial: TrialVerdict) -> bool:
    """Return True if the end of the run interrupted or prevented a trial."""
    return any(finding.code in (NotRun.code, CutShort.code) for finding in trial.findings)


def stopped(cell: CellVerdict) -> str:
    """Return ``not run`` or ``cut short`` if a cell has no result because the run was stopped; else empty."""
    codes = [finding.code for trial in cell.trials for finding in trial.findings]
    absent, cut = codes.count(NotRun.code), codes.count(CutShort.code)
    if cell.verdict is not Verdict.INCONCLUSIVE or not absent + cut:
        return ""
    return "not run" if absent == len(cell.trials) else "cut short"
