#!/usr/bin/env bash
# uvicorn, granian and gunicorn: the access log says 200 for an answer that the server broke off.
#
# Expected: an access line is written when the answer is over, and shows in some way that the body was cut.
# Happens: the handler raises in the middle of a chunked body, the client gets an error, and the access log has an
#   ordinary line with 200. hypercorn writes "-" for the status.
# Versions: uvicorn 0.54.0, granian 2.8.9, gunicorn 27.0.1 (sync and gthread), hypercorn 0.18.0, seen 2026-11-29.
# Matters: nginx and Traefik log 200 for such an answer too. If the application's log agrees with the gateway's, both
#   are wrong, and only the client's account shows the loss.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips uvicorn==0.54.0 granian==2.8.9 gunicorn==27.0.1 hypercorn==0.18.0
expected "a body that the server breaks off: no line that says 200"
"$tmp/venv/bin/python" - "$tmp" "$here" <<'PY'
import sys, time
from pathlib import Path
from raw import Raw
from seen import seen
from server import free_port, running
tmp, folder = sys.argv[1:]
servers = {
    "uvicorn": "uvicorn --port PORT app:asgi",
    "granian": "granian --interface asgi --port PORT --access-log app:asgi",
    "gunicorn sync": "gunicorn --access-logfile - -b 127.0.0.1:PORT app:wsgi",
    "gunicorn gthread": "gunicorn --access-logfile - -k gthread -b 127.0.0.1:PORT app:wsgi",
    "hypercorn": "hypercorn --access-logfile - -b 127.0.0.1:PORT app:asgi",
}
for name, command in servers.items():
    port, log = free_port(), Path(tmp, f"{name}.log")
    shell = f"exec {tmp}/venv/bin/{command.replace('PORT', str(port))} >'{log}' 2>&1"
    with running(["bash", "-c", shell], port, folder):
        answer = Raw(port).ask(path="/breaks")
        time.sleep(1)
    line = next(line for line in log.read_text().splitlines() if "GET /breaks" in line)
    cut = answer.status == 200 and answer.ended in ("closed", "reset")
    after = line.split("GET /breaks")[1]
    if name == "hypercorn":
        seen(cut and " 200" not in after and " - " in after, f"{name}: the client's answer is cut; no status in the log")
    else:
        seen(cut and " 200" in after, f"{name}: the client's answer is cut; the log says 200")
PY
