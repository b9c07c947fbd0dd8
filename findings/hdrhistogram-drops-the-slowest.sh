#!/usr/bin/env bash
# hdrhistogram (Python): a value above the range is dropped without an exception.
#
# Expected: an exception, or the value clamped to the highest one.
# Happens: record_value() returns False and nothing is recorded. Count, maximum and every percentile are those of the
#   faster requests.
# Versions: hdrhistogram 0.10.8, seen 2026-11-29.
# Matters: the histogram's range is set from the expected latencies, so exactly the timeouts of an outage are dropped:
#   the worse the outage, the better the percentiles.
# Source: https://github.com/HdrHistogram/HdrHistogram_py
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips hdrhistogram==0.10.8
expected "90 requests of 10 ms and 10 of 60 s in a histogram up to 30 s: an exception, or a p99 of 30 s"
"$tmp/venv/bin/python" - <<'PY'
from hdrh.histogram import HdrHistogram
from seen import seen
histogram = HdrHistogram(1, 30_000, 2)
kept = [histogram.record_value(ms) for ms in [10] * 90 + [60_000] * 10]
seen(kept.count(False) == 10, "no exception: record_value() returned False ten times")
seen(histogram.get_total_count() == 90, f"{histogram.get_total_count()} of 100 requests are counted")
seen(histogram.get_value_at_percentile(99) == 10 == histogram.get_max_value(), "p99 and maximum are 10 ms")
PY
