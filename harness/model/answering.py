"""Who answered while two versions were there: shares per step, and two candidates side by side.

Records of a verdict, as those in ``harness.model.verdict``; times are seconds from the origin of the trial's traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """Shares (0 to 1) between which the true one lies, unless chance was unluckier than ``confidence`` says."""

    low: float
    high: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Split:
    """What share of the answers the new version gave while a certain share was asked for.

    Attributes:
        n: The repetition, from 1.
        step: The canary's step, from 1; 0 for a test of two candidates.
        start: From when on attempts are counted, by the time they were sent.
        end: Until when.
        asked: The share that was asked for, 0 to 1.
        counted: Good answers in this time; of sticky sessions each counts once.
        new: Those of them by the new version.
        interval: Where the true share lies, for people to read.
        wide: Where it lies unless chance was very unlucky: what a finding rests on.
        sessions: Whether sessions were counted in place of answers.
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
        """Whether chance explains what is between asked and got."""
        return self.counted > 0 and self.wide.low <= self.asked <= self.wide.high


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of two that answer at the same time.

    Attributes:
        name: ``A``, ``B``, or ``unknown``: requests that nobody answered, where only the answer would have told.
        sent: Requests that were its own.
        ok: Those that it answered as it should.
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
    """Whether two candidates' shares of successes differ by more than chance.

    Attributes:
        latency: Seconds within which an answer counts as a success; 0 for any time.
        p_value: How often chance alone makes a difference as large.
        method: ``z``, or ``fisher`` where numbers are too small for it.
    """

    latency: float
    p_value: float
    method: str


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answered, as far as a trial's change is about that.

    Attributes:
        splits: In order of time.
        candidates: Side by side; empty where nothing was compared.
        comparison: Of the first two candidates.
        old: Good answers by the old version in each bin of the trial's series.
        new: Those by the new version.
    """

    splits: tuple[Split, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    comparison: Comparison | None = None
    old: tuple[int, ...] = ()
    new: tuple[int, ...] = ()
