"""A server that loses one in twenty requests: it reads them and closes the connection without an answer.

Start it with ``python -m bench.dropping PORT``. ``GET /-/count`` returns its counts, and is not counted itself.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any

import gevent
import gevent.event
from gevent.server import StreamServer

from bench.servers import ADDRESS, BODY

#: One in ``EVERY`` requests is lost.
EVERY = 20
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b"
_OK = _ANSWER % (len(BODY), BODY.encode())


class Dropping:
    """The server's behaviour and its counts."""

    def __init__(self) -> None:
        self.requests = 0
        self.dropped = 0

    def handle(self, connection: Any, _address: Any) -> None:
        """Serve one connection to its end."""
        buffer = b""
        try:
            while data := connection.recv(65536):
                buffer += data
                while (end := _end_of_request(buffer)) > 0:
                    request, buffer = buffer[:end], buffer[end:]
                    answer = self._answer(request)
                    if not answer:
                        return
                    connection.sendall(answer)
        except OSError:
            return
        finally:
            connection.close()

    def _answer(self, request: bytes) -> bytes:
        if request.startswith(b"GET /-/count "):
            body = json.dumps({"requests": self.requests, "dropped": self.dropped}).encode()
            return _ANSWER % (len(body), body)
        self.requests += 1
        if self.requests % EVERY:
            return _OK
        self.dropped += 1
        return b""


def _end_of_request(buffer: bytes) -> int:
    """Return the end of the first request in the buffer; 0 if it is not complete yet."""
    head = buffer.find(b"\r\n\r\n") + 4
    if head < 4:
        return 0
    lower = buffer[:head].lower()
    at = lower.find(b"\r\ncontent-length:")
    length = int(lower[at + 17 : lower.index(b"\r\n", at + 2)]) if at >= 0 else 0
    return head + length if len(buffer) >= head + length else 0


def main() -> None:
    """Serve until SIGTERM."""
    ended = gevent.event.Event()
    gevent.signal_handler(signal.SIGTERM, ended.set)
    server = StreamServer((ADDRESS, int(sys.argv[1])), Dropping().handle, backlog=1024)
    server.start()
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main()
