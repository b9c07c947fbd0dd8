"""The application of the timeline cases: says in its log when it starts, opens, is asked, gets a signal and ends.

It is run as ``python3 -c``, so that an image with Python is all that a cluster needs. Its environment says how it
behaves; ``OPTIONS`` lists the names.
"""

from __future__ import annotations

from typing import Any

#: Environment variables of the application, with what they do.
OPTIONS = {
    "OPEN": "seconds from its start until it listens",
    "FAIL": "paths that answer 500 for some seconds after the start: /ready:2-5,/live:3-",
    "SLOW": "paths that answer late: /ready:3",
    "MOVED": "a path that answers 302 to /elsewhere",
    "EXIT": "ends by itself, SECONDS:CODE",
    "TERM": "what SIGTERM does: exit, ignore, SECONDS:CODE",
    "PORT": "where it listens",
}

SCRIPT = r"""
import os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
began, get = time.time(), os.environ.get
def say(*words): sys.stdout.write("%.3f %s\n" % (time.time(), " ".join(words))); sys.stdout.flush()
def table(name): return dict(entry.split(":") for entry in get(name, "").split(",") if entry)
def end(code): say("end"); os._exit(code)
def later(seconds, code): threading.Timer(float(seconds), end, (int(code),)).start()
fails, slow = table("FAIL"), table("SLOW")
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        path = self.path.partition("?")[0]
        say("GET", path, self.headers.get("User-Agent", "-"))
        time.sleep(float(slow.get(path, 0)))
        first, _, last = fails.get(path, "1e9-").partition("-")
        code = 500 if float(first) <= time.time() - began < float(last or 1e9) else 200
        if path == get("MOVED"): code = 302
        body = b"ok\n"
        self.send_response(code)
        if code == 302: self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *words): pass
class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128
def on_term(number, frame):
    say("TERM")
    how = get("TERM", "exit")
    if how == "exit": end(0)
    elif how != "ignore": later(*how.split(":"))
signal.signal(signal.SIGTERM, on_term)
say("start")
if get("EXIT"): later(*get("EXIT").split(":"))
time.sleep(float(get("OPEN", "0")))
server = Server((get("POD_IP", ""), int(get("PORT", "8080"))), Handler)
say("open")
server.serve_forever()
"""


def container(name: str = "app", **options: str) -> dict[str, Any]:
    """Return a container that runs the application; ``PYTHON`` and ``IMAGE`` are the cluster's."""
    env = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    env += [{"name": key, "value": value} for key, value in options.items()]
    return {
        "name": name,
        "image": "IMAGE",
        "imagePullPolicy": "IfNotPresent",
        "command": ["PYTHON", "-S", "-E", "-c", SCRIPT],
        "env": env,
    }
