#!/usr/bin/env bash
# gunicorn, hypercorn and uvicorn --workers: connections made while they drain are accepted, then reset.
#
# Expected: after SIGTERM a server that finishes its requests in flight closes its listening socket at once, so that
#   a new connection is refused and a proxy can try another pod.
# Happens: the socket stays open until the last request in flight ends, and nobody accepts. The kernel completes each
#   connection and takes the request; all are reset at the end. uvicorn with one process and granian do refuse.
# Versions: gunicorn 27.0.1 (sync and gthread), hypercorn 0.18.0, uvicorn 0.54.0 (--workers 2), granian 2.8.9,
#   seen 2026-11-29.
# Matters: a TCP check of the port still passes. One slow request turns each request that still reaches the pod into a
#   reset after seconds, which a proxy must not send again. A preStop sleep has to cover all the time in which traffic
#   arrives.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips gunicorn==27.0.1 hypercorn==0.18.0 uvicorn==0.54.0 granian==2.8.9
expected "SIGTERM with a request of 4 s in flight: it is served, and new connections are refused"
"$tmp/venv/bin/python" - "$tmp/venv/bin" "$here" <<'PY'
import signal, subprocess, sys, time
from raw import Raw
from server import free_port, running
from seen import seen

def drain(*command):
    port = free_port()
    with running([f"{sys.argv[1]}/{command[0]}", *(part.replace("PORT", str(port)) for part in command[1:])], port, sys.argv[2]) as server:
        slow = Raw(port)
        slow.send(path="/sleep/4")
        time.sleep(0.5)
        server.send_signal(signal.SIGTERM)
        time.sleep(1)
        refused, taken = 0, []
        for _ in range(10):
            try:
                taken.append(Raw(port))
                taken[-1].send()
            except OSError:
                refused += 1
            time.sleep(0.1)
        served = slow.answer(10).status == 200
        ends = [late.answer(10) for late in taken]
    return served, refused, sum(end.status == 0 for end in ends)

late = {
    "gunicorn sync": ("gunicorn", "-b", "127.0.0.1:PORT", "app:wsgi"),
    "gunicorn gthread": ("gunicorn", "-k", "gthread", "--threads", "4", "-b", "127.0.0.1:PORT", "app:wsgi"),
    "hypercorn": ("hypercorn", "--graceful-timeout", "20", "-b", "127.0.0.1:PORT", "app:asgi"),
    "uvicorn --workers 2": ("uvicorn", "--workers", "2", "--port", "PORT", "app:asgi"),
}
for name, command in late.items():
    served, refused, lost = drain(*command)
    seen(served and refused == 0 and lost >= 9, f"{name}: the slow request is served; of 10 new ones 0 refused, {lost} closed unanswered")
for name, command in {
    "uvicorn": ("uvicorn", "--port", "PORT", "app:asgi"),
    "granian": ("granian", "--interface", "asgi", "--port", "PORT", "app:asgi"),
}.items():
    served, refused, lost = drain(*command)
    seen(served and refused == 10, f"{name}: the slow request is served; 10 new ones refused")
PY
