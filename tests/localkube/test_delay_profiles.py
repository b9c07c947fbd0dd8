"""Delays follow the measured distributions."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.profiles import PROFILES, Delay, Profile


def test_samples_are_distributed_as_measured() -> None:
    """Each share of samples lies below its quantile, two peaks stay two peaks, and no sample is out of bounds."""
    delay = Delay(0.9, 0.91, 1.7, 1.71, 2.4)
    rng = random.Random(7)

    samples = sorted(delay.sample(rng) for _ in range(4001))

    assert [samples[index] for index in (1000, 2000, 3000)] == pytest.approx([0.91, 1.7, 1.71], abs=0.1)
    assert statistics.mean(0.9 <= each <= 0.91 for each in samples) == pytest.approx(0.25, abs=0.03)
    assert samples[0] >= 0.9
    assert 2.3 < samples[-1] <= 2.4


def test_a_single_quantile_is_a_constant() -> None:
    """With one quantile every sample has that value."""
    assert Delay(0.5).sample(random.Random(1)) == 0.5


def test_equal_seeds_give_equal_delays() -> None:
    """The same seed gives the same delays, so a cluster can be repeated."""
    delay = Delay(0.1, 0.2, 0.9)

    assert delay.sample(random.Random(3)) == delay.sample(random.Random(3))


@given(st.floats(0, 3))
def test_a_reduced_delay_is_never_negative(seconds: float) -> None:
    """A delay reduced by any time keeps its order and stays at or above 0."""
    less = Delay(0.05, 0.5, 1.0).less(seconds)

    assert less.quantiles == tuple(sorted(less.quantiles))
    assert less.at(0.5) == pytest.approx(max(0, 0.5 - seconds))


@pytest.mark.parametrize("quantiles", [(0, 2, 1), (-1, 0), ()])
def test_invalid_quantiles_are_rejected(quantiles: tuple[float, ...]) -> None:
    """Quantiles out of order, negative quantiles and an empty list are errors."""
    with pytest.raises(ValueError, match="quantiles in ascending order"):
        Delay(*quantiles)


def test_profiles_are_found_by_name() -> None:
    """Both profiles are found; an unknown name is a KeyError."""
    assert Profile.by_name("kind") is PROFILES["kind"]
    assert Profile.by_name("instant").startup == Delay(0)
    with pytest.raises(KeyError):
        Profile.by_name("nobody")
