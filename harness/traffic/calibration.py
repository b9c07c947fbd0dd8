"""The detector is proved before it is believed: known faults go in, and exactly their number must come out.

Runs in the process that will send the trial's traffic, with the same client and the same ledger code. Nothing is
judged here: the ledger of it and the two counts, planned and served, are evidence for the judge.
"""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
from gevent import socket as gsocket

from harness.errors import HarnessError
from harness.kit.files import write_text
from harness.model.attempt import CloseReason, Method, Outcome, Shape
from harness.model.experiment import Pool, Route
from harness.model.schedule import Stream
from harness.store.ledger import ConnectionLedger, LedgerWriter, read_connections
from harness.traffic.answers import AnswerBook
from harness.traffic.attempt import Target
from harness.traffic.client import Client, ClientPlan
from harness.traffic.faults import FAULTS, Fault

#: How often each fault is met with each method and connection shape.
TIMES = 2
#: Time of attempts that are meant to run into it; short, since nothing else is waited for.
_SHORT = 0.2
#: Time of all other attempts: long enough that a starved machine does not make a timeout of them.
_LONG = 15.0
_POLL = 0.002
#: The methods that each case is met with: one that a proxy may repeat, and one that it may not.
METHODS = (Method.GET, Method.POST)


class CalibrationError(HarnessError):
    """The calibration could not be carried out; what it has recorded so far stays."""


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the calibration; its place in ``CASES`` is its route in the ledger.

    Attributes:
        name: What it is called.
        fault: What is asked of the server.
        expected: What the detector must report.
        shapes: The connection shapes it is tried with.
        port: Which of the server's ports it goes to; the main one where empty.
        pool: The pool of its client.
        after: Name of the case that comes first on the same connection, for what happens to an idle one.
        served: Whether the server gets the requests at all.
    """

    name: str
    fault: Fault
    expected: Outcome
    shapes: tuple[Shape, ...] = (Shape.NEW, Shape.REUSED)
    port: str = ""
    pool: Pool = Pool(size=1)  # noqa: RUF009 - frozen
    after: str = "ok"
    served: bool = True

    @property
    def timeout(self) -> float:
        """Seconds that its attempts have."""
        return _SHORT if self.expected in {Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE} else _LONG


def _cases() -> tuple[Case, ...]:
    good, reused, naive = FAULTS["ok"], (Shape.REUSED,), Pool(size=1, look=False)
    return (
        *(Case(fault.name, fault, fault.expected) for fault in FAULTS.values()),
        Case("refused", good, Outcome.REFUSED, (Shape.NEW,), "refused_port", served=False),
        Case("full-backlog", good, Outcome.TIMEOUT_CONNECT, (Shape.NEW,), "full_port", served=False),
        Case("look-after-fin", good, Outcome.OK, reused, after="idle-fin"),
        Case("look-after-rst", good, Outcome.OK, reused, after="idle-rst"),
        Case("send-after-fin", good, Outcome.CLOSED, reused, pool=naive, after="idle-fin", served=False),
        Case("send-after-rst", good, Outcome.RESET, reused, pool=naive, after="idle-rst", served=False),
    )


CASES = _cases()
_ROUTES = {case.name: route for route, case in enumerate(CASES)}


class Calibration:
    """One calibration.

    Args:
        address: The faulty server's address and port.
        directory: Gets ``calibration-<worker>.npy``, the connections beside it, and ``calibration-<worker>.json``.
        token: What the attempts' ids begin with; no other calibration may have the same.
        worker: Number of the worker.
    """

    def __init__(self, address: tuple[str, int], directory: Path, *, token: str, worker: int = 0) -> None:
        self._address = address
        self._directory = directory
        self._token = token
        self._worker = worker
        self._origin = monotonic_ns()
        self._connections_path = directory / f"calibration-connections-{worker}.npy"
        self._ledger = LedgerWriter(directory / f"calibration-{worker}.npy", origin_ns=self._origin, chunk=1024)
        self._connections = ConnectionLedger(self._connections_path, origin_ns=self._origin, chunk=1024)
        self._answers = AnswerBook([Route("/", case.fault.answers) for case in CASES], lambda _number, _text: None)
        self._faults: list[str] = []
        self._planned: Counter[str] = Counter()
        self._cuts = 0

    def run(self) -> None:
        """Meet every fault, and write down what was planned and what the server did.

        Raises:
            CalibrationError: The faulty server does not answer, or an attempt never ends.
        """
        try:
            facts = json.loads(_ask(self._address, "/-/facts"))
            jobs = [
                gevent.spawn(self._meet, case, method, shape, facts)
                for case in CASES
                for method in METHODS
                for shape in case.shapes
            ]
            gevent.joinall(jobs, raise_error=True)
            served = json.loads(_ask(self._address, f"/-/served/{self._token}"))
        except (OSError, ValueError) as error:
            raise CalibrationError(f"The faulty server at {self._address} failed: {error}") from error
        finally:
            self._ledger.close()
            self._connections.close()
        self._write(served)

    def _meet(self, case: Case, method: Method, shape: Shape, facts: dict[str, int]) -> None:
        """Meet one fault ``TIMES`` times in a row, with a client of its own."""
        before = CASES[_ROUTES[case.after]]
        streams = tuple(Stream(_ROUTES[c.name], c.fault.path, method, shape) for c in (case, before))
        plan = ClientPlan(streams=streams, host="calibration", token=self._token, timeout=case.timeout, pool=case.pool)
        port = facts[case.port] if case.port else self._address[1]
        client = Client(
            plan,
            Target(socket.AF_INET, (self._address[0], port)),
            ledger=self._ledger,
            connections=self._connections,
            answers=self._answers,
            on_fault=self._faults.append,
        )
        try:
            for _ in range(TIMES):
                # Attempts that wait for their time to be up have a short one, in which nothing else is sent.
                if shape == Shape.REUSED and case.timeout == _LONG:
                    self._attempt(client, before, 1)
                    self._await_end(client, case, before)
                self._attempt(client, case, 0)
                if shape == Shape.REUSED:
                    self._await_end(client, case, case)
        finally:
            client.close()

    def _attempt(self, client: Client, case: Case, index: int) -> None:
        self._planned[case.name] += 1
        client.begin(monotonic_ns() - self._origin, index)
        _wait(lambda: not client.in_flight, f"an attempt of {case.name} to end")

    def _await_end(self, client: Client, case: Case, met: Case) -> None:
        """Wait until the client has seen that the peer has ended the idle connection, where it does that."""
        if met.name not in {"idle-fin", "idle-rst"}:
            return
        self._cuts += 1
        ended = client.idle_ended if not case.pool.look else lambda: not client.has_idle()
        _wait(ended, f"the end of the connection after {met.name} to be seen")

    def _write(self, served: dict[str, int]) -> None:
        asked = Counter[str]()
        for case in CASES:
            asked[case.fault.name] += self._planned[case.name] if case.served else 0
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
        write_text(self._directory / f"calibration-{self._worker}.json", json.dumps(record, indent=2, sort_keys=True) + "\n")


def _wait(condition: Callable[[], bool], what: str) -> None:
    """``wait_until`` for greenlets: the loop must run while this waits."""
    deadline = monotonic_ns() + round((_LONG + 5) * 1e9)
    while not condition():
        if monotonic_ns() > deadline:
            raise CalibrationError(f"Waited in vain for {what}.")
        gevent.sleep(_POLL)


def _ask(address: tuple[str, int], path: str) -> bytes:
    """The body of a small answer from the faulty server's own side."""
    connection: Any = gsocket.create_connection(address, timeout=_LONG)
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
