"""Records of which version answered: measured shares per step, and two candidates compared.

They are part of a verdict, like those in ``harness.model.verdict``. Times are seconds from the start of the trial's
traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """Confidence interval of a share.

    Attributes:
        low: Lower end, 0 to 1.
        high: Upper end, 0 to 1.
        confidence: Its level, 0 to 1.
    """

    low: float
    high: float
    confidence: float


@dataclass(frozen=True, slots=True)
class MeasuredShare:
    """Share of the answers that the new version gave while a certain share was requested.

    Attributes:
        n: The repetition, from 1.
        step: The canary's step, from 1; 0 for a test of two candidates.
        start: Sent time of the first attempt that counts, seconds.
        end: Sent time at which counting ends, seconds.
        asked: The requested share, 0 to 1.
        counted: Good answers in this time; a sticky session counts once.
        new: Good answers by the new version.
        interval: Interval of the true share for reports.
        wide: Interval of the true share at a much higher level; findings use it.
        sessions: True if sessions were counted in place of answers.
    """

    n: int
    step: int
    start: float
    end: float
    asked: float
    counted: int
    new: int
    interval: Interval
    wide: Interval
    sessions: bool = False

    @property
    def is_as_asked(self) -> bool:
        """Return True if chance explains the difference between the requested and the measured share."""
        return self.counted > 0 and self.wide.low <= self.asked <= self.wide.high


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """Result of one of two candidates that answer at the same time.

    Attributes:
        name: ``A``, ``B``, or ``unknown`` for unanswered requests if only the answer identifies the candidate.
        sent: Requests for this candidate.
        ok: Requests with the expected answer.
        lost: Outcome label -> count.
        successes: Good answers that met the criterion.
        p50: Milliseconds from sent to answered, median.
        p99: The same, 99th percentile.
        max: The same, longest.
    """

    name: str
    sent: int
    ok: int
    lost: Mapping[str, int]
    successes: int
    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Statistical test whether two candidates' shares of successes differ by more than chance.

    Attributes:
        latency: Seconds within which an answer counts as a success; 0 for any time.
        p_value: Probability that chance alone makes a difference at least as large.
        method: ``z``, or ``fisher`` for numbers that are too small for ``z``.
    """

    latency: float
    p_value: float
    method: str


@dataclass(frozen=True, slots=True)
class VersionAnswers:
    """All measurements of which version answered in a trial.

    Attributes:
        splits: Measured shares in order of time.
        candidates: Results of the candidates; empty if none were compared.
        comparison: Test of the first two candidates.
        old: Good answers by the old version in each bin of the trial's series.
        new: Good answers by the new version in each bin.
    """

    splits: tuple[MeasuredShare, ...] = ()
    candidates: tuple[CandidateResult, ...] = ()
    comparison: Comparison | None = None
    old: tuple[int, ...] = ()
    new: tuple[int, ...] = ()
