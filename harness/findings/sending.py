"""Findings about the sender: what it did not send, does not know the end of, or sent too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.facts import Facts
from harness.analysis.thresholds import (
    LATENESS_P99_MS,
    MISSED_SLOTS,
    SHORTEST_WINDOW_S,
    STALL_MEDIAN_MS,
    UNFINISHED,
)
from harness.findings.finding_type import Sentence, Subject, TrialFinding
from harness.model.verdict import Weight
from harness.wording import count, plural

_BOTH = frozenset({Subject.TRIAL, Subject.WATCH})


@dataclass(frozen=True, kw_only=True)
class MissedSlots(TrialFinding, code="missed-slots", weight=Weight.EVIDENCE, subjects=_BOTH):
    """Planned requests were not sent in time: they may have been lost."""

    count: int
    planned: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[MissedSlots]:
        """Yield it where more than the accepted number was missed."""
        if facts.identity.missed > MISSED_SLOTS.value:
            yield cls(count=facts.identity.missed, planned=facts.identity.planned)

    def sentence(self) -> Sentence:
        """Return it for people."""
        return Sentence(
            f"{count(self.count)} of {plural(self.planned, 'planned request')} could not be sent in time: "
            "what would have become of them is unknown.",
            "Lower the rate, raise traffic.concurrency, or run fewer cells side by side (--parallel).",
        )

    def watch_sentence(self) -> Sentence:
        """Return it for a watch."""
        advice = "Lower --rate or --timeout, or use more --workers on a machine with more cores."
        return Sentence(self.sentence().text, advice)


@dataclass(frozen=True, kw_only=True)
class AbandonedSlots(TrialFinding, code="abandoned-slots", weight=Weight.EVIDENCE, subjects=_BOTH):
    """Planned requests have no record."""

    count: int
    planned: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[AbandonedSlots]:
        """Yield it where more than the accepted number has no record."""
        if facts.identity.abandoned > MISSED_SLOTS.value:
            yield cls(count=facts.identity.abandoned, planned=facts.identity.planned)

    def sentence(self) -> Sentence:
        """Return it for people."""
        return Sentence(
            f"{self._text}: the sender died or was stopped before their turn.",
            "See locust.log in the trial's traffic folder, and run again.",
        )

    def watch_sentence(self) -> Sentence:
        """Return it for a watch."""
        return Sentence(
            f"{self._text}: the sender died before their turn.",
            "See locust.log in the traffic folder, and watch again.",
        )

    @property
    def _text(self) -> str:
        return f"{count(self.count)} of {plural(self.planned, 'planned request')} have no record"


@dataclass(frozen=True, kw_only=True)
class Unfinished(TrialFinding, code="unfinished", weight=Weight.EVIDENCE, subjects=_BOTH):
    """Requests left, and nobody saw their end."""

    count: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[Unfinished]:
        """Yield it where more than the accepted number has no outcome."""
        if facts.identity.unfinished > UNFINISHED.value:
            yield cls(count=facts.identity.unfinished)

    def sentence(self) -> Sentence:
        """Return it for people."""
        return Sentence(
            f"{plural(self.count, 'request')} left and nobody saw the end: that is no success.",
            "The sender was cut off while draining; see locust.log, and run again.",
        )


@dataclass(frozen=True, kw_only=True)
class BehindSchedule(TrialFinding, code="behind-schedule", weight=Weight.EVIDENCE, subjects=_BOTH):
    """Requests left later than they were planned.

    Attributes:
        p99_ms: 99th percentile of lateness over the trial, where that is too late; else None.
        p90_ms: 90th percentile while the change was under way, where that is too late; else None.
        max_ms: The latest request.
        limit_ms: What is accepted.
    """

    p99_ms: float | None = None
    p90_ms: float | None = None
    max_ms: float
    limit_ms: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[BehindSchedule]:
        """Yield it where requests were late on the whole, or most were while the change was under way."""
        late, limit = facts.late_ms, LATENESS_P99_MS.value
        good = facts.is_sent & ~np.isnan(late)
        if not (late[good] > limit).any():
            return
        longest = round(float(late[good].max()), 1)
        p99 = float(np.percentile(late[good], 99))
        if p99 > limit:
            yield cls(p99_ms=round(p99, 1), max_ms=longest, limit_ms=limit)
            return
        begin, end = facts.moments.begin, facts.moments.end
        if begin is None:
            return
        # A short change among long quiet times is what the trial is about; a single pause in it is ``SenderPaused``.
        until = max(end if end is not None else np.inf, begin + SHORTEST_WINDOW_S.value)
        through = late[good & (facts.sent_s >= begin) & (facts.sent_s <= until)]
        p90 = float(np.percentile(through, 90)) if len(through) else 0.0
        if p90 > limit:
            yield cls(p90_ms=round(p90, 1), max_ms=longest, limit_ms=limit)

    def sentence(self) -> Sentence:
        """Return it for people."""
        how = "while the change was under way, one request in ten" if self.p90_ms else "one request in a hundred"
        return Sentence(
            self._text(how, self.p90_ms or self.p99_ms or 0.0),
            "Lower the rate or run fewer cells side by side (--parallel).",
        )

    def watch_sentence(self) -> Sentence:
        """Return it for a watch."""
        text = self._text("one request in a hundred", self.p99_ms or 0.0)
        return Sentence(text, "Lower --rate, or use more --workers on a machine with more cores.")

    def _text(self, how: str, late_ms: float) -> str:
        return (
            f"The sender fell behind: {how} left {count(late_ms)} ms late or later "
            f"({count(self.max_ms)} ms at most; {count(self.limit_ms)} ms is accepted)."
        )


@dataclass(frozen=True, kw_only=True)
class MachineSaturated(TrialFinding, code="machine-saturated", weight=Weight.EVIDENCE, subjects=_BOTH):
    """For at least a second the machine left the sender without processor time."""

    seconds: int
    max_ms: float
    limit_ms: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[MachineSaturated]:
        """Yield it where the median lateness of any second is too high."""
        good = facts.is_sent & ~np.isnan(facts.late_ms)
        late = facts.late_ms[good]
        if not (late > STALL_MEDIAN_MS.value).any():
            return
        # Half of a second's requests are late exactly where the median is: no need to sort.
        second = facts.sent_s[good].astype(np.int64)
        second -= second.min()
        total = np.bincount(second)
        slow = np.bincount(second, weights=late > STALL_MEDIAN_MS.value)
        stalled = int(((slow * 2 > total) & (total > 0)).sum())
        if stalled:
            yield cls(seconds=stalled, max_ms=round(float(late.max()), 1), limit_ms=STALL_MEDIAN_MS.value)

    def sentence(self) -> Sentence:
        """Return it for people."""
        return Sentence(
            f"For {plural(self.seconds, 'second')} the machine left the sender without processor time (half of the "
            f"requests more than {count(self.limit_ms)} ms late, {count(self.max_ms)} ms at most).",
            "Run fewer cells side by side (--parallel), or use a quieter machine.",
        )

    def watch_sentence(self) -> Sentence:
        """Return it for a watch."""
        return Sentence(self.sentence().text, "Lower --rate, or use a quieter machine.")
