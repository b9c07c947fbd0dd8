"""Counts attempts over time for the chart, and measures their latency there, block by block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.analysis.row_facts import Numbers, RowFacts
from harness.model.attempt import Outcome
from harness.model.verdict import Series

#: Number of bins that fit a chart, roughly.
BINS = 120
#: Lowest desired number of requests per bin.
_PER_BIN = 5
#: Round widths of bins, in seconds.
_WIDTHS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)

Counts = np.ndarray[tuple[int], np.dtype[np.int64]]

EMPTY_SERIES = Series(0.1, 0.0, (), (), (), (), ())


class SeriesCounter:
    """Counts the attempts of each bin by the time at which they were sent.

    Args:
        stop: End of sending in seconds.
        timed: Number of sent attempts with a time.
        latest: The time at which the last one was sent; without meaning if there is none.
        starts: For each block, the earliest time in all blocks after it; None if there is one block.
    """

    def __init__(self, stop: float, timed: int, latest: float, starts: Sequence[float] | None = None) -> None:
        self._timed = timed
        end = max(stop, latest) if timed else 0.0
        # With fewer requests per bin, the chart would show how slots happen to fall into bins.
        least = max(end / BINS, _PER_BIN * end / timed) if timed else 0.0
        self._width = next((width for width in _WIDTHS if width >= least), least)
        self._count = int(end / self._width) + 1
        self._sent, self._ok, self._failed = (np.zeros(self._count, np.int64) for _ in range(3))
        self._middle, self._largest = np.zeros(self._count), np.zeros(self._count)
        self._parts: dict[int, list[Numbers]] = {}
        self._starts = [] if starts is None else list(reversed(starts))

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
            # Within a bin only the median has to be in its place.
            part = np.concatenate(self._parts.pop(index))
            half = (len(part) - 1) // 2
            part.partition(half)
            self._middle[index], self._largest[index] = part[half], part[half:].max()
