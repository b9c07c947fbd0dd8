#!/usr/bin/env bash
# numpy and pandas: with lost requests entered as infinite latencies, a percentile is NaN, and a limit on it passes.
#
# Expected: a request without an answer took infinitely long, so a p99 that lies among such requests is infinite.
# Happens: the default method interpolates by a difference, and infinity minus infinity is NaN.
#   With one lost request in 100 the p99 is infinite; with two or more it is NaN.
#   The only sign is a RuntimeWarning; `p99 > limit` is false.
#   method="lower", Python's statistics and polars return infinity.
# Versions: numpy 2.4.6, pandas 3.1.1, polars 2.1.0, seen 2026-11-30.
# Matters: the service-level check that refuses one lost request lets ten of a hundred pass.
# Source: https://github.com/numpy/numpy/issues/21091, https://numpy.org/doc/stable/reference/generated/numpy.quantile.html
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips numpy==2.4.6 pandas==3.1.1 polars==2.1.0
expected "100 requests of 10 ms, one to ten of them lost: the p99 is above 500 ms"
"$tmp/venv/bin/python" - <<'PY'
import math, statistics, warnings
import numpy as np
import pandas as pd
import polars as pl
from seen import seen

LIMIT = 500


def p99s(lost):
    """Return the p99 by numpy and by pandas, and the warnings that each gave."""
    latencies = [10.0] * (100 - lost) + [math.inf] * lost
    found = []
    for ask in (lambda: np.percentile(latencies, 99), lambda: pd.Series(latencies).quantile(0.99)):
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            found.append((float(ask()), len(given)))
    return latencies, *found


_, by_numpy, by_pandas = p99s(0)
seen(by_numpy == by_pandas == (10, 0), f"none lost: numpy {by_numpy[0]}, pandas {by_pandas[0]}")
_, by_numpy, by_pandas = p99s(1)
seen(by_numpy[0] == by_pandas[0] == math.inf, f"1 lost: numpy {by_numpy[0]}, pandas {by_pandas[0]}")
for lost in (2, 10):
    latencies, by_numpy, by_pandas = p99s(lost)
    for tool, (p99, given) in (("numpy", by_numpy), ("pandas", by_pandas)):
        seen(math.isnan(p99) and given > 0, f"{lost} lost: {tool} {p99}, with a warning")
    seen(not by_numpy[0] > LIMIT and not by_pandas[0] > LIMIT, f"{lost} lost: `p99 > {LIMIT}` is false")
    others = (
        float(np.percentile(latencies, 99, method="lower")),
        statistics.quantiles(latencies, n=100)[98],
        pl.Series(latencies).quantile(0.99, "linear"),
    )
    seen(others == (math.inf,) * 3, f"{lost} lost: numpy's method lower, statistics and polars: {others}")
PY
