"""A server with known outages: ``python -m bench.outage_server PORT OUT MILLISECONDS…`` serves until SIGTERM.

During an outage it closes the connection of every request that it reads, without an answer. At other times it answers
at once. The first outage begins a second after the first request, and the others follow at slightly different
intervals. Its own clock at the time of reading a request decides. It writes the outages to a file at the end.
"""

from __future__ import annotations

import json
import random
import selectors
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic_ns

from bench.servers import ADDRESS

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
_NS = 1_000_000_000
#: Nanoseconds before the first outage, and between two outages.
LEAD, GAP = _NS, 150_000_000
#: Maximum random extension of the interval in nanoseconds, so that outages are not synchronous with the sender.
_JITTER = 20_000_000


@dataclass(slots=True)
class PlannedOutage:
    """An outage of the server.

    Attributes:
        begin: CLOCK_MONOTONIC of its begin.
        end: CLOCK_MONOTONIC of its end.
        cut: Number of requests that it lost.
    """

    begin: int
    end: int
    cut: int = 0


def outages(milliseconds: list[int], first: int) -> list[PlannedOutage]:
    """Return the outages for a first request at ``first``. The intervals are the same each time."""
    jitter, at, found = random.Random(1), first + LEAD, []
    for length in milliseconds:
        found.append(PlannedOutage(at, at + length * 1_000_000))
        at = found[-1].end + GAP + jitter.randrange(_JITTER)
    return found


class OutageServer:
    """A server with one event loop for all connections.

    Args:
        port: Port to listen on.
        milliseconds: Lengths of the outages, in order.
    """

    def __init__(self, port: int, milliseconds: list[int]) -> None:
        self.plan: list[PlannedOutage] = []
        self._milliseconds = milliseconds
        self._next = 0
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((ADDRESS, port), backlog=1024)
        self._listener.settimeout(0)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = False

    def serve(self) -> None:
        """Serve until ``end`` is called."""
        while not self._ended:
            for key, _ in self._selector.select(0.1):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._read(key.fileobj)

    def end(self, *_: object) -> None:
        """Let ``serve`` return."""
        self._ended = True

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection: socket.socket) -> None:
        try:
            if connection.recv(65536) and not self._is_down():
                connection.sendall(_OK)
                return
        except OSError:
            pass
        self._selector.unregister(connection)
        connection.close()

    def _is_down(self) -> bool:
        """Return True if a request that is read now is lost. Count it if so."""
        now = monotonic_ns()
        if not self.plan:
            self.plan = outages(self._milliseconds, now)
        while self._next < len(self.plan) and self.plan[self._next].end <= now:
            self._next += 1
        if self._next == len(self.plan) or now < self.plan[self._next].begin:
            return False
        self.plan[self._next].cut += 1
        return True


def main() -> None:
    """Serve until SIGTERM, then write the outages to a file."""
    port, out, *milliseconds = sys.argv[1:]
    server = OutageServer(int(port), [int(length) for length in milliseconds])
    signal.signal(signal.SIGTERM, server.end)
    server.serve()
    Path(out).write_text(json.dumps([asdict(one) for one in server.plan]), encoding="utf-8")


if __name__ == "__main__":
    main()
