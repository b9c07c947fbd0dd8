#!/usr/bin/env bash
# Python's statistics.quantiles: the p99 can be larger than every value, and the p1 smaller.
#
# Expected: a percentile of latencies lies between the smallest and the largest latency.
# Happens: the default method, "exclusive", extrapolates past the last value for few samples, in proportion to the gap
#   between the two largest: one slow request in ten gives a p99 of nearly twice its duration. A p1 can be negative.
#   method="inclusive" and numpy stay within the data.
# Versions: the standard library of Python 3.11 and later, numpy 2.4.6, seen 2026-11-29.
# Matters: a p99 over a deadline that no request missed fails a service-level check; two tools that share the data differ.
# Source: https://docs.python.org/3/library/statistics.html#statistics.quantiles
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips numpy==2.4.6
expected "ten requests, nine of 10 ms and one of 100 ms: the p99 is at most 100 ms"
"$tmp/venv/bin/python" - <<'PY'
import statistics, sys
import numpy as np
from seen import seen
print(f"versions: Python {sys.version.split()[0]}")
ms = [10.0] * 9 + [100.0]
p99 = statistics.quantiles(ms, n=100)[98]
seen(p99 > 180, f"p99 {p99:.1f} ms, the slowest request took {max(ms):.0f} ms")
p1 = statistics.quantiles([2.0, 40.0, 41.0, 42.0], n=100)[0]
seen(p1 < -30, f"p1 of 2, 40, 41 and 42 ms: {p1:.1f} ms")
inside = statistics.quantiles(ms, n=100, method="inclusive")[98], float(np.percentile(ms, 99))
seen(all(10 < q < 100 for q in inside), f"inclusive {inside[0]:.1f} ms, numpy {inside[1]:.1f} ms")
PY
