"""Turns a rate into whole numbers: the schedule's position at each nanosecond, and the inverse.

Sender and judge must agree on every slot, and the judge computes with arrays of 64-bit integers, which have no square
root. So a ramp is approximated by pieces of a millisecond (at most 10,000). Within a piece the rate is constant, and at
its end the position is that of the straight line. In between it differs by less than half a slot.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from harness.model.rates import Leg, Rate

NS = 1_000_000_000
#: Positions per slot. They are finer than slots because random arrivals lie between whole slots.
UNIT = 1 << 20
#: Largest denominator of a rate as a fraction; exact for all rates that people write.
_FINEST = 1000
#: The lowest rate of a leg in attempts per second, and the shortest leg in seconds.
LEAST_RATE, SHORTEST_LEG = 0.01, 0.01
#: The longest piece of a ramp in nanoseconds, and the most pieces of one ramp.
_STEP_NS, _MOST_STEPS = 1_000_000, 10_000


@dataclass(frozen=True, slots=True)
class RateCurve:
    """Positions over time, in pieces of constant rate; the last piece has no end.

    Tuples are parallel, with one item per piece.

    Attributes:
        times: Start of each piece, in nanoseconds from the schedule's start.
        positions: The position at that time, in ``UNIT`` parts of a slot.
        numerators: Numerator of the piece's nanoseconds per position.
        denominators: Denominator of the same fraction.
    """

    times: tuple[int, ...]
    positions: tuple[int, ...]
    numerators: tuple[int, ...]
    denominators: tuple[int, ...]

    def time_of(self, position: int) -> int:
        """Return the time at which a position (0 or more) is reached, in nanoseconds, rounded down."""
        piece = bisect_right(self.positions, position) - 1
        return (
            self.times[piece] + (position - self.positions[piece]) * self.numerators[piece] // self.denominators[piece]
        )

    def positions_until(self, elapsed_ns: int) -> int:
        """Return how many positions are reached before ``elapsed_ns``; the exact inverse of ``time_of``."""
        if elapsed_ns <= 0:
            return 0
        piece = bisect_left(self.times, elapsed_ns) - 1
        return (
            self.positions[piece]
            - (self.times[piece] - elapsed_ns) * self.denominators[piece] // self.numerators[piece]
        )


@lru_cache(maxsize=64)
def curve_of(rate: Rate) -> RateCurve:
    """Return the curve of a rate.

    Raises:
        ValueError: The rate plans nothing, or a leg is too short or too slow.
    """
    legs = () if isinstance(rate, int | float) else rate
    for leg in legs:
        if min(leg.start, leg.end) < LEAST_RATE or leg.seconds < SHORTEST_LEG:
            raise ValueError(f"a leg needs {LEAST_RATE}/s and {SHORTEST_LEG} s at least: {leg}")
    final = rate if isinstance(rate, int | float) else rate[-1].end if rate else 0.0
    held = Fraction(final).limit_denominator(_FINEST)
    if held <= 0:
        raise ValueError(f"a rate of {final} per second plans nothing")
    points = [(0, 0)]
    for leg in legs:
        points += _points(leg, *points[-1])
    fractions = [
        *(_reduced(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(points)),
        _reduced(NS * held.denominator, UNIT * held.numerator),
    ]
    return RateCurve(
        times=tuple(time for time, _ in points),
        positions=tuple(position for _, position in points),
        numerators=tuple(numerator for numerator, _ in fractions),
        denominators=tuple(denominator for _, denominator in fractions),
    )


def _points(leg: Leg, time: int, position: int) -> list[tuple[int, int]]:
    """Return the ends of a leg's pieces, for a leg that begins at this time and position."""
    start, end = (Fraction(rate).limit_denominator(_FINEST) for rate in (leg.start, leg.end))
    length = round(leg.seconds * NS)
    steps = 1 if start == end else min(_MOST_STEPS, -(-length // _STEP_NS))
    # Slots after t: start * t + (end - start) * t^2 / (2 * length), here over one denominator.
    common = math.lcm(start.denominator, end.denominator)
    first, gained = int(start * common), int((end - start) * common)
    over = 2 * length * common * NS
    ends = [length * step // steps for step in range(1, steps + 1)]
    return [(time + t, position + UNIT * (2 * first * length * t + gained * t * t) // over) for t in ends]


def _reduced(numerator: int, denominator: int) -> tuple[int, int]:
    divisor = math.gcd(numerator, denominator)
    return numerator // divisor, denominator // divisor
