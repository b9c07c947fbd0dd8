#!/usr/bin/env bash
# hypercorn: a request that outlives the graceful timeout is answered 500, whole and well formed.
#
# Expected: the connection is closed without an answer, as other servers do, so that clients and proxies see a cut
#   connection (502 at the proxy); or 503.
# Happens: the handler is cancelled and the server answers "500", with a length of 0, and closes.
# Versions: hypercorn 0.18.0, seen 2026-11-29.
# Matters: a loss by the rollout looks like a fault of the application: proxies pass 500 on and do not retry it, and
#   reports that sort losses by status blame the code.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips hypercorn==0.18.0
expected "SIGTERM with a request of 10 s in flight and 1 s of grace: the connection is closed unanswered"
"$tmp/venv/bin/python" - "$tmp/venv/bin/hypercorn" "$here" <<'PY'
import signal, sys, time
from raw import Raw
from seen import seen
from server import free_port, running
port = free_port()
with running([sys.argv[1], "--graceful-timeout", "1", "-b", f"127.0.0.1:{port}", "app:asgi"], port, sys.argv[2]) as server:
    slow = Raw(port)
    slow.send(path="/sleep/10")
    time.sleep(0.5)
    start = time.monotonic()
    server.send_signal(signal.SIGTERM)
    answer = slow.answer(8)
    took = time.monotonic() - start
    seen(answer.status == 500 and answer.ended == "whole" and 0.8 < took < 5, f"after {took:.1f} s: {answer}")
    seen(b"content-length: 0" in answer.head.lower(), "with an empty body")
    seen(server.wait(8) == 0, "exit code 0")
PY
