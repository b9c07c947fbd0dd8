"""The run of a calibration: the detector meets known faults and must report exactly their number.

It runs in the process that will send the trial's traffic, with the same client and the same ledger code.
Nothing is judged here: judging uses its ledger and the two counts, planned and served.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
from gevent import socket as gsocket

from harness.kit.files import write_text
from harness.model.attempt import CloseReason, Method
from harness.model.experiment import Route
from harness.model.schedule import Stream
from harness.model.shapes import SHAPES, ConnectionSource, Shape
from harness.store.ledger import ConnectionLedger, LedgerWriter, read_connections
from harness.traffic.calibration.cases import CASES, LONG, ROUTES, CalibrationError, FaultCase, chosen
from harness.traffic.calibration.faults import Ending
from harness.traffic.calibration.server import CERTIFICATE, SERVER_NAME
from harness.traffic.http.answers import AnswerBook
from harness.traffic.http.client import Client, ClientPlan
from harness.traffic.http.destination import Destination
from harness.traffic.http.tls import TlsPeer

#: Attempts per fault, method and connection shape.
TIMES = 2
#: The most attempts that wait for their timeout at the same time.
_TOGETHER = 100
_POLL = 0.002
#: Timeout of attempts that get no answer, as a multiple of the duration of the slowest other attempt. One suffices: the
#: other attempts ran at the same time as many more.
_SLACK = 1.0
#: The same timeout in seconds, if no other attempt was made before.
_UNMEASURED = 1.0
#: The longest of these timeouts in seconds.
_LONGEST_WAIT = 15.0
#: Seconds for anything awaited. All attempts have timeouts, so only a fault of the client takes longer.
_PATIENCE = 4 * LONG


class CalibrationRun:
    """One calibration.

    Args:
        address: The faulty server's address and port.
        directory: Receives ``calibration-<worker>.npy``, its connections, and ``calibration-<worker>.json``.
        token: The prefix of the attempts' ids, unique among all calibrations.
        worker: Number of the worker.
        times: Attempts per fault, method and connection shape.
        names: The faults; empty for all.
        tls: The traffic uses TLS; the calibration does the same, and meets the faults of TLS too.

    Raises:
        CalibrationError: No fault has one of the names.
    """

    def __init__(
        self,
        address: tuple[str, int],
        directory: Path,
        *,
        token: str,
        worker: int = 0,
        times: int = TIMES,
        names: Iterable[str] = (),
        tls: bool = False,
    ) -> None:
        self._cases = chosen(names, tls=tls)
        self._times = times
        self._trusting = _context(trusts=True) if tls else None
        self._doubting = _context(trusts=False) if tls else None
        self._address = address
        self._directory = directory
        self._token = token
        self._worker = worker
        self._origin = monotonic_ns()
        self._connections_path = directory / f"calibration-connections-{worker}.npy"
        self._ledger = LedgerWriter(directory / f"calibration-{worker}.npy", origin_ns=self._origin, chunk=1024)
        self._connections = ConnectionLedger(self._connections_path, origin_ns=self._origin, chunk=1024)
        self._answers = AnswerBook(
            [Route("/", case.fault.answers, case.fault.statuses) for case in CASES], lambda _number, _text: None
        )
        self._faults: list[str] = []
        self._planned: Counter[str] = Counter()
        self._cuts = 0
        self._slowest = 0.0

    def run(self) -> None:
        """Meet every fault, and record the planned and the served counts.

        Raises:
            CalibrationError: The faulty server does not answer, or an attempt never ends.
        """
        try:
            facts = json.loads(_ask(self._address, "/-/facts"))
            # Attempts that get no answer come last: nothing else is under way then, and the time that a connection
            # takes on this machine is known.
            self._meet_all([case for case in self._cases if not case.is_left_waiting], facts)
            self._meet_all([case for case in self._cases if case.is_left_waiting], facts)
            served = json.loads(_ask(self._address, f"/-/served/{self._token}"))
        except (OSError, ValueError) as error:
            raise CalibrationError(f"The faulty server at {self._address} failed: {error}") from error
        finally:
            self._ledger.close()
            self._connections.close()
        self._write(served)

    def _meet_all(self, cases: Iterable[FaultCase], facts: dict[str, int]) -> None:
        """Meet some faults at the same time, with each method and shape."""
        jobs = [
            gevent.spawn(self._meet, case, method, shape, facts)
            for case in cases
            for method in case.methods
            for shape in case.shapes
        ]
        gevent.joinall(jobs, raise_error=True)

    def _timeout(self, case: FaultCase) -> float:
        """Return the timeout of a case's attempts in seconds.

        A timeout of the answer must leave time to connect, which takes long on a starved machine and with TLS.
        """
        if not case.is_left_waiting:
            return case.timeout
        return min(_LONGEST_WAIT, max(case.timeout, _SLACK * self._slowest)) if self._slowest else _UNMEASURED

    def _meet(self, case: FaultCase, method: Method, shape: Shape, facts: dict[str, int]) -> None:
        """Meet one fault repeatedly, with a client of its own."""
        before, opens_ahead = CASES[ROUTES[case.after]], SHAPES[shape].source is ConnectionSource.AHEAD
        streams = tuple(
            Stream(ROUTES[c.name], c.fault.path, method if method in c.methods else c.methods[0], shape)
            for c in (case, before)
        )
        plan = ClientPlan(
            streams=streams, host="calibration", token=self._token, timeout=self._timeout(case), pool=case.pool
        )
        client = Client(
            plan,
            self._destination(case, facts),
            ledger=self._ledger,
            connections=self._connections,
            answers=self._answers,
            on_fault=self._faults.append,
        )
        try:
            if case.waits:
                self._wait_together(client, case)
            if opens_ahead:
                # Each attempt leaves a connection for the next one.
                self._attempt(client, before, 1)
            for _ in range(0 if case.waits else self._times):
                if SHAPES[shape].source.keeps:
                    self._attempt(client, before, 1)
                    self._await_end(client, case, before)
                elif opens_ahead:
                    self._await_unused(client, case, self._destination(case, facts).address[1])
                self._attempt(client, case, 0)
                if SHAPES[shape].source.keeps:
                    self._await_end(client, case, case)
        finally:
            client.close()

    def _destination(self, case: FaultCase, facts: dict[str, int]) -> Destination:
        port = "tls_port" if self._trusting is not None and not case.port else case.port
        context = self._trusting if case.trusts else self._doubting
        return Destination(
            socket.AF_INET,
            (self._address[0], facts[port] if port else self._address[1]),
            TlsPeer(context, case.server_name or SERVER_NAME) if context is not None else None,
        )

    def _attempt(self, client: Client, case: FaultCase, index: int) -> None:
        begun = monotonic_ns()
        self._begin(client, case, index)
        _wait(lambda: not client.in_flight, f"an attempt of {case.name} to end")
        self._slowest = max(self._slowest, (monotonic_ns() - begun) / 1e9)

    def _wait_together(self, client: Client, case: FaultCase) -> None:
        """Make the attempts that wait for their timeout at the same time."""
        for first in range(0, self._times, _TOGETHER):
            for _ in range(first, min(first + _TOGETHER, self._times)):
                self._begin(client, case, 0)
            _wait(lambda: not client.in_flight, f"the attempts of {case.name} to end")

    def _begin(self, client: Client, case: FaultCase, index: int) -> None:
        self._planned[case.name] += 1
        client.begin(monotonic_ns() - self._origin, index)

    def _await_end(self, client: Client, case: FaultCase, met: FaultCase) -> None:
        """Wait until the client has seen the end of the idle connection, if the case ends it."""
        if met.name not in {"idle-fin", "idle-rst"}:
            return
        self._cuts += 1
        ended = client.idle_ended if not case.pool.look else lambda: not client.idle()
        _wait(ended, f"the end of the connection after {met.name} to be seen")

    def _await_unused(self, client: Client, case: FaultCase, port: int) -> None:
        """Wait for a connection that was opened ahead, and let the server end it where the case says so."""
        _wait(lambda: bool(client.idle()), "a connection to be opened ahead")
        if case.unused is Ending.KEEP:
            return
        self._cuts += 1
        unused = client.idle()[0]
        if not json.loads(_ask(self._address, f"/-/end/{port}/{unused.port}/{case.unused.name}"))["ended"]:
            raise CalibrationError("The faulty server does not know a connection that was opened ahead.")
        ended = client.idle_ended if not case.pool.look else lambda: unused not in client.idle()
        _wait(ended, f"the end of the unused connection of {case.name} to be seen")

    def _write(self, served: dict[str, int]) -> None:
        asked = Counter[str]()
        for case in CASES:
            if case.served and self._planned[case.name]:
                asked[case.fault.name] += self._planned[case.name]
        rows = read_connections(self._connections_path)
        cut = {reason: int((rows["reason"] == reason).sum()) for reason in (CloseReason.PEER_FIN, CloseReason.PEER_RST)}
        record = {
            "token": self._token,
            "seconds": round((monotonic_ns() - self._origin) / 1e9, 3),
            "faults": [
                {
                    "route": route,
                    "name": case.name,
                    "expected": case.expected.label,
                    "count": self._planned[case.name],
                }
                for route, case in enumerate(CASES)
                if self._planned[case.name]
            ],
            "served": {
                "duplicates": served.get("duplicates", 0),
                "requests": [
                    {"name": name, "count": count, "served": served.get(name, 0)} for name, count in asked.items()
                ],
            },
            "connections": {"cut_idle": self._cuts, "seen": {reason.name.lower(): n for reason, n in cut.items()}},
            "client_faults": self._faults,
        }
        write_text(
            self._directory / f"calibration-{self._worker}.json", json.dumps(record, indent=2, sort_keys=True) + "\n"
        )


def _context(*, trusts: bool) -> ssl.SSLContext:
    """Build a client's context that accepts the faulty server's certificate, or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusts:
        context.load_verify_locations(CERTIFICATE)
    return context


def _wait(condition: Callable[[], bool], what: str) -> None:
    """Wait in a greenlet while the loop runs."""
    deadline = monotonic_ns() + round(_PATIENCE * 1e9)
    while not condition():
        if monotonic_ns() > deadline:
            raise CalibrationError(f"Waited without success for {what}.")
        gevent.sleep(_POLL)


def _ask(address: tuple[str, int], path: str) -> bytes:
    """Return the body of an answer about the faulty server itself."""
    connection: Any = gsocket.create_connection(address, timeout=LONG)
    try:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: calibration\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data or not data.endswith(b"}"):
            part = connection.recv(65536)
            if not part:
                raise ConnectionError("it closed the connection")
            data += part
        return data.partition(b"\r\n\r\n")[2]
    finally:
        connection.close()
