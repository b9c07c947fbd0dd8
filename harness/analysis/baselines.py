"""Computes the usual range of a measure from earlier runs: a percentile, once there are enough of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Percentile of a baseline, in percent.
PERCENTILE = 95
#: Fewest runs of a baseline: with fewer, the percentile by nearest rank is the maximum.
LEAST_RUNS = 20
#: Most runs of a baseline, the latest ones: what is usual changes over the months.
MOST_RUNS = 100
BASELINE_RULE = (
    f"A baseline is the {PERCENTILE}th percentile, by nearest rank, of the last {MOST_RUNS} earlier runs with an "
    f"answer and the expected verdict. Fewer than {LEAST_RUNS} such runs are no baseline yet, since the percentile "
    "would be their maximum. A value above the baseline is a remark and never fails a build."
)


def percentile(values: Sequence[float]) -> float | None:
    """Return the percentile of a baseline by nearest rank; None if there are too few values."""
    if len(values) < LEAST_RUNS:
        return None
    return sorted(values)[math.ceil(PERCENTILE * len(values) / 100) - 1]
