"""Tests of intervals and tests of shares, with published tables and with their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.proportions import at_least, clopper_pearson, two_proportions


@pytest.mark.parametrize(
    ("hits", "count", "confidence", "low", "high"),
    [
        (0, 10, 0.95, 0.0, 0.3084971),
        (10, 10, 0.95, 0.6915029, 1.0),
        (5, 10, 0.95, 0.1870860, 0.8129140),
        (1, 20, 0.95, 0.0012651, 0.2487328),
        (0, 0, 0.99, 0.0, 1.0),
    ],
)
def test_intervals_of_published_tables(hits: int, count: int, confidence: float, low: float, high: float) -> None:
    """These are the usual Clopper-Pearson limits."""
    found = clopper_pearson(hits, count, confidence)

    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize("confidence", [0.5, 0.99, 1 - 1e-6])
@pytest.mark.parametrize("count", [1, 37, 1000])
def test_intervals_without_a_hit_are_known_in_closed_form(count: int, confidence: float) -> None:
    """For 0 successes, the upper limit makes that many failures as likely as one tail."""
    highest = 1 - ((1 - confidence) / 2) ** (1 / count)

    assert clopper_pearson(0, count, confidence).high == pytest.approx(highest, abs=2e-9)
    assert clopper_pearson(count, count, confidence).low == pytest.approx(1 - highest, abs=2e-9)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 400), st.data())
def test_each_tail_has_half_of_the_rest(count: int, data: st.DataObject) -> None:
    """The binomial tails at both ends are added up term by term, as in the definition."""
    hits = data.draw(st.integers(0, count))
    found = clopper_pearson(hits, count, 0.99)

    def probability(k: int, share: float) -> float:
        return math.comb(count, k) * share**k * (1 - share) ** (count - k)

    assert found.low <= hits / count <= found.high
    if hits:
        above = math.fsum(probability(k, found.low) for k in range(hits, count + 1))
        assert above == pytest.approx(0.005, rel=1e-4)
    if hits < count:
        below = math.fsum(probability(k, found.high) for k in range(hits + 1))
        assert below == pytest.approx(0.005, rel=1e-4)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2_000_000), st.floats(0.0, 1.0), st.floats(0.5, 0.999))
def test_intervals_are_mirrored_and_widen(count: int, part: float, confidence: float) -> None:
    """Successes and failures have mirrored intervals, and a higher confidence has a wider one."""
    hits = round(count * part)
    one, other = clopper_pearson(hits, count, confidence), clopper_pearson(count - hits, count, confidence)
    wide = clopper_pearson(hits, count, 1 - 1e-6)

    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-8)
    assert wide.low <= one.low <= one.high <= wide.high


def test_the_true_share_is_missed_as_rarely_as_promised() -> None:
    """Of 2,000 made-up shares of 10 %, about 1 in 100 lies outside its interval at 99 %."""
    drawn = np.random.default_rng(1).binomial(1000, 0.1, size=2000)
    outside = sum(
        not found.low <= 0.1 <= found.high
        for found in (clopper_pearson(int(hits), 1000, 0.99) for hits in drawn.tolist())
    )

    assert 0 < outside <= 30


def test_a_wrong_share_of_ten_thousand_is_found() -> None:
    """Chance gives 12 % in place of 10 % less than once in a million times, but 10.5 % more often."""
    assert clopper_pearson(1200, 10_000, 1 - 1e-6).low > 0.1
    assert clopper_pearson(1050, 10_000, 1 - 1e-6).low < 0.1


@pytest.mark.parametrize(("hits", "count"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(hits: int, count: int) -> None:
    """These are more successes than trials, and negative numbers."""
    with pytest.raises(ValueError, match="of 3"):
        clopper_pearson(hits, count, 0.99)


def test_at_least_is_the_binomial_tail() -> None:
    """It is compared with known numbers."""
    assert at_least(3, 10, 0.5) == pytest.approx(968 / 1024)
    assert (at_least(0, 10, 0.0), at_least(11, 10, 1.0), at_least(1, 10, 0.0), at_least(10, 10, 1.0)) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("first", "second", "p_value", "method"),
    [
        ((45, 100), (60, 100), 0.03367, "z"),
        ((3, 4), (1, 4), 0.48571, "fisher"),
        ((8, 10), (1, 10), 0.00548, "fisher"),
        ((10, 10), (10, 10), 1.0, "fisher"),
        ((0, 0), (3, 9), 1.0, "fisher"),
        ((500, 1000), (500, 1000), 1.0, "z"),
    ],
)
def test_two_shares_are_compared(first: tuple[int, int], second: tuple[int, int], p_value: float, method: str) -> None:
    """Both tests give known values; the exact one is used if an expected count is below five."""
    for found, by in (two_proportions(first, second), two_proportions(second, first)):
        assert found == pytest.approx(p_value, abs=1e-5)
        assert by == method
