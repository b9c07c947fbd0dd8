"""Tests of the smallest difference that a comparison finds, with the definition and with counted outcomes."""

from __future__ import annotations

import math

import pytest

from harness.analysis.power import LEVEL, ComparisonSize, looks_different, smallest_difference
from harness.analysis.proportions import fisher


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        ((3, 4), (1, 4), 0.4857143),  # Fisher's tea
        ((2, 12), (15, 18), 0.0005367),  # convictions of twins
        ((1, 10), (11, 14), 0.0027594),
        ((0, 4), (4, 4), 2 / 70),
        ((1, 1), (0, 1), 1.0),
        ((0, 0), (3, 3), 1.0),
    ],
)
def test_fisher_gives_published_values(first: tuple[int, int], second: tuple[int, int], p: float) -> None:
    """The order of the sides does not matter."""
    assert fisher(first, second) == pytest.approx(p, abs=1e-6)
    assert fisher(second, first) == pytest.approx(p, abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "different"),
    [
        ((0, 1), (1, 1), True),
        ((1, 1), (0, 1), True),
        ((0, 5), (0, 5), False),
        ((5, 5), (5, 5), False),
        ((1, 10), (10, 10), True),
        ((1, 10), (2, 10), False),
        ((0, 0), (1, 1), False),
    ],
)
def test_a_first_look_chooses_what_changed(first: tuple[int, int], second: tuple[int, int], different: bool) -> None:
    """One side with losses, or more difference than chance explains; never a side without an answer."""
    assert looks_different(first, second) is different


@pytest.mark.parametrize("size", [ComparisonSize(10, 10), ComparisonSize(20, 12), ComparisonSize(3, 3, 10)])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_the_smallest_difference_is_found_with_the_power(size: ComparisonSize, share: float) -> None:
    """Count all outcomes of all looks at this difference; 1 point less is found less often."""
    found = smallest_difference(size, share)
    if found is None:
        assert chance(size, share, 0.0 if share == 1 else 1.0) < 0.8
        return
    sign = -1 if share == 1 else 1

    assert chance(size, share, share + sign * found) == pytest.approx(0.8, abs=0.001)
    assert chance(size, share, share + sign * (found - 0.01)) < 0.8


def test_too_few_transitions_find_nothing() -> None:
    """One trial on each side, or three, can't exclude chance; four can; repetitions of one can."""
    assert smallest_difference(ComparisonSize(1, 1), 0.0) is None
    assert smallest_difference(ComparisonSize(3, 3), 0.0) is None
    assert smallest_difference(ComparisonSize(4, 4), 0.0) is not None
    assert smallest_difference(ComparisonSize(1, 1, 10), 0.0) == pytest.approx(0.8, abs=0.01)
    assert smallest_difference(ComparisonSize(4, 4, level=LEVEL / 20), 0.0) is None


def chance(size: ComparisonSize, first: float, second: float) -> float:
    """Return the probability that the true direction is found, from the definition."""

    def outcomes(n: int, m: int) -> list[tuple[tuple[int, int], tuple[int, int], float]]:
        return [
            ((a, n), (b, m), binomial(a, n, first) * binomial(b, m, second)) for a in range(n + 1) for b in range(m + 1)
        ]

    def alarms(n: int, m: int) -> float:
        rising = second > first
        return math.fsum(
            p
            for old, new, p in outcomes(n, m)
            if fisher(old, new) <= size.level and (new[0] * n > old[0] * m) is rising
        )

    if not size.repetitions:
        return alarms(size.before, size.after)
    chosen = math.fsum(p for old, new, p in outcomes(size.before, size.after) if looks_different(old, new))
    return chosen * alarms(size.repetitions, size.repetitions)


def binomial(hits: int, count: int, share: float) -> float:
    """Return the probability of exactly so many successes."""
    return math.comb(count, hits) * share**hits * (1 - share) ** (count - hits)
