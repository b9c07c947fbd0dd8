"""A rate's course as whole numbers: how far a schedule has got at which nanosecond, and back.

Sender and judge must agree to the last slot, and the judge reckons with arrays of 64-bit integers, which know no root.
So a ramp is climbed in steps of a millisecond (10,000 at most): within each the rate is constant, and after each as
many slots have come as on the straight line. In between it is less than half a slot away from that.
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
#: Positions are counted in this part of a slot: what arrives at random lies between whole slots.
UNIT = 1 << 20
#: Rates are taken as fractions with at most this denominator: exact for all that people write.
_FINEST = 1000
#: The least rate, in attempts per second, and the shortest time, in seconds, of a leg.
LEAST_RATE, SHORTEST_LEG = 0.01, 0.01
#: The longest step of a ramp in nanoseconds, and the most steps that one is cut into.
_STEP_NS, _MOST_STEPS = 1_000_000, 10_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Positions over time, in pieces of constant rate; the last has no end. Tuples are parallel, one item per piece.

    Attributes:
        times: When each piece begins, in nanoseconds from the origin.
        positions: The position at that time, in ``UNIT`` parts of a slot.
        unders: With ``overs`` the piece's nanoseconds per position, as a fraction.
        overs: See ``unders``.
    """

    times: tuple[int, ...]
    positions: tuple[int, ...]
    unders: tuple[int, ...]
    overs: tuple[int, ...]

    def time_of(self, position: int) -> int:
        """Nanoseconds from the origin, rounded down, at which a position (0 or more) is reached."""
        piece = bisect_right(self.positions, position) - 1
        return self.times[piece] + (position - self.positions[piece]) * self.unders[piece] // self.overs[piece]

    def positions_until(self, elapsed_ns: int) -> int:
        """How many positions are reached before ``elapsed_ns``: the exact inverse of ``time_of``."""
        if elapsed_ns <= 0:
            return 0
        piece = bisect_left(self.times, elapsed_ns) - 1
        return self.positions[piece] - (self.times[piece] - elapsed_ns) * self.overs[piece] // self.unders[piece]


@lru_cache(maxsize=64)
def pace_of(rate: Rate) -> Pace:
    """The pace of a rate.

    Raises:
        ValueError: Nothing is planned by it, or a leg is too short or too slow to be one.
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
    return Pace(
        times=tuple(time for time, _ in points),
        positions=tuple(position for _, position in points),
        unders=tuple(under for under, _ in fractions),
        overs=tuple(over for _, over in fractions),
    )


def _points(leg: Leg, time: int, position: int) -> list[tuple[int, int]]:
    """Where the pieces of a leg end that begins at this time and position."""
    start, end = (Fraction(rate).limit_denominator(_FINEST) for rate in (leg.start, leg.end))
    length = round(leg.seconds * NS)
    steps = 1 if start == end else min(_MOST_STEPS, -(-length // _STEP_NS))
    # Slots after t: start * t + (end - start) * t^2 / (2 * length), here over one denominator.
    common = math.lcm(start.denominator, end.denominator)
    first, gained = int(start * common), int((end - start) * common)
    over = 2 * length * common * NS
    ends = [length * step // steps for step in range(1, steps + 1)]
    return [(time + t, position + UNIT * (2 * first * length * t + gained * t * t) // over) for t in ends]


def _reduced(under: int, over: int) -> tuple[int, int]:
    divisor = math.gcd(under, over)
    return under // divisor, over // divisor
