"""A traffic client with its ledgers, and servers in the same process."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import Any, Literal

import gevent

from harness.model.attempt import CloseReason, Method, Outcome
from harness.model.experiment import Pool, Route
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.store.ledger import ConnectionLedger, LedgerWriter, read_connections, read_ledger
from harness.traffic.http.answers import AnswerBook
from harness.traffic.http.client import Client, ClientPlan
from harness.traffic.http.destination import Destination
from harness.traffic.http.http1 import Http1Connection
from harness.traffic.http.tls import TlsPeer

Handler = Callable[[Any, Any], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STREAMS = tuple(
    Stream(0, "/", method, shape) for method in (Method.GET, Method.POST) for shape in (Shape.NEW, Shape.REUSED)
)
GET_NEW, GET_REUSED, POST_NEW, POST_REUSED = range(4)
#: More than any wait of these tests takes on a machine that has other things to do as well.
PATIENCE = 60


@dataclass
class Rig:
    """A client with its ledgers in a folder."""

    directory: Path
    port: int
    pool: Pool = Pool(size=2)  # noqa: RUF009 - frozen
    timeout: float = PATIENCE
    streams: tuple[Stream, ...] = STREAMS
    routes: tuple[Route, ...] = (Route("/", ("ok",)),)
    secure: TlsPeer | None = None
    address: str = "127.0.0.1"
    faults: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the client."""
        self.origin = monotonic_ns()
        self.ledger = LedgerWriter(self.directory / "l.npy", origin_ns=self.origin)
        self.connections = ConnectionLedger(self.directory / "c.npy", origin_ns=self.origin)
        plan = ClientPlan(self.streams, host="h", token="t-0", timeout=self.timeout, pool=self.pool)
        self.client = Client(
            plan,
            Destination(socket.AF_INET, (self.address, self.port), self.secure),
            ledger=self.ledger,
            connections=self.connections,
            answers=AnswerBook(self.routes, lambda _number, _text: None),
            on_fault=self.faults.append,
            on_tls=self.refusals.append,
        )

    def attempt(self, stream: int, times: int = 1, *, together: bool = False) -> None:
        """Make attempts one after the other or all at once, and wait for their end."""
        for _ in range(times):
            self.client.begin(0, stream)
            if not together:
                self.drain()
        self.drain()

    def drain(self) -> None:
        """Run the loop until no attempt is under way."""
        self.until(lambda: self.client.in_flight == 0)

    def until(self, condition: Callable[[], bool]) -> None:
        """Run the loop until a condition holds."""
        with gevent.Timeout(PATIENCE):
            while not condition():
                gevent.sleep(0.001)

    def heard(self, shape: Shape = Shape.REUSED) -> None:
        """Wait until the peer's close has reached the idle connection, without running the loop."""
        (connection,) = self.client._pools[shape].idle()
        assert isinstance(connection, Http1Connection)
        assert connection._socket is not None
        poll = select.poll()
        poll.register(connection._socket, select.POLLIN)
        assert poll.poll(PATIENCE * 1000)

    def close(self) -> None:
        """Close the client and its ledgers."""
        self.client.close()
        self.ledger.close()
        self.connections.close()

    @property
    def rows(self) -> Any:
        """Return the attempts so far."""
        return read_ledger(self.directory / "l.npy")

    @property
    def opened(self) -> Any:
        """Return the connections so far."""
        return read_connections(self.directory / "c.npy")

    @property
    def outcomes(self) -> list[str]:
        """Return the labels of the attempts' outcomes."""
        return [Outcome(code).label for code in self.rows["outcome"]]

    @property
    def reasons(self) -> list[str]:
        """Return the reasons for which connections ended."""
        return [CloseReason(code).name for code in self.opened["reason"]]


def always_ok(connection: Any, _address: Any) -> None:
    """Answer every request."""
    while connection.recv(65536):
        connection.sendall(OK)


def end(connection: Any, how: Literal["fin", "rst"]) -> None:
    """Close a connection from the server's side."""
    if how == "rst":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
