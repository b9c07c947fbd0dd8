"""Records of the attempts that a large ledger has beyond those that judging keeps as rows.

All of them are right answers of no further interest, so counts say everything about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from harness.model.counted import CountedAttempts
from harness.model.verdict import Latency, Series

Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Slots:
    """Counts of planned slots and of rows.

    Attributes:
        planned: Slots planned before the stop.
        present: Planned slots that have a row.
        duplicates: Rows with the number of an earlier row.
        foreign: Rows of slots that were not planned, or with another time or stream than planned.
    """

    planned: int
    present: int
    duplicates: int
    foreign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkStream:
    """Counts of one stream's attempts that are not kept as rows.

    Attributes:
        ok: Their number.
        before: Those sent before the change or at its beginning.
        during: Those sent later, up to its end.
        due: Those planned during the change.
    """

    ok: int
    before: int
    during: int
    due: int

    @property
    def after(self) -> int:
        """Return the number of attempts that were sent after the change."""
        return self.ok - self.before - self.during


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """The attempts and connections of a trial that are not kept as rows, and measures of the whole ledger.

    Attributes:
        rows: Number of attempts; all have the outcome ``OK``.
        streams: Their counts by stream.
        responders: Their number by the number of the answer, shape (65536,).
        per_second: Their number by the second in which they were sent.
        answered: Numbers of kept-alive connections that carried one of them.
        connections: Number of connections.
        most_requests: The most requests that one of these connections carried.
        slots: Comparison of the whole ledger with the schedule.
        latency: Latency of the whole ledger.
        lateness: Lateness of the whole ledger in milliseconds, not rounded: ``p50``, ``p99`` and ``max``.
        late_p90_during: Its 90th percentile during the change, not rounded.
        series: Attempts of the whole ledger over time.
        ledger: All attempts that the ledger has, in blocks; each iteration reads them from the first one.
        counted: Attempts that the ledger has no more; they are among the counts above.
    """

    rows: int
    streams: tuple[BulkStream, ...]
    responders: Counts
    per_second: Counts
    answered: Counts
    connections: int
    most_requests: int
    slots: Slots
    latency: Latency
    lateness: Mapping[str, float]
    late_p90_during: float
    series: Series
    ledger: Iterable[np.ndarray[tuple[int], np.dtype[np.void]]]
    counted: tuple[CountedAttempts, ...] = ()
