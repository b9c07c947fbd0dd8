"""Serve HTTP on loopback with one known fault per path, and count the requests that were read.

`faulty.py PORT` serves; `faulty.py PORT --count METHOD/path` prints the count of a server that runs.
"""

import collections
import http.client
import json
import socket
import struct
import sys
import threading
import time
from typing import BinaryIO

BODY = b"0123456789"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"
FAILED = OK.replace(b"200 OK", b"500 Internal Server Error")
# Longer than any finding runs.
HANG_S = 120


class Faulty:
    """A server whose path names the fault, counted with its query; usable as a thread of a Python part too."""

    def __init__(self, port: int = 0) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port: int = self._socket.getsockname()[1]

    def serve(self) -> None:
        """Accept connections until the process ends."""
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def start(self) -> "Faulty":
        """Serve in a thread."""
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def _talk(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as stream:
            try:
                served = 0
                while (target := read_request(stream)) is not None:
                    served += 1
                    if not self._answer(connection, target, served):
                        break
                connection.shutdown(socket.SHUT_WR)
            except (OSError, ValueError):
                return

    def _answer(self, connection: socket.socket, target: str, served: int) -> bool:
        """Answer one request; return whether the connection stays open."""
        path = target[target.index("/") :].partition("?")[0]
        if path == "/counts":
            body = json.dumps(self.counts).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return True
        with self._lock:
            self.counts[target] += 1
            count = self.counts[target]
        if path == "/one-in-ten-hangs" and count % 10 == 0:
            time.sleep(HANG_S)
            return False
        if path == "/one-in-a-hundred-is-slow":
            time.sleep(1 if count % 100 == 50 else 0.01)
        if path == "/slow":
            time.sleep(1)
        if path == "/one-in-two-closes" and count % 2 == 0:
            return False
        if path == "/closes-when-reused" and served > 1:
            return False
        if path == "/unavailable-once" and count == 1:
            connection.sendall(OK.replace(b"200 OK", b"503 Service Unavailable"))
            return True
        answers = {
            "/cut": (OK[:-5], False),
            "/cut-by-reset": (OK[:-5], False),
            "/cut-chunked": (CHUNKED, False),
            "/closes": (b"", False),
            "/fails": (FAILED, True),
            "/early-hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + OK, True),
        }
        answer, stays = answers.get(path, (OK, True))
        connection.sendall(answer)
        if path == "/cut-by-reset":
            # The peer has to read the part first: a reset drops what it has not read yet.
            time.sleep(0.2)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionResetError
        return stays


def read_request(stream: BinaryIO) -> str | None:
    """Return the method and path ("GET/cut") of the next request, its body consumed; None at the end."""
    line = stream.readline()
    if not line:
        return None
    method, path = line.decode().split()[:2]
    headers = {}
    while (header := stream.readline().strip()) != b"":
        name, _, value = header.decode().partition(":")
        headers[name.lower()] = value.strip()
    stream.read(int(headers.get("content-length", 0)))
    while headers.get("transfer-encoding") == "chunked" and stream.read(int(stream.readline(), 16) + 2) != b"\r\n":
        pass
    return method + path


def read_count(port: int, target: str) -> int:
    """Ask a running server how many requests it has read for METHOD/path."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/counts")
    return int(json.loads(connection.getresponse().read()).get(target, 0))


if __name__ == "__main__":
    if "--count" in sys.argv:
        print(read_count(int(sys.argv[1]), sys.argv[3]))
    else:
        Faulty(int(sys.argv[1])).serve()
