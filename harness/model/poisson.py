"""Random gaps between independent arrivals, computed reproducibly.

Each gap follows from the seed and its own number by integer arithmetic alone. So the judge computes the same gaps with
arrays of 64-bit integers. The generator is SplitMix64; a table of logarithms turns its bits into a gap.
"""

from __future__ import annotations

import math
from bisect import bisect_left

from harness.model.rate_curve import UNIT

MASK = (1 << 64) - 1
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
#: Bits that index the table of logarithms, and bits that interpolate between two entries.
INDEX_BITS, PART_BITS = 10, 20
#: The logarithm of 2 in ``UNIT`` parts, and ``log 2 - log(1 + i / 1024)`` for each i, the last one being 0.
LOG_2 = round(math.log(2) * UNIT)
LOGS = (*(round((math.log(2) - math.log1p(i / (1 << INDEX_BITS))) * UNIT) for i in range(1 << INDEX_BITS)), 0)
#: Random bits per gap. A float holds this many exactly, and arrays count leading zeros by way of floats.
BITS = 53
#: Gaps that the sender computes at once; this takes a quarter of a millisecond.
_BLOCK = 256


def scramble(state: int) -> int:
    """Return SplitMix64's output for a state: 64 pseudo-random bits."""
    state = ((state ^ (state >> 30)) * FIRST) & MASK
    state = ((state ^ (state >> 27)) * SECOND) & MASK
    return state ^ (state >> 31)


def origin_of(seed: int) -> int:
    """Return the generator's state from which a seed's gaps are counted."""
    return scramble((seed + GOLDEN) & MASK)


def gap(origin: int, number: int) -> int:
    """Return the gap between arrival ``number`` and the one before, in ``UNIT`` parts of the mean gap.

    Args:
        origin: State from ``origin_of``.
        number: Counted from 0.
    """
    bits = (scramble((origin + (number + 1) * GOLDEN) & MASK) >> (64 - BITS)) | 1
    # -log(bits / 2^53), with bits as 2^(length - 1) * (1 + fraction).
    length = bits.bit_length()
    fraction = (bits << (BITS - length)) & ((1 << (BITS - 1)) - 1)
    index = fraction >> (BITS - 1 - INDEX_BITS)
    part = (fraction >> (BITS - 1 - INDEX_BITS - PART_BITS)) & ((1 << PART_BITS) - 1)
    return (BITS - length) * LOG_2 + LOGS[index] - ((LOGS[index] - LOGS[index + 1]) * part >> PART_BITS)


class PoissonArrivals:
    """Positions of arrivals, in ``UNIT`` parts of the mean gap from the start.

    They are computed block by block, on demand.

    Args:
        seed: Seed of the generator; each seed gives other arrivals.
    """

    def __init__(self, seed: int) -> None:
        self._origin = origin_of(seed)
        #: Position of the last arrival before each computed block, and before the block after them.
        self._starts = [0]
        self._block = -1
        self._positions: list[int] = []

    def position(self, number: int) -> int:
        """Return the position of arrival ``number``."""
        block, index = divmod(number, _BLOCK)
        self._load_block(block)
        return self._positions[index]

    def count_below(self, limit: int) -> int:
        """Return how many arrivals lie before a position."""
        if limit <= 0:
            return 0
        # The sender asks in order of time, so the answer is nearly always in the current block.
        if self._block < 0 or not self._starts[self._block] < limit <= self._starts[self._block + 1]:
            while self._starts[-1] < limit:
                self._load_block(len(self._starts) - 1)
            self._load_block(bisect_left(self._starts, limit) - 1)
        return self._block * _BLOCK + bisect_left(self._positions, limit)

    def _load_block(self, block: int) -> None:
        if block == self._block:
            return
        for each in (*range(len(self._starts) - 1, block), block):
            position, positions = self._starts[each], []
            for number in range(each * _BLOCK, (each + 1) * _BLOCK):
                position += gap(self._origin, number)
                positions.append(position)
            if each + 1 == len(self._starts):
                self._starts.append(position)
            self._block, self._positions = each, positions
