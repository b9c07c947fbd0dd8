"""Answer ``slow-v1``, after the ``delay`` that the query asks for; end at SIGTERM without finishing any answer."""

from __future__ import annotations

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_TEXT = b"slow-v1\n"


class _Answers(BaseHTTPRequestHandler):
    """Answer every path and both methods."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer after the delay."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = parse_qs(urlsplit(self.path).query).get("delay", ["0s"])[0]
        time.sleep(float(asked.removesuffix("s")))  # the client asks for this delay
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(_TEXT)))
        self.end_headers()
        self.wfile.write(_TEXT)

    def do_POST(self) -> None:
        """Answer as to a GET."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Write no log."""


class _Server(ThreadingHTTPServer):
    """A server whose threads do not keep the process alive."""

    daemon_threads = True
    request_queue_size = 128


def _end(*_: object) -> None:
    """End at once: without a handler, the first process of a container ignores SIGTERM."""
    os._exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    _Server((sys.argv[1], int(sys.argv[2])), _Answers).serve_forever()
