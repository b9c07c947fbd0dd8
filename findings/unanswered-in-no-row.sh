#!/usr/bin/env bash
# wrk and siege: a request that never gets an answer is in no row.
#
# Expected: `wrk --timeout 1s` counts it under "timeout"; siege counts it as failed and lowers its availability.
# Happens: wrk counts a timeout when an answer arrives late, so one that never arrives is no timeout, no error and no
#   request. siege's `timeout = 1` does not cover the wait for an answer; `-t` ends the run and drops the request.
# Versions: wrk 4.1.0, siege 4.0.7 (Debian 12), seen 2026-11-29.
# Matters: a request that a dying pod has read and never answers is the loss to find. Both tools report none.
# Source: wrk's maintainer on what "timeout" counts: https://github.com/wg/wrk/issues/177
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
debs wrk=4.1.0-3+b2 libluajit-5.1-2=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1 siege=4.0.7-1+b1
start_faulty

expected "one request in ten hangs, so both tools report failures"
deb_run "$tmp/unpacked/usr/bin/wrk" -t1 -c4 -d4s --timeout 1s "http://127.0.0.1:$faulty/one-in-ten-hangs" >"$tmp/wrk.out"
read_by_server=$(requests_read GET/one-in-ten-hangs)
counted=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$tmp/wrk.out")
seen "wrk: the server read $read_by_server requests, four hang, wrk counts $counted" test $((read_by_server - counted)) -eq 4
seen "wrk: no line on errors" test -z "$(grep -E 'Socket errors|Non-2xx' "$tmp/wrk.out")"

printf 'timeout = 1\nconnection = close\njson_output = true\nlogging = false\n' >"$tmp/siegerc"
HOME=$tmp deb_run "$tmp/unpacked/usr/bin/siege" -R "$tmp/siegerc" -q -b -c2 -t4S "http://127.0.0.1:$faulty/one-in-ten-hangs" \
  >"$tmp/siege.out" 2>&1
read_by_server=$(($(requests_read GET/one-in-ten-hangs) - read_by_server))
counted=$(sed -n 's/.*"transactions":[^0-9]*\([0-9]*\).*/\1/p' "$tmp/siege.out")
seen "siege: the server read $read_by_server requests, siege counts $counted" test $((read_by_server - counted)) -eq 2
seen "siege: availability 100 %" grep -qE '"availability":\s+100.00' "$tmp/siege.out"
seen "siege: no failed transaction" grep -qE '"failed_transactions":\s+0[,$]?' "$tmp/siege.out"
