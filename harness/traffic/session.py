"""The work of one traffic process, from its calibration to its last answer, without Locust."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from ssl import SSLContext
from time import monotonic_ns
from typing import Any

import gevent
from gevent import socket as gsocket
from gevent.event import Event
from gevent.os import make_nonblocking, nb_read

from harness.errors import HarnessError
from harness.model.schedule import streams
from harness.model.share import Share
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.rotation import Rotation
from harness.traffic.calibration.run import CalibrationRun
from harness.traffic.engine import Engine
from harness.traffic.event_log import EventLog, OnEvent
from harness.traffic.http.answers import AnswerBook
from harness.traffic.http.client import Client, ClientPlan
from harness.traffic.http.destination import Destination
from harness.traffic.http.endpoint_choice import BackendLog, RandomEndpoint
from harness.traffic.http.tls import TlsPeer, make_context
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.timed_rotation import TimedRotation
from harness.traffic.withheld import reveal, without_secrets

#: Nanoseconds from the command to begin to the origin, in which the ledgers are made.
_LEAD_NS = 20_000_000
#: Seconds between checks for outstanding answers.
_POLL = 0.005
#: Seconds on top of the attempts' timeout after which the remaining attempts stay unfinished.
_DRAIN_GRACE = 2.0
#: Seconds between looks at the segments of the ledger.
_SEGMENT_POLL = 1.0
#: The most faults that the event log names; the ledger has every one.
_LOGGED_FAULTS = 100


@dataclass(slots=True)
class SessionCommands:
    """Commands to a session, from a parent's lines on standard input, from Locust, or from a test.

    Attributes:
        go: Set when the destination is known.
        stop: Set when no further slot may be planned.
        address: Destination: an IP address or a name.
        port: Port of the destination.
        backends: A file of backends, one of which is chosen for each connection; empty for the address itself.
        origin_ns: CLOCK_MONOTONIC of the schedule's origin; 0 lets the session choose it.
        stop_ns: CLOCK_MONOTONIC from which no slot is planned; 0 for the moment of the command.
        seconds: Length of the schedule; 0 lets it go on until ``stop``.
    """

    go: Event = field(default_factory=Event)
    stop: Event = field(default_factory=Event)
    address: str = ""
    port: int = 0
    seconds: float = 0.0
    origin_ns: int = 0
    stop_ns: int = 0
    backends: str = ""

    def begin(self, address: str, port: int, seconds: float = 0.0, origin_ns: int = 0, backends: str = "") -> None:
        """Begin, with a destination and a length."""
        self.address, self.port, self.seconds, self.origin_ns = address, port, seconds, origin_ns
        self.backends = backends
        self.go.set()

    def end(self, at_ns: int = 0) -> None:
        """Stop planning, now or at a later time; a session that has not begun never begins."""
        self.stop_ns = self.stop_ns or at_ns
        self.stop.set()
        self.go.set()

    def follow(self, fd: int) -> None:
        """Carry out lines of JSON from a descriptor; its end means stop."""
        try:
            for line in _lines(fd):
                command = json.loads(line)
                if "go" in command:
                    self.begin(**command["go"])
                if "stop" in command:
                    self.end()
        finally:
            self.end()


def _lines(fd: int) -> Iterator[bytes]:
    make_nonblocking(fd)
    buffer = b""
    while data := nb_read(fd, 4096):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


class Session:
    """The work of one traffic process.

    Args:
        plan: The traffic.
        commands: Destination, begin and end.
        heard: Receives every event of the log.

    Attributes:
        journal: Its event log.
        failure: The reason for an early end; empty if there was none.
        origin_ns: CLOCK_MONOTONIC of the schedule's origin; 0 until it is known.
    """

    def __init__(
        self,
        plan: TrafficChildPlan,
        commands: SessionCommands,
        heard: OnEvent | None = None,
    ) -> None:
        self.plan = plan
        self.commands = commands
        self.token = plan.token or secrets.token_hex(4)
        self.journal = EventLog(plan.directory / plan.journal, heard)
        self.failure = ""
        self.origin_ns = 0
        self._share = Share(plan.worker, plan.workers)
        self._logged = 0
        self._refusals: set[str] = set()
        self._context: SSLContext | None = None

    def run(self) -> None:
        """Calibrate, wait for the command to begin, send until the command to stop, and drain."""
        try:
            self.plan = replace(self.plan, traffic=reveal(self.plan.traffic, os.environ))
            tls = self.plan.traffic.tls
            self._context = make_context(tls) if tls is not None else None
            if self.plan.calibration is not None:
                CalibrationRun(
                    self.plan.calibration,
                    self.plan.directory,
                    token=f"{self.token}c-{self.plan.worker}",
                    worker=self.plan.worker,
                    tls=tls is not None,
                ).run()
            self.journal.record("ready", token=self.token, pid=os.getpid())
            self.commands.go.wait()
            if not self.commands.stop.is_set():
                self._send()
        except HarnessError as error:
            self._fail(str(error))
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")
            raise
        finally:
            self.journal.close()

    def _fail(self, text: str) -> None:
        self.failure = text
        self.journal.record("fault", what="failed", text=text)

    def _send(self) -> None:
        log = BackendLog(self.plan.directory / f"backends-{self.plan.worker}.jsonl") if self.commands.backends else None
        destination = self._destination(log)
        origin = self.commands.origin_ns or monotonic_ns() + _LEAD_NS
        directory, worker = self.plan.directory, self.plan.worker
        ledger = LedgerWriter(directory / f"ledger-{worker}.npy", origin_ns=origin, worker=worker)
        connections = ConnectionLedger(directory / f"connections-{worker}.npy", origin_ns=origin, worker=worker)
        client = self._client(destination, ledger, connections)
        engine = Engine(
            self.plan.traffic,
            client,
            self.journal,
            origin_ns=origin,
            seconds=self.commands.seconds,
            share=self._share,
        )
        self.origin_ns = origin
        self.journal.record("started", origin_ns=origin, address=self.commands.address, port=self.commands.port)
        rotation = Rotation(ledger, connections, client.open_numbers)
        rotating = gevent.spawn(self._rotate_forever, rotation, ledger)
        try:
            gevent.sleep(max(0, origin - monotonic_ns()) / 1e9)
            engine.start()
            stopped = self._stop(engine)
            self.journal.record("stopping", at_ns=stopped, slots=engine.next_slot)
            self._drain(client)
        finally:
            rotating.kill()
            client.close()
            ledger.close()
            connections.close()
            if log is not None:
                log.close()
        self.failure = engine.failure
        self.journal.record(
            "drained",
            slots=engine.next_slot,
            rows=ledger.used,
            unfinished=client.in_flight,
            open_ended=client.open_ended,
        )

    def _rotate_forever(self, rotation: Rotation, ledger: LedgerWriter) -> None:
        """Begin another segment of the ledger from time to time, and report the complete ones."""
        length = self.plan.segment_seconds
        timed = TimedRotation(rotation, ledger, self.journal, length)
        while length:
            gevent.sleep(min(_SEGMENT_POLL, length))
            timed.look()

    def _stop(self, engine: Engine) -> int:
        """Wait for the command to stop, and for its time; return the end of the schedule."""
        self.commands.stop.wait()
        if self.commands.stop_ns:
            engine.end_at(self.commands.stop_ns)
            gevent.sleep(max(0, self.commands.stop_ns - monotonic_ns()) / 1e9)
        return engine.stop()

    def _destination(self, log: BackendLog | None) -> Destination:
        traffic, address = self.plan.traffic, self.commands.address
        found = resolve(address, self.commands.port)
        if log is not None:
            nowhere = (address, self.commands.port)
            choice = RandomEndpoint(Path(self.commands.backends), nowhere, self.plan.worker, log.note)
            found = replace(found, choice=choice)
        if traffic.tls is None or self._context is None:
            return found
        return replace(found, tls=TlsPeer.of(traffic.tls, self._context, traffic.host or address))

    def _client(self, destination: Destination, ledger: LedgerWriter, connections: ConnectionLedger) -> Client:
        traffic = self.plan.traffic
        plan = ClientPlan(
            streams=streams(traffic),
            host=traffic.host or host_header(self.commands.address, self.commands.port, secure=traffic.tls is not None),
            token=f"{self.token}-{self.plan.worker}",
            timeout=traffic.timeout,
            pool=replace(traffic.pool, size=self._share.part(traffic.pool.size)),
            traced=self.plan.traced,
        )
        return Client(
            plan,
            destination,
            ledger=ledger,
            connections=connections,
            answers=AnswerBook(
                [replace(r, answers=self.plan.answers.get(r.key, r.answers)) for r in traffic.routes],
                self._announce,
            ),
            on_fault=self._client_fault,
            on_tls=self._tls_refused,
        )

    def _announce(self, number: int, text: str) -> None:
        self.journal.record("responder", number=number, text=without_secrets(text, self.plan.traffic.routes))

    def _client_fault(self, text: str) -> None:
        self._logged += 1
        if self._logged <= _LOGGED_FAULTS:
            self.journal.record("fault", what="client", text=text)

    def _tls_refused(self, text: str) -> None:
        if text not in self._refusals and len(self._refusals) < _LOGGED_FAULTS:
            self._refusals.add(text)
            self.journal.record("tls", text=text)

    def _drain(self, client: Client) -> None:
        deadline = monotonic_ns() + round((self.plan.traffic.patience + _DRAIN_GRACE) * 1e9)
        while client.in_flight and monotonic_ns() < deadline:
            gevent.sleep(_POLL)
        if client.in_flight:
            # A process that was suspended until now must still read answers that have arrived, and expire attempts.
            gevent.sleep(_POLL)


def resolve(address: str, port: int) -> Destination:
    """Resolve a name and port.

    Raises:
        HarnessError: The name cannot be resolved.
    """
    try:
        family, _, _, _, found = gsocket.getaddrinfo(address, port, type=gsocket.SOCK_STREAM)[0]
    except OSError as error:
        raise HarnessError(f"Cannot resolve {address}:{port}: {error}.") from error
    known: tuple[Any, ...] = found
    return Destination(family, known)


def host_header(address: str, port: int, *, secure: bool = False) -> str:
    """Return the ``Host`` header of requests to this address, without the scheme's own port."""
    name = f"[{address}]" if ":" in address else address
    return name if port == (443 if secure else 80) else f"{name}:{port}"
