"""Delay profiles: samples keep to what was measured."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.local.profiles import PROFILES, Delay, Profile


def test_samples_keep_minimum_median_and_maximum() -> None:
    """Half of many samples lie below the median, none outside the bounds."""
    delay = Delay(0.003, 0.033, 0.44)
    rng = random.Random(7)

    samples = [delay.sample(rng) for _ in range(4001)]

    assert statistics.median(samples) == pytest.approx(0.033, abs=0.003)
    assert min(samples) >= 0.003
    assert 0.3 < max(samples) <= 0.44


def test_equal_seeds_give_equal_delays() -> None:
    """A cluster can be repeated with its seed."""
    delay = Delay(0.1, 0.2, 0.9)

    assert delay.sample(random.Random(3)) == delay.sample(random.Random(3))


@given(st.floats(0, 3))
def test_what_passes_anyway_is_taken_off_but_never_below_zero(seconds: float) -> None:
    """A delay lessened by any time stays in order."""
    less = Delay(0.05, 0.5, 1.0).less(seconds)

    assert 0 <= less.min <= less.median <= less.max


def test_numbers_out_of_order_are_refused() -> None:
    """A median above the maximum is a mistake."""
    with pytest.raises(ValueError, match="min <= median <= max"):
        Delay(0, 2, 1)


def test_profiles_are_found_by_name() -> None:
    """Both profiles are there; another name is a KeyError."""
    assert Profile.by_name("kind") is PROFILES["kind"]
    assert Profile.by_name("instant").startup == Delay(0, 0, 0)
    with pytest.raises(KeyError):
        Profile.by_name("nobody")
