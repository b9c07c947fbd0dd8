"""Computes exact percentiles of values that are too many for memory, in two passes over blocks of them.

The first pass counts the values by their sign, exponent and leading binary digits, so a bucket holds values that differ
by less than 0.1 %. The second pass collects the values of the few buckets that contain the wanted ranks. The result is
that of ``numpy.percentile``, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Buckets = np.ndarray[tuple[int], np.dtype[np.int64]]

#: Binary digits of a float that a bucket leaves out: ten digits of its fraction remain.
_SHIFT = 42
#: Smaller values share the first bucket, larger ones the last. In milliseconds: a nanosecond, and twelve days.
_SMALLEST, _LARGEST = 1e-6, 2.0**30


def _bucket(values: Numbers) -> Buckets:
    # The bits of floats that are not negative have the order of the floats.
    found: Buckets = np.clip(values, _SMALLEST, _LARGEST).view(np.int64) >> _SHIFT
    return found


_FIRST = int(_bucket(np.array([_SMALLEST]))[0])
_BUCKETS = int(_bucket(np.array([_LARGEST]))[0]) - _FIRST + 1


class Distribution:
    """Values of one kind, first counted and then collected where it matters.

    Args:
        percents: The wanted percentiles; 100 is the largest value.

    Attributes:
        count: Number of values.
    """

    def __init__(self, percents: Sequence[float]) -> None:
        self.count = 0
        self._percents = tuple(percents)
        self._counts = np.zeros(_BUCKETS, np.int64)
        self._parts: list[Numbers] = []
        self._wanted: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None

    def add(self, values: Numbers) -> None:
        """Count a block of values; none of them may be NaN."""
        if len(values):
            self.count += len(values)
            self._counts += np.bincount(_bucket(values) - _FIRST, minlength=_BUCKETS)

    def collect(self, values: Numbers) -> None:
        """Keep the values around the wanted ranks, of the same blocks as before."""
        if self._wanted is None:
            self._wanted = self._buckets_of_ranks()
        self._parts.append(values[self._wanted[_bucket(values) - _FIRST]])

    def percentiles(self) -> tuple[float, ...]:
        """Return the wanted percentiles, as ``numpy.percentile`` computes them; 0 if there are no values."""
        if not self.count:
            return (0.0,) * len(self._percents)
        ends = np.cumsum(self._counts)
        kept = np.sort(np.concatenate(self._parts))
        buckets = np.flatnonzero(self._wanted) if self._wanted is not None else np.zeros(0, np.int64)
        sizes = self._counts[buckets]
        if len(kept) != sizes.sum():
            raise ValueError("the second pass had other values than the first")
        starts = np.cumsum(sizes) - sizes

        def at(rank: int) -> float:
            bucket = int(np.searchsorted(ends, rank, side="right"))
            place = int(np.searchsorted(buckets, bucket))
            return float(kept[starts[place] + rank - (ends[bucket] - self._counts[bucket])])

        return tuple(_between(at(low), at(high), part) for low, high, part in self._ranks())

    def _ranks(self) -> Iterable[tuple[int, int, float]]:
        for percent in self._percents:
            place = (self.count - 1) * (percent / 100)
            low = int(place)
            yield low, min(low + 1, self.count - 1), place - low

    def _buckets_of_ranks(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        ends = np.cumsum(self._counts)
        wanted = np.zeros(_BUCKETS, dtype=bool)
        for low, high, _ in self._ranks() if self.count else ():
            wanted[np.searchsorted(ends, [low, high], side="right")] = True
        return wanted


def _between(low: float, high: float, part: float) -> float:
    """Return the value between two, with the roundings of numpy."""
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part
