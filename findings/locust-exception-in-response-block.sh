#!/usr/bin/env bash
# Locust: an exception inside a `catch_response` block removes the request from the statistics.
#
# Expected: a request whose answer cannot be parsed, or fails an `assert`, is counted as a failure.
# Happens: any exception but Locust's own ResponseError leaves the block before the request is reported. It is neither
#   a success nor a failure: 0 requests, 0 failures, 0 %, and no failure rate. The exceptions table and the exit code 1
#   are all that is left.
# Versions: locust 2.47.0, HttpUser and FastHttpUser, seen 2026-11-29.
# Matters: `response.json()` on a gateway's 502 page raises, so the requests that were lost are the ones that vanish;
#   failure rates, CSV rows and percentiles hold the good ones only.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips locust==2.47.0
start_faulty
cat >"$tmp/locustfile.py" <<'PY'
from locust import FastHttpUser, HttpUser, constant, task

class Plain(HttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/whole")
        with self.client.get("/fails", catch_response=True) as answer:
            if answer.json()["status"] != "ok":
                answer.failure("not ok")

class Fast(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/whole")
        with self.client.get("/fails", catch_response=True) as answer:
            assert answer.status_code == 200
PY

expected "half the requests are answered 500: a failure rate of 50 %"
for user in Plain Fast; do
  before=$(requests_read GET/fails)
  code=0
  (cd "$tmp" && "$tmp/venv/bin/locust" -f locustfile.py --headless -u 2 -r 2 -t 3s --host "http://127.0.0.1:$faulty" \
    --json "$user" >"$user.json" 2>"$user.log") || code=$?
  python3 - "$tmp/$user.json" "$(($(requests_read GET/fails) - before))" "$code" "$user" <<'PY'
import json, sys
from seen import seen
rows = {r["name"]: r for r in json.load(open(sys.argv[1]))}
lost = int(sys.argv[2])
seen(lost > 10, f"{sys.argv[4]}: the server answered {lost} requests with 500")
seen("/fails" not in rows, f"{sys.argv[4]}: they have no row")
seen(rows["/whole"]["num_requests"] > 10 and rows["/whole"]["num_failures"] == 0, f"{sys.argv[4]}: the rows show 0 failures")
seen(sys.argv[3] == "1", f"{sys.argv[4]}: exit code 1")
PY
done
