#!/usr/bin/env bash
# http-proxy and http-proxy-middleware (Node.js): a cut body is never ended, or is filled up with an error text.
#
# Expected: when the backend cuts a body, the proxy closes the client's connection.
# Happens: http-proxy leaves the answer unfinished and the connection open: the client waits for its own timeout. If
#   the backend resets the connection, the error handler runs, and the usual `response.end("...")` in it, which is
#   http-proxy-middleware's own default too, writes the text behind the half body: the client sees 200 with a whole body.
# Versions: http-proxy 1.18.1, http-proxy-middleware 4.2.1, Node.js 20 and later, seen 2026-11-29.
# Matters: development proxies and many gateways are made of these. A killed pod gives an answer of the right length with
#   a status of 200, half data and half error text, and left-over text on a connection that is used again.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
npms http-proxy@1.18.1 http-proxy-middleware@4.2.1 express@5.2.1
start_faulty
cat >"$tmp/proxies.js" <<'JS'
const [faulty, plain, middleware] = process.argv.slice(2).map(Number);
const target = `http://127.0.0.1:${faulty}`;
const proxy = require("http-proxy").createProxyServer({ target });
proxy.on("error", (error, request, response) => {
  if (!response.headersSent) response.writeHead(502, { "Content-Type": "text/plain" });
  response.end("the backend failed");
});
proxy.listen(plain, "127.0.0.1");
const app = require("express")();
app.use(require("http-proxy-middleware").createProxyMiddleware({ target }));
app.listen(middleware, "127.0.0.1");
JS
plain=$(free_port)
middleware=$(free_port)
start proxies node "$tmp/proxies.js" "$faulty" "$plain" "$middleware"
wait_port "$plain"
wait_port "$middleware"

expected "half a body, then the connection closes"
echo "versions: Node.js $(node --version)"
python3 - "$plain" "$middleware" <<'PY'
import sys
from raw import Raw
from seen import seen
plain, middleware = map(int, sys.argv[1:])
for name, port in (("http-proxy", plain), ("http-proxy-middleware", middleware)):
    seen(str(Raw(port).ask(path="/whole")) == "200, whole", f"{name}: whole body: 200, whole")
    answer = Raw(port).ask(path="/cut-by-reset")
    text = answer.body.decode()
    seen(str(answer) == "200, whole" and text.startswith("01234") and len(text) == 10 and "56789" not in text, f"{name}: body cut by a reset: {answer}, body {text!r}")
for path in ("/cut", "/cut-chunked"):
    answer = Raw(plain, timeout=10).ask(path=path)
    seen(answer.status == 200 and answer.ended == "silent" and b"01234" in answer.body, f"http-proxy: {path}: {answer} after 10 s")
    answer = Raw(middleware, timeout=10).ask(path=path)
    seen(answer.status == 200 and answer.ended == "closed", f"http-proxy-middleware: {path}: {answer}")
PY
