"""Computes planned times of many slots at once, equal to ``harness.model.schedule`` to the nanosecond."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import numpy as np

from harness.model import poisson
from harness.model.experiment import TrafficPlan
from harness.model.rate_curve import UNIT, RateCurve, curve_of

Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
#: Function from slots to planned times, in nanoseconds from the start.
Times = Callable[[Integers], Integers]

_INT64 = 2**63
#: Random arrivals computed at once.
_CHUNK = 1 << 19
#: Upper limit of slots: damaged evidence must not keep the judge busy for hours.
_MOST = 1 << 31


def planner(plan: TrafficPlan) -> Times:
    """Return a function from slots to planned times; slots must not be negative.

    Random arrivals are summed from the first one, so queries are cheap if their blocks come roughly in order.
    """
    curve = curve_of(plan.rate)
    if plan.arrivals == "even":
        return lambda numbers: _times(curve, numbers * UNIT)
    found = _PoissonArrays(plan.seed)
    return lambda numbers: _times(curve, found.positions(numbers))


def slots_until(plan: TrafficPlan, elapsed_ns: int) -> int:
    """Return how many slots are planned before a time.

    Raises:
        ValueError: There are more slots than any trial has.
    """
    limit = curve_of(plan.rate).positions_until(elapsed_ns)
    if limit > _MOST * UNIT:
        raise ValueError(f"{limit // UNIT:,} slots would have been planned")
    return -(-limit // UNIT) if plan.arrivals == "even" else _PoissonArrays(plan.seed).count_below(limit)


def _times(curve: RateCurve, positions: Integers) -> Integers:
    """Return what ``RateCurve.time_of`` returns, for many positions."""
    if any(above * below >= _INT64 for above, below in zip(curve.numerators, curve.denominators, strict=True)):
        return np.array([curve.time_of(position) for position in positions.tolist()], dtype=np.int64)
    if len(curve.times) == 1:
        return _along(positions, curve.numerators[0], curve.denominators[0])
    starts, begins, numerators, denominators = np.array(
        (curve.positions, curve.times, curve.numerators, curve.denominators), np.int64
    )
    piece = np.searchsorted(starts, positions, side="right") - 1
    times: Integers = begins[piece] + _along(positions - starts[piece], numerators[piece], denominators[piece])
    return times


def _along(positions: Integers, numerator: Integers | int, denominator: Integers | int) -> Integers:
    """Return ``positions * numerator // denominator``, computed in two parts because the product exceeds 64 bits."""
    whole: Integers = positions // denominator
    rest: Integers = positions % denominator
    times: Integers = whole * numerator + rest * numerator // denominator
    return times


class _PoissonArrays:
    """Array version of ``harness.model.poisson.PoissonArrivals``."""

    def __init__(self, seed: int) -> None:
        self._origin = np.uint64(poisson.origin_of(seed))
        self._logs = np.array(poisson.LOGS)
        self._starts = [0]
        self._chunk = -1
        self._sums = np.zeros(0, np.int64)

    def positions(self, numbers: Integers) -> Integers:
        found = np.zeros(len(numbers), np.int64)
        chunks = numbers // _CHUNK
        for chunk in np.unique(chunks).tolist():
            self._load_chunk(chunk)
            mine = chunks == chunk
            found[mine] = self._sums[numbers[mine] % _CHUNK]
        return found

    def count_below(self, limit: int) -> int:
        if limit <= 0:
            return 0
        while self._starts[-1] < limit:
            self._load_chunk(len(self._starts) - 1)
        chunk = bisect_left(self._starts, limit) - 1
        self._load_chunk(chunk)
        return chunk * _CHUNK + int(np.searchsorted(self._sums, limit))

    def _load_chunk(self, chunk: int) -> None:
        if chunk == self._chunk:
            return
        for each in (*range(len(self._starts) - 1, chunk), chunk):
            numbers = np.arange(each * _CHUNK, (each + 1) * _CHUNK, dtype=np.uint64)
            self._chunk, self._sums = each, self._starts[each] + np.cumsum(self._gaps(numbers))
            if each + 1 == len(self._starts):
                self._starts.append(int(self._sums[-1]))

    def _gaps(self, numbers: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> Integers:
        """Return what ``harness.model.poisson.gap`` returns, for many numbers."""
        state = self._origin + (numbers + np.uint64(1)) * np.uint64(poisson.GOLDEN)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(poisson.FIRST)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(poisson.SECOND)
        state ^= state >> np.uint64(31)
        bits = ((state >> np.uint64(64 - poisson.BITS)) | np.uint64(1)).astype(np.int64)
        # Exact, since a float holds this many bits.
        length = np.frexp(bits.astype(np.float64))[1].astype(np.int64)
        fraction = (bits << (poisson.BITS - length)) & ((1 << (poisson.BITS - 1)) - 1)
        index = fraction >> (poisson.BITS - 1 - poisson.INDEX_BITS)
        part = (fraction >> (poisson.BITS - 1 - poisson.INDEX_BITS - poisson.PART_BITS)) & (
            (1 << poisson.PART_BITS) - 1
        )
        low, high = self._logs[index], self._logs[index + 1]
        gaps: Integers = (poisson.BITS - length) * poisson.LOG_2 + low - ((low - high) * part >> poisson.PART_BITS)
        return gaps
