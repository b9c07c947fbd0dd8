"""Counts attempts over time for the chart, and measures their latency there, block by block.

Attempts that were counted earlier are there by second, and their latencies by period. A period has a length that fits
into the bins of every later chart, since bins only grow with the length of the traffic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.quantiles import upper_ends
from harness.analysis.row_facts import Numbers, RowFacts
from harness.model.attempt import Outcome
from harness.model.counted import BucketCounts, CountedAttempts
from harness.model.verdict import Series

#: Number of bins that fit a chart, roughly.
BINS = 120
#: Lowest desired number of requests per bin.
_PER_BIN = 5
#: Round widths of bins, in seconds.
_WIDTHS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)

#: Lengths of periods, in seconds.
_PERIODS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600)

Counts = np.ndarray[tuple[int], np.dtype[np.int64]]

EMPTY_SERIES = Series(0.1, 0.0, (), (), (), (), ())


def period_of(elapsed: float) -> int:
    """Return the longest period, in seconds, that fits into the bins of each chart of at least this length.

    Args:
        elapsed: Seconds of traffic so far.

    Returns:
        Its length; 0 while a bin may be shorter than a second.
    """
    least = elapsed / BINS
    later = [int(width) for width in _WIDTHS if width >= max(1, least)] or [_PERIODS[-1]]
    fitting = [each for each in _PERIODS if all(width % each == 0 for width in later)]
    return max(fitting) if least >= 1 else 0


class SeriesCounter:
    """Counts the attempts of each bin by the time at which they were sent.

    Args:
        stop: End of sending in seconds.
        timed: Number of sent attempts with a time.
        latest: The time at which the last one was sent; without meaning if there is none.
        starts: For each block, the earliest time in all blocks after it; None if there is one block.
        counted: Attempts that were counted earlier; they are among ``timed``.
    """

    def __init__(
        self,
        stop: float,
        timed: int,
        latest: float,
        starts: Sequence[float] | None = None,
        counted: Sequence[CountedAttempts] = (),
    ) -> None:
        self._timed = timed
        end = max(stop, latest) if timed else 0.0
        # With fewer requests per bin, the chart would show how slots happen to fall into bins.
        least = max(end / BINS, _PER_BIN * end / timed) if timed else 0.0
        longest = math.ceil(least / _PERIODS[-1]) * _PERIODS[-1] if counted else least
        self._width = next((width for width in _WIDTHS if width >= least), longest)
        self._count = int(end / self._width) + 1
        self._sent, self._ok, self._failed = (np.zeros(self._count, np.int64) for _ in range(3))
        self._middle, self._largest = np.zeros(self._count), np.zeros(self._count)
        self._parts: dict[int, list[Numbers]] = {}
        self._starts = [] if starts is None else list(reversed(starts))
        self._counted: dict[int, list[BucketCounts]] = {}
        for each in counted:
            self._take_counted(each)

    def take(self, own: RowFacts) -> None:
        """Count a block."""
        if not self._timed:
            return
        timed = own.is_timed
        bins = np.zeros(len(timed), dtype=np.int16)
        bins[timed] = own.sent_s[timed] / self._width
        self._sent += self._per_bin(bins[timed])
        self._ok += self._per_bin(bins[timed & (own.outcome == Outcome.OK)])
        self._failed += self._per_bin(bins[timed & own.is_lost])
        answered = timed & own.is_answered
        self._take_latencies(((own.undelayed_s - own.sent_s)[answered]) * 1000, bins[answered])
        if self._starts:
            self._close(int(min(self._starts.pop() / self._width, self._count)))

    def series(self) -> Series:
        """Return the counts, with median and maximum of the latency per bin; 0 in bins without answers."""
        if not self._timed:
            return EMPTY_SERIES
        self._close(self._count)
        return Series(
            bin_seconds=float(self._width),
            start=0.0,
            sent=tuple(self._sent.tolist()),
            ok=tuple(self._ok.tolist()),
            failed=tuple(self._failed.tolist()),
            latency_p50=tuple(self._middle.round(3).tolist()),
            latency_max=tuple(self._largest.round(3).tolist()),
        )

    def _take_counted(self, counted: CountedAttempts) -> None:
        seconds = counted.second + np.arange(len(counted.per_second))
        bins = (seconds / self._width).astype(np.int64)
        for counts in (self._sent, self._ok):
            np.add.at(counts, bins, counted.per_second)
        for period in counted.latency:
            index = int(period.start / self._width)
            self._counted.setdefault(index, []).append(period.latency)
            self._parts.setdefault(index, [])

    def _per_bin(self, bins: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Counts:
        return np.bincount(bins, minlength=self._count)

    def _take_latencies(self, latency: Numbers, where: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
        # Sorting short bin numbers takes one pass; blocks in the order of time need none.
        if (where[1:] < where[:-1]).any():
            order = np.argsort(where, kind="stable")
            latency, where = latency[order], where[order]
        starts = np.flatnonzero(np.diff(where, prepend=-1))
        for start, part in zip(starts.tolist(), np.split(latency, starts[1:]), strict=False):
            self._parts.setdefault(int(where[start]), []).append(part)

    def _close(self, until: int) -> None:
        """Measure the bins before ``until``, which get no further values."""
        for index in [index for index in self._parts if index < until]:
            part = np.concatenate([np.zeros(0), *self._parts.pop(index)])
            if index in self._counted:
                self._middle[index], self._largest[index] = _middle_and_largest(part, self._counted.pop(index))
                continue
            # Within a bin only the median has to be in its place.
            half = (len(part) - 1) // 2
            part.partition(half)
            self._middle[index], self._largest[index] = part[half], part[half:].max()


def _middle_and_largest(values: Numbers, counted: Sequence[BucketCounts]) -> tuple[float, float]:
    """Return median and maximum of some values and of others that were counted earlier."""
    every = np.concatenate([values, *map(upper_ends, counted)])
    times = np.concatenate([np.ones(len(values), np.int64), *(np.array(each.counts, np.int64) for each in counted)])
    order = np.argsort(every, kind="stable")
    ends = np.cumsum(times[order])
    middle = np.searchsorted(ends, (ends[-1] - 1) // 2, side="right")
    return float(every[order][middle]), float(every.max())
