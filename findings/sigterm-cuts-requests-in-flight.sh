#!/usr/bin/env bash
# waitress and uWSGI: SIGTERM cuts the requests in flight; uWSGI then starts again and goes on serving.
#
# Expected: a WSGI server for production ends on SIGTERM as gunicorn does: it finishes what is in flight, then exits.
# Happens: waitress-serve has no handler for the signal and dies at once. uWSGI with --master takes SIGTERM as "reload":
#   it kills its workers without waiting, executes itself again and answers new requests until SIGKILL.
# Versions: waitress 3.0.2, uWSGI 2.0.30 (the PyPI package pyuwsgi), seen 2026-11-29.
# Matters: each rolling update loses what is in flight. A uWSGI pod also uses up its whole grace period and is killed
#   with the requests that it has taken since.
# Source: https://uwsgi-docs.readthedocs.io/en/latest/ThingsToKnow.html (on SIGTERM and die-on-term)
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips waitress==3.0.2 pyuwsgi==2.0.30.post1
packages=$(echo "$tmp"/venv/lib/python3*/site-packages)
expected "SIGTERM with a request of 2 s in flight: it is answered, then the process ends"
"$tmp/venv/bin/python" - "$tmp/venv/bin" "$here" "$packages" <<'PY'
import os, signal, sys, time
from raw import Raw
from seen import seen
from server import free_port, running, wait_for
programs, folder, packages = sys.argv[1:]

port = free_port()
with running([f"{programs}/waitress-serve", "--listen", f"127.0.0.1:{port}", "app:wsgi"], port, folder) as server:
    slow = Raw(port)
    slow.send(path="/sleep/2")
    time.sleep(0.5)
    server.send_signal(signal.SIGTERM)
    seen(slow.answer().status == 0 and server.wait(5) == -signal.SIGTERM, "waitress: the request is cut; killed by the signal")

port = free_port()
command = [f"{programs}/uwsgi", "--master", "--http11-socket", f"127.0.0.1:{port}", "--module", "app:wsgi", "--processes", "2"]
with running(command, port, folder, {"PYTHONPATH": f"{folder}:{packages}"}) as server:
    slow = Raw(port)
    slow.send(path="/sleep/2")
    time.sleep(0.5)
    server.send_signal(signal.SIGTERM)
    seen(slow.answer().status == 0, "uWSGI: the request is cut")
    time.sleep(3)
    wait_for(port)
    seen(server.poll() is None and Raw(port).ask().status == 200, "uWSGI: 3 s after SIGTERM the same process answers new requests")
PY
