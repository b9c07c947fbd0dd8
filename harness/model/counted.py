"""Records of the attempts of a ledger's segment that were counted and not kept.

Only right answers far from any loss are counted. A bucket of latencies holds values that differ by less than 0.1 %;
``harness.analysis.quantiles`` defines the buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Version of ``CountedAttempts`` on disk.
VERSION = 1


class KeepOk(StrEnum):
    """The right answers far from any loss that stay in a ledger: all of them, a sample, or none."""

    ALL = "all"
    SAMPLED = "sampled"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class BucketCounts:
    """Counts of times by bucket.

    Attributes:
        buckets: Numbers of the buckets that are not empty, in order.
        counts: Number of values in each.
        largest: The largest value, milliseconds; 0 if there is none.
    """

    buckets: tuple[int, ...]
    counts: tuple[int, ...]
    largest: float


@dataclass(frozen=True, slots=True)
class PeriodLatency:
    """Latencies of the attempts that were sent in a period.

    Attributes:
        start: Its first second.
        latency: Milliseconds from sending to the end of the answer.
    """

    start: int
    latency: BucketCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedAttempts:
    """The attempts and connections of a segment that were counted and not kept.

    Attributes:
        segment: Number of the segment.
        first: Number of its first attempt.
        attempts: Number of its attempts, kept and counted.
        kept: Number of those that were kept.
        counted: Number of the others, all of which have the outcome ``ok``.
        streams: The counted ones by stream.
        responders: Pairs of the number of an answer and how many of the counted ones got it.
        second: The second in which the first of them was sent.
        per_second: Their number by the second in which they were sent, from ``second`` on.
        latest: Time at which the last of them was sent, seconds from the origin.
        period: Length of the periods of ``latency``, seconds.
        latency: Latency from sending, by period.
        planned_latency: Latency from the planned time.
        lateness: Milliseconds from the planned time to sending.
        carriers: Numbers of the kept-alive connections that carried one of them.
        connections: Number of connections that were counted and not kept.
        most_requests: The most requests that one of these carried.
        version: Version of this record.
    """

    segment: int
    first: int
    attempts: int
    kept: int
    counted: int
    streams: tuple[int, ...]
    responders: tuple[tuple[int, int], ...]
    second: int
    per_second: tuple[int, ...]
    latest: float
    period: int
    latency: tuple[PeriodLatency, ...]
    planned_latency: BucketCounts
    lateness: BucketCounts
    carriers: tuple[int, ...]
    connections: int
    most_requests: int
    version: int = VERSION

    @property
    def end(self) -> int:
        """Return the number of the first attempt after the segment."""
        return self.first + self.attempts
