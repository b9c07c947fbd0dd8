"""Computes exact confidence intervals of shares, and whether two shares differ by more than chance.

It is short enough to be read and compared with published tables, so no statistics library is needed for four
functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from harness.model.version_answers import Interval

#: Confidence level for reports.
USUAL = 0.99
#: Confidence level for verdicts: a run that is repeated every night for years does not fail by chance.
CERTAIN = 1 - 1e-6
#: Digits to keep; the last ones of a float differ between machines.
_DIGITS = 9
#: Lowest expected count in each of the four cells for the normal approximation (Cochran's rule).
_LEAST_EXPECTED = 5.0
#: Steps of bisection: more than a double has binary digits.
_HALVINGS = 60


def clopper_pearson(hits: int, count: int, confidence: float) -> Interval:
    """Return the exact (Clopper-Pearson) interval of a share; each tail has half of ``1 - confidence``.

    Args:
        hits: Number of successes.
        count: Number of trials; with 0 the interval is 0 to 1.
        confidence: Between 0 and 1.

    Raises:
        ValueError: ``hits`` is negative or greater than ``count``.
    """
    if not 0 <= hits <= count:
        raise ValueError(f"{hits} of {count}")
    tail = (1 - confidence) / 2
    low = _share_at(lambda p: at_least(hits, count, p), tail) if hits else 0.0
    high = _share_at(lambda p: at_least(count - hits, count, 1 - p), tail, falling=True) if hits < count else 1.0
    return Interval(round(low, _DIGITS), round(high, _DIGITS), confidence)


def at_least(hits: int, count: int, share: float) -> float:
    """Return the probability of at least ``hits`` successes in ``count`` trials with probability ``share`` each."""
    if hits <= 0:
        return 1.0
    return 0.0 if hits > count else _beta(hits, count - hits + 1, share)


def two_proportions(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, str]:
    """Return the probability that chance alone makes two shares differ as much (two-sided).

    Args:
        first: (hits, count).
        second: (hits, count).

    Returns:
        The probability and its method: ``z`` (pooled), or ``fisher`` if an expected count is too low.
    """
    (a, n), (b, m) = first, second
    if not n or not m:
        return 1.0, "fisher"
    hits, total = a + b, n + m
    least = min(n, m) * min(hits, total - hits) / total
    if least < _LEAST_EXPECTED:
        return round(fisher(first, second), _DIGITS), "fisher"
    pooled = hits / total
    z = (a / n - b / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return round(math.erfc(abs(z) / math.sqrt(2)), _DIGITS), "z"


def _share_at(tail_of: Callable[[float], float], tail: float, *, falling: bool = False) -> float:
    """Return the share at which a tail that rises (or falls) with the share has the given size."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (tail_of(middle) < tail) is not falling:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def fisher(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return the two-sided p-value of Fisher's exact test for two shares.

    It is the sum over all tables with the same margins that are at most as likely as this one.

    Args:
        first: (hits, count).
        second: (hits, count).
    """
    (a, n), (b, m) = first, second
    hits = a + b
    support = range(max(0, hits - m), min(hits, n) + 1)
    whole = _log_choose(n + m, hits)
    chances = [math.exp(_log_choose(n, k) + _log_choose(m, hits - k) - whole) for k in support]
    own = chances[a - support.start]
    return min(1.0, math.fsum(chance for chance in chances if chance <= own * (1 + 1e-7)))


def fisher_fewer(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return the one-sided p-value of Fisher's exact test that the second share is smaller.

    It is the probability of so few hits of the second, or fewer, if both shares are alike. It is computed in integers.

    Args:
        first: (hits, count).
        second: (hits, count).
    """
    (a, n), (b, m) = first, second
    hits, total = a + b, n + m
    ways = sum(math.comb(hits, k) * math.comb(total - hits, m - k) for k in range(b + 1) if m - k <= total - hits)
    return ways / math.comb(total, m) if total else 1.0


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function, with the continued fraction on the side of fast convergence."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction by Lentz's method.

    The number of steps grows with the square root of the larger of ``a`` and ``b``.
    """
    tiny, c, step = 1e-300, 1.0, 0
    d = 1 / _away(1 - (a + b) * x / (a + 1), tiny)
    value = d
    while True:
        step += 1
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        d, c = 1 / _away(1 + even * d, tiny), _away(1 + even / c, tiny)
        value *= d * c
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        d, c = 1 / _away(1 + odd * d, tiny), _away(1 + odd / c, tiny)
        value *= d * c
        if abs(d * c - 1) < 1e-15 or step > 10 * math.sqrt(a + b) + 1000:
            return value


def _away(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny
