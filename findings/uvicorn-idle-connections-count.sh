#!/usr/bin/env bash
# uvicorn --limit-concurrency: idle connections count, and the limit is one less than it says.
#
# Expected: "concurrency" counts requests in progress: with a limit of 5 and none in progress, a request is served.
# Happens: it counts open connections, idle ones included. With four idle keep-alive connections the fifth connection's
#   request gets 503, although no other request is in progress.
# Versions: uvicorn 0.54.0, seen 2026-11-29.
# Matters: a proxy's pool of idle connections, or a load generator's, fills the limit. A new pod in a rollout, with fewer
#   connections, is fine, and the old ones answer 503 at no load: it looks like an effect of the rollout.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips uvicorn==0.54.0
expected "limit 5, no request in work: all are served"
"$tmp/venv/bin/python" - "$tmp/venv/bin/uvicorn" "$here" <<'PY'
import sys, time
from raw import Raw
from seen import seen
from server import free_port, running
port = free_port()
with running([sys.argv[1], "--port", str(port), "--limit-concurrency", "5", "app:asgi"], port, sys.argv[2]):
    time.sleep(0.5)
    idle = [Raw(port) for _ in range(4)]
    first = [connection.ask().status for connection in idle]
    time.sleep(0.5)
    seen(first == [200] * 4, "four connections, one after another: 200, then idle")
    seen(Raw(port).ask().status == 503, "the fifth, with nothing in work: 503")
    idle.pop().close()
    time.sleep(0.5)
    seen(Raw(port).ask().status == 200, "after one idle connection is closed: 200")
PY
