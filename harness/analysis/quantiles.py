"""Computes exact percentiles of values that are too many for memory, in two passes over blocks of them.

The first pass counts the values by their sign, exponent and leading binary digits, so a bucket holds values that differ
by less than 0.1 %. The second pass collects the values of the few buckets that contain the wanted ranks. The result is
that of ``numpy.percentile``, to the last digit.

Values that were counted earlier have no second pass. Each of them counts as the upper end of its bucket, or as the
largest of them if that is less: a percentile is then at most 0.1 % too high, and never too low.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from harness.model.counted import BucketCounts

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


def bucket_counts(values: Numbers) -> BucketCounts:
    """Return some values, none of which is NaN, as counts."""
    buckets, counts = np.unique(_bucket(values) - _FIRST, return_counts=True)
    return BucketCounts(tuple(buckets.tolist()), tuple(counts.tolist()), float(values.max(initial=0.0)))


def upper_ends(counted: BucketCounts) -> Numbers:
    """Return the value that stands for those of each bucket: its upper end, or the largest value if that is less."""
    ends = ((np.array(counted.buckets, np.int64) + (_FIRST + 1)) << _SHIFT).view(np.float64)
    found: Numbers = np.minimum(ends, counted.largest)
    return found


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
        #: By bucket: the number of values that were counted earlier, and what they count as.
        self._earlier = np.zeros(_BUCKETS, np.int64)
        self._ends = np.zeros(_BUCKETS)
        self._parts: list[Numbers] = []
        self._wanted: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None

    def add(self, values: Numbers) -> None:
        """Count a block of values; none of them may be NaN."""
        if len(values):
            self.count += len(values)
            self._counts += np.bincount(_bucket(values) - _FIRST, minlength=_BUCKETS)

    def add_counted(self, counted: BucketCounts) -> None:
        """Add values that were counted earlier; ``collect`` gets none of them."""
        buckets = np.array(counted.buckets, np.int64)
        self.count += sum(counted.counts)
        for counts in (self._counts, self._earlier):
            counts[buckets] += np.array(counted.counts, np.int64)
        self._ends[buckets] = np.maximum(self._ends[buckets], upper_ends(counted))

    def collect(self, values: Numbers) -> None:
        """Keep the values around the wanted ranks, of the same blocks as before."""
        if self._wanted is None:
            self._wanted = self._buckets_of_ranks()
        self._parts.append(values[self._wanted[_bucket(values) - _FIRST]])

    def percentiles(self) -> tuple[float, ...]:
        """Return the wanted percentiles, as ``numpy.percentile`` computes them; 0 if there are no values.

        Raises:
            ValueError: ``collect`` got other values than ``add``.
        """
        if not self.count:
            return (0.0,) * len(self._percents)
        ends = np.cumsum(self._counts)
        wanted = self._buckets_of_ranks() if self._wanted is None else self._wanted
        kept, buckets = np.sort(np.concatenate([np.zeros(0), *self._parts])), np.flatnonzero(wanted)
        sizes = (self._counts - self._earlier)[buckets]
        if len(kept) != sizes.sum():
            raise ValueError("the second pass had other values than the first")
        starts = np.cumsum(sizes) - sizes

        def at(rank: int) -> float:
            bucket = int(np.searchsorted(ends, rank, side="right"))
            place = int(np.searchsorted(buckets, bucket))
            if self._earlier[bucket]:
                exact = kept[starts[place] : starts[place] + sizes[place]]
                return float(max(self._ends[bucket], exact.max(initial=0.0)))
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
