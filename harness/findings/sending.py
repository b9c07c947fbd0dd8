"""Findings about the sender: requests not sent, without a known end, or sent too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.facts import Facts
from harness.analysis.moments import change_window
from harness.analysis.thresholds import (
    LATENESS_P99_MS,
    MISSED_SLOTS,
    STALL_MEDIAN_MS,
    UNFINISHED,
)
from harness.findings.finding_type import Sentence, Subject, TrialFinding
from harness.model.verdict import Weight
from harness.wording import count, plural

_BOTH = frozenset({Subject.TRIAL, Subject.WATCH})


@dataclass(frozen=True, kw_only=True)
class MissedSlots(TrialFinding, code="missed-slots", weight=Weight.EVIDENCE, subjects=_BOTH):
    """Planned requests were not sent in time; they might have been lost."""

    count: int
    planned: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[MissedSlots]:
        """Yield a finding if more than the accepted number was missed."""
        if facts.identity.missed > MISSED_SLOTS.value:
            yield cls(count=facts.identity.missed, planned=facts.identity.planned)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{count(self.count)} of {plural(self.planned, 'planned request')} could not be sent in time: "
            "their outcome is unknown.",
            "Lower the rate, raise traffic.concurrency, or run fewer cells side by side (--parallel).",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        advice = "Lower --rate or --timeout, or use more --workers on a machine with more cores."
        return Sentence(self.sentence().text, advice)


@dataclass(frozen=True, kw_only=True)
class AbandonedSlots(TrialFinding, code="abandoned-slots", weight=Weight.EVIDENCE, subjects=_BOTH):
    """Planned requests have no record."""

    count: int
    planned: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[AbandonedSlots]:
        """Yield a finding if more than the accepted number has no record."""
        if facts.identity.abandoned > MISSED_SLOTS.value:
            yield cls(count=facts.identity.abandoned, planned=facts.identity.planned)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self._text}: the sender died or was stopped before it sent them.",
            "See locust.log in the trial's traffic folder, and run again.",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        return Sentence(
            f"{self._text}: the sender died before it sent them.",
            "See locust.log in the traffic folder, and watch again.",
        )

    @property
    def _text(self) -> str:
        return f"{count(self.count)} of {plural(self.planned, 'planned request')} have no record"


@dataclass(frozen=True, kw_only=True)
class Unfinished(TrialFinding, code="unfinished", weight=Weight.EVIDENCE, subjects=_BOTH):
    """Requests were sent, and their end was not recorded."""

    count: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[Unfinished]:
        """Yield a finding if more than the accepted number has no outcome."""
        if facts.identity.unfinished > UNFINISHED.value:
            yield cls(count=facts.identity.unfinished)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{plural(self.count, 'request')} sent, but the end was not recorded: that is no success.",
            "The sender was cut off while draining; see locust.log, and run again.",
        )


@dataclass(frozen=True, kw_only=True)
class BehindSchedule(TrialFinding, code="behind-schedule", weight=Weight.EVIDENCE, subjects=_BOTH):
    """Requests were sent later than planned.

    Attributes:
        p99_ms: 99th percentile of lateness over the trial, if that is too late; else None.
        p90_ms: 90th percentile during the change, if that is too late; else None.
        max_ms: Lateness of the latest request.
        limit_ms: Accepted lateness.
    """

    p99_ms: float | None = None
    p90_ms: float | None = None
    max_ms: float
    limit_ms: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[BehindSchedule]:
        """Yield a finding if more than 1 % of the requests were late, or more than 10 % of those during the change."""
        late, good, limit = facts.late_ms, facts.own.is_timed, LATENESS_P99_MS.value
        if not (late[good] > limit).any():
            return
        longest = round(float(late[good].max()), 1)
        bulk = facts.evidence.bulk
        p99 = float(np.percentile(late[good], 99)) if bulk is None else bulk.lateness["p99"]
        if p99 > limit:
            yield cls(p99_ms=round(p99, 1), max_ms=longest, limit_ms=limit)
            return
        window = change_window(facts.moments)
        if window is None:
            return
        through = late[good & (facts.sent_s >= window[0]) & (facts.sent_s <= window[1])]
        p90 = float(np.percentile(through, 90)) if len(through) else 0.0
        p90 = p90 if bulk is None else bulk.late_p90_during
        if p90 > limit:
            yield cls(p90_ms=round(p90, 1), max_ms=longest, limit_ms=limit)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        how = "during the change, one request in ten" if self.p90_ms else "one request in a hundred"
        return Sentence(
            self._text(how, self.p90_ms or self.p99_ms or 0.0),
            "Lower the rate or run fewer cells side by side (--parallel).",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        text = self._text("one request in a hundred", self.p99_ms or 0.0)
        return Sentence(text, "Lower --rate, or use more --workers on a machine with more cores.")

    def _text(self, how: str, late_ms: float) -> str:
        return (
            f"The sender fell behind: {how} was sent {count(late_ms)} ms late or later "
            f"({count(self.max_ms)} ms at most; {count(self.limit_ms)} ms is accepted)."
        )


@dataclass(frozen=True, kw_only=True)
class MachineSaturated(TrialFinding, code="machine-saturated", weight=Weight.EVIDENCE, subjects=_BOTH):
    """For at least a second the machine gave the sender no processor time."""

    seconds: int
    max_ms: float
    limit_ms: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[MachineSaturated]:
        """Yield a finding if the median lateness of any second is too high."""
        good = facts.own.is_timed
        late = facts.late_ms[good]
        if not (late > STALL_MEDIAN_MS.value).any():
            return
        # The median is late exactly if more than half of a second's requests are late, so no sorting is needed.
        second = facts.sent_s[good].astype(np.int64)
        others = np.zeros(0, np.int64) if facts.evidence.bulk is None else facts.evidence.bulk.per_second
        total = np.bincount(second, minlength=len(others))
        total[: len(others)] += others
        slow = np.bincount(second, weights=late > STALL_MEDIAN_MS.value, minlength=len(total))
        stalled = int(((slow * 2 > total) & (total > 0)).sum())
        if stalled:
            yield cls(seconds=stalled, max_ms=round(float(late.max()), 1), limit_ms=STALL_MEDIAN_MS.value)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"For {plural(self.seconds, 'second')} the machine left the sender without processor time (half of the "
            f"requests more than {count(self.limit_ms)} ms late, {count(self.max_ms)} ms at most).",
            "Run fewer cells side by side (--parallel), or use a quieter machine.",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        return Sentence(self.sentence().text, "Lower --rate, or use a quieter machine.")
