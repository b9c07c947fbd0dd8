#!/usr/bin/env bash
# Prometheus: increase() and rate() are 0 for the failures that a series starts with.
#
# Expected: increase(requests_total{code="502"}[5m]) is about 40 after 40 requests failed.
# Happens: the series code="502" appears with its first scrape at 40. increase() needs two samples of the series and
#   sees no rise: 0. An alert on it, or an error ratio, stays quiet. Only failures after the first scrape count.
# Versions: Prometheus 2.42.0 (promtool of Debian 12), seen 2026-11-29.
# Matters: controllers create the label value at the first failure. A short outage in one scrape interval, which is what
#   a rolling update makes, is invisible until the same series rises again.
# Source: https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
debs prometheus=2.42.0+ds-5+deb12u1
cat >"$tmp/tests.yml" <<'Y'
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - {series: 'requests_total{code="200"}', values: '0+100x20'}
      - {series: 'requests_total{code="502"}', values: '_x10 40x10'}
      - {series: 'born_at_zero_total{code="502"}', values: '0x10 40x10'}
    promql_expr_test:
      - {expr: 'sum(requests_total{code="502"})', eval_time: 5m, exp_samples: [{labels: '{}', value: 40}]}
      - {expr: 'sum(increase(requests_total{code="502"}[5m]))', eval_time: 5m, exp_samples: [{labels: '{}', value: EXPECTED}]}
      - {expr: 'round(sum(increase(born_at_zero_total[5m])))', eval_time: 5m, exp_samples: [{labels: '{}', value: 40}]}
Y
expected "40 of about 2,000 requests failed: increase() is about 40"
for value in 0 40; do sed "s/EXPECTED/$value/" "$tmp/tests.yml" >"$tmp/$value.yml"; done
seen "the counter says 40, increase() says 0; of a counter that starts at 0 it says 40" \
  "$tmp/unpacked/usr/bin/promtool" test rules "$tmp/0.yml"
refused() { ! "$@" >/dev/null 2>&1; }
seen "promtool refuses the expected 40" refused "$tmp/unpacked/usr/bin/promtool" test rules "$tmp/40.yml"
