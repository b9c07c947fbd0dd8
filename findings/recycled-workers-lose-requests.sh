#!/usr/bin/env bash
# uvicorn and hypercorn: recycling workers after N requests loses requests, with no deploy at all.
#
# Expected: --limit-max-requests (uvicorn) and --max-requests (hypercorn) do what gunicorn's --max-requests does: the
#   worker's last answers say "Connection: close", and no client loses a request.
# Happens: they close kept connections without announcing it. A client that sends its next request at that moment gets a
#   closed connection, and a proxy must not repeat a POST. gunicorn loses none in the same test.
# Versions: uvicorn 0.54.0 (2 workers), hypercorn 0.18.0 (2 workers), gunicorn 27.0.1 (gthread, 2 workers), seen 2026-11-29.
# Matters: the recycling goes on during a rollout and its losses are blamed on the rollout. A control run without a
#   change shows them.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips uvicorn==0.54.0 hypercorn==0.18.0 gunicorn==27.0.1
expected "8 clients with kept connections, a worker recycled every 200 requests: nothing lost"
"$tmp/venv/bin/python" - "$tmp/venv/bin" "$here" <<'PY'
import sys, threading, time
from raw import Raw
from seen import seen
from server import free_port, running

def load(port, seconds):
    """Send POSTs on 8 kept connections without a retry; return how many were answered and lost on a used connection."""
    counts, end, lock = {"answered": 0, "lost": 0}, time.monotonic() + seconds, threading.Lock()

    def client():
        connection, used = None, False
        while time.monotonic() < end:
            try:
                connection, used = connection or Raw(port), connection is not None
            except OSError:
                time.sleep(0.05)
                continue
            answer = connection.ask("POST", "/", b"x")
            with lock:
                counts["answered"] += answer.status == 200
                counts["lost"] += answer.status == 0 and used
            if answer.status == 0 or b"connection: close" in answer.head.lower():
                connection.close()
                connection = None

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts

for name, command in {
    "uvicorn": "uvicorn --workers 2 --limit-max-requests 200 --log-level critical --port PORT app:asgi",
    "hypercorn": "hypercorn -w 2 --max-requests 200 -b 127.0.0.1:PORT app:asgi",
    "gunicorn": "gunicorn -w 2 -k gthread --threads 8 --max-requests 200 -b 127.0.0.1:PORT app:wsgi",
}.items():
    port = free_port()
    with running([f"{sys.argv[1]}/{command.split()[0]}", *command.replace("PORT", str(port)).split()[1:]], port, sys.argv[2]):
        counts = load(port, 8)
    holds = counts["answered"] > 600 and (counts["lost"] == 0 if name == "gunicorn" else counts["lost"] >= 3)
    seen(holds, f"{name}: {counts['answered']} answered, {counts['lost']} lost on kept connections")
PY
