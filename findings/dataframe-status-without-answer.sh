#!/usr/bin/env bash
# pandas and polars: `status != 200` counts the requests without an answer, or not, by the column's storage.
#
# Expected: one expression gives one count of failed requests for one CSV file.
# Happens: with pandas' default storage a missing status is NaN, and NaN != 200 is true: three failures. With
#   dtype_backend="numpy_nullable" or "pyarrow", and in polars, the comparison is unknown and the row is filtered out:
#   one failure. `~(status == 200)` gives the same result, and the mean of the mask has another denominator too.
# Versions: pandas 3.1.1, polars 2.1.0, pyarrow 26.0.1, seen 2026-11-29.
# Matters: a lost request has no status. Moving an analysis to the faster storage removes the losses from its count.
# Source: https://pandas.pydata.org/docs/user_guide/integer_na.html
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1
expected "7 answered 200, 1 answered 503, 2 unanswered: 3 failures each time"
"$tmp/venv/bin/python" - <<'PY'
import io
import pandas as pd
import polars as pl
from seen import seen
csv = "id,status\n" + "".join(f"{i},200\n" for i in range(7)) + "7,503\n8,\n9,\n"
default = pd.read_csv(io.StringIO(csv))
seen(len(default[default.status != 200]) == 3, "pandas, default storage: 3 failures")
for backend in ("numpy_nullable", "pyarrow"):
    frame = pd.read_csv(io.StringIO(csv), dtype_backend=backend)
    seen(len(frame[frame.status != 200]) == 1 == len(frame[~(frame.status == 200)]), f"pandas, {backend}: 1 failure")
    rate = (frame.status != 200).mean()
    seen(abs(rate - 1 / 8) < 1e-9, f"pandas, {backend}: failure rate {rate:.3f}, of 8 requests")
frame = pl.read_csv(io.StringIO(csv))
seen(frame.filter(pl.col("status") != 200).height == 1 == frame.filter(~(pl.col("status") == 200)).height, "polars: 1 failure")
PY
