"""Computes the smallest difference of two shares that a comparison of given size finds.

A comparison without a difference means little unless the reader knows which difference it would have found.
A comparison looks twice: a first look chooses the cells to repeat, and the repetitions alone decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from harness.analysis.proportions import fisher

#: Highest probability that a comparison raises an alarm although the change has no effect.
LEVEL = 0.05
#: Probability with which the smallest difference is found.
POWER = 0.8
#: Steps of bisection: to a thousandth of a percentage point.
_HALVINGS = 17


@dataclass(frozen=True, slots=True)
class ComparisonSize:
    """The numbers of transitions of a comparison of one cell.

    Attributes:
        before: Transitions of the first side at the first look.
        after: Transitions of the second side at the first look.
        repetitions: Transitions of each side that are added if the first look differs; 0 if the first look decides.
        level: Highest probability at which chance counts as excluded.
    """

    before: int
    after: int
    repetitions: int = 0
    level: float = LEVEL


def looks_different(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return True if a first look at two sides, each (lossy, count), is a reason to repeat the cell.

    That is so if one side lost requests and the other did not, or if chance hardly explains the difference.
    """
    if not first[1] or not second[1]:
        return False
    return (first[0] > 0) is not (second[0] > 0) or fisher(first, second) <= LEVEL


@cache
def smallest_difference(size: ComparisonSize, share: float, power: float = POWER) -> float | None:
    """Return the smallest true rise of a share that is found with a given probability; from 1, the smallest fall.

    Args:
        size: The size of the comparison.
        share: True share of lossy transitions of the first side, 0 to 1.
        power: The probability.

    Returns:
        The difference, 0 to 1; None if even the largest difference is found less often.
    """
    end = 0.0 if share >= 1.0 else 1.0

    def chance(part: float) -> float:
        return _chance(size, share, share + part * (end - share))

    if chance(1.0) < power:
        return None
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if chance(middle) < power:
            low = middle
        else:
            high = middle
    return high * abs(end - share)


def _chance(size: ComparisonSize, first: float, second: float) -> float:
    """Return the probability that a difference is found in its true direction, given the true shares of both sides."""
    if not size.repetitions:
        return _rejected(size.before, size.after, first, second, size.level)
    chosen = _chosen(size.before, size.after, first, second)
    return chosen * _rejected(size.repetitions, size.repetitions, first, second, size.level)


def _rejected(n: int, m: int, first: float, second: float, level: float) -> float:
    """Return the probability that the test excludes chance; a fall is the rise of the other share."""
    if second < first:
        first, second = 1 - first, 1 - second
    above = _tails(m, second)
    limits = enumerate(_limits(n, m, level))
    return math.fsum(_binomial(a, n, first) * above[limit] for a, limit in limits if limit is not None)


def _chosen(n: int, m: int, first: float, second: float) -> float:
    """Return the probability that the first look is a reason to repeat the cell."""
    return math.fsum(
        _binomial(a, n, first) * _binomial(b, m, second)
        for a in range(n + 1)
        for b in range(m + 1)
        if _is_chosen(a, n, b, m)
    )


@cache
def _is_chosen(a: int, n: int, b: int, m: int) -> bool:
    return looks_different((a, n), (b, m))


@cache
def _limits(n: int, m: int, level: float) -> tuple[int | None, ...]:
    """Return, for each number of lossy transitions of the first side, the lowest number of the second that is an alarm.

    It is None if no number is. The lowest number never falls as that of the first side rises, so each search begins
    where the last one ended.
    """
    found: list[int | None] = []
    b = 0
    for a in range(n + 1):
        while b <= m and (b * n <= a * m or fisher((a, n), (b, m)) > level):
            b += 1
        found.append(b if b <= m else None)
    return tuple(found)


def _tails(count: int, share: float) -> list[float]:
    """Return the probability of at least k successes, for each k from 0 to ``count``."""
    chances = [_binomial(k, count, share) for k in range(count + 1)]
    return [math.fsum(chances[k:]) for k in range(count + 1)]


def _binomial(hits: int, count: int, share: float) -> float:
    return math.comb(count, hits) * share**hits * (1 - share) ** (count - hits)
