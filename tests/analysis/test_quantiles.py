"""Percentiles in two passes: those of numpy to the last digit, whatever the values and the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.quantiles import Distribution

VALUES = st.lists(st.floats(-5, 1e12) | st.sampled_from([0.0, 1.0, 1.5]), max_size=200)


def measured(values: list[float], block: int, *percents: float) -> tuple[float, ...]:
    """Return the percentiles of values that come in blocks."""
    found, array = Distribution(percents), np.array(values, np.float64)
    parts = [array[first : first + block] for first in range(0, len(array), block)]
    for part in parts:
        found.add(part)
    for part in parts:
        found.collect(part)
    return found.percentiles()


@given(values=VALUES, block=st.integers(1, 60), percent=st.sampled_from([0, 1, 50, 90, 99, 99.9, 100]))
def test_percentiles_are_those_of_numpy(values: list[float], block: int, percent: float) -> None:
    """Also between two values, where the way of rounding matters."""
    result, largest = measured(values, block, percent, 100)

    assert result == (np.percentile(values, percent) if values else 0.0)
    assert largest == max(values, default=0.0)


def test_a_second_pass_over_other_values_is_refused() -> None:
    """A ledger that changes between both passes has no percentile."""
    found = Distribution((50,))
    found.add(np.array([1.0, 2.0, 3.0]))
    found.collect(np.array([1.0, 3.0]))

    with pytest.raises(ValueError, match="other values"):
        found.percentiles()
