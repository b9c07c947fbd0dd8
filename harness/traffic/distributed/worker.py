"""A worker of traffic that several processes share: it sends its share, compares clocks, and returns its files.

It runs in a Locust worker process. Its session is that of a process that works alone, but begins and ends by commands
of the master, whatever Locust does with its users meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from time import monotonic, monotonic_ns
from typing import Any, Protocol

import gevent
from gevent.event import AsyncResult

from harness.errors import HarnessError
from harness.kit.files import write_text
from harness.kit.machine import clock_identity, host_name
from harness.store.records import from_json
from harness.traffic.distributed.clocks import PINGS, ClockOffset, Ping, estimate
from harness.traffic.distributed.file_sender import FileSender
from harness.traffic.distributed.messages import VERSIONS, Channel, Hello, MessageKind
from harness.traffic.distributed.worker_launch import WorkerSettings
from harness.traffic.event_log import OnEvent
from harness.traffic.plan import JOURNAL, TrafficChildPlan
from harness.traffic.session import SessionCommands

#: Seconds between hellos until the master answers.
_HELLO_EVERY = 1.0
#: Longest wait for an answer to a ping, in seconds.
_PONG_SECONDS = 5.0
#: Seconds without a sign of the master after which a worker stops sending: unobserved traffic must end.
MASTER_SECONDS = 30.0
#: Events of its log that it sends to the master.
_SHARED = frozenset({"apart", "clock", "ready", "started", "stopping", "drained", "over"})
#: Faults that end its work; the others are in its own log only.
_GRAVE = frozenset({"failed", "ledger-full"})


class RunningSession(Protocol):
    """A running session (``harness.traffic.locust_session``, which needs Locust)."""

    failure: str

    def wait(self) -> None:
        """Wait for its end."""


class Worker:
    """This process as a worker of a master.

    Args:
        channel: Channel to the master.
        settings: The settings with which it was started.
        run: Starts the session of a plan.
        report: Receives its progress: the name of an event, and its fields.

    Attributes:
        failure: The reason why it did not complete its share; empty for none.
    """

    #: Messages from the master.
    KINDS = (
        MessageKind.PLAN,
        MessageKind.REFUSED,
        MessageKind.PONG,
        MessageKind.GO,
        MessageKind.STOP,
        MessageKind.TAKEN,
        MessageKind.COMPARED,
    )

    def __init__(
        self,
        channel: Channel,
        settings: WorkerSettings,
        *,
        run: Callable[[TrafficChildPlan, SessionCommands, OnEvent], RunningSession],
        report: Callable[..., None] = lambda _event, **_facts: None,
    ) -> None:
        self.failure = ""
        self._channel = channel
        self._settings = settings
        self._run = run
        self._report = report
        self._commands = SessionCommands()
        self._clock = ClockOffset()
        self._answer: AsyncResult = AsyncResult()
        self._pong: AsyncResult = AsyncResult()
        self._sender: FileSender | None = None
        self._running: RunningSession | None = None
        self._heard_at = monotonic()

    def listeners(self) -> dict[str, Callable[[Mapping[str, Any]], None]]:
        """Return the handler of each of the master's messages."""
        return {
            MessageKind.PLAN: self._answer.set,
            MessageKind.REFUSED: self._answer.set,
            MessageKind.PONG: lambda data: self._pong.set((data, monotonic_ns())),
            MessageKind.GO: self._on_go,
            MessageKind.STOP: lambda data: self._commands.end(
                self._clock.to_worker(data["at_ns"]) if data["at_ns"] else 0
            ),
            MessageKind.TAKEN: lambda data: self._sender.taken(data) if self._sender else None,
            MessageKind.COMPARED: lambda data: self._sender.compared(data) if self._sender else None,
        }

    def work(self) -> None:
        """Say hello, send the share, and return the files; set ``failure`` if that did not succeed."""
        try:
            self._work()
        except HarnessError as error:
            self.failure = str(error)
            self._heard({"event": "over", "text": str(error)})
        self._report("ended", text=self.failure)

    def leave(self) -> None:
        """End in order before the master's command: plan nothing more, and return the files."""
        self._commands.end()
        if not self._answer.ready():
            self._answer.set({"refused": "it was stopped before it had a share"})
        if self._running is not None:
            self._running.wait()

    def heard_of_master(self) -> None:
        """Note a sign of life of the master."""
        self._heard_at = monotonic()

    def _work(self) -> None:
        answer = self._say_hello()
        if "refused" in answer:
            raise HarnessError(f"The master refused this worker: {answer['refused']}.")
        plan = self._plan_of(answer)
        self._report("joined", worker=plan.worker, workers=plan.workers, last=int(answer["last"]))
        self._compare_clocks(str(answer["clock"]))
        others = [gevent.spawn(self._watch_master)]
        if plan.directory == self._settings.directory:
            self._heard({"event": "apart"})
            self._sender = FileSender(self._channel, plan.directory, plan.worker)
            others.append(gevent.spawn(self._sender.follow, lambda: False))
        self._running = self._run(plan, self._commands, self._heard)
        try:
            self._running.wait()
        finally:
            gevent.killall(others)
        self.failure = self.failure or self._running.failure
        if self._clock.error_ns:
            # Compare again: clocks drift, and the difference shows by how much.
            self._compare_clocks("")
        if self._sender is not None:
            self._sender.finish()
            self._report("home")

    def _say_hello(self) -> Mapping[str, Any]:
        name = f"{host_name()}:{os.getpid()}"
        hello = Hello(VERSIONS, name, clock_identity(), self._settings.number, os.getpid())
        while not self._answer.ready():
            self._channel.send_message(MessageKind.HELLO, asdict(hello))
            self._answer.wait(_HELLO_EVERY)
        answer: Mapping[str, Any] = self._answer.get()
        return answer

    def _plan_of(self, answer: Mapping[str, Any]) -> TrafficChildPlan:
        """Return the plan with the paths of this machine."""
        plan = from_json(TrafficChildPlan, answer["plan"])
        if not self._settings.apart and _shares_disk(plan, str(answer["clock"])):
            return plan
        traffic = plan.traffic
        if traffic.tls is not None and traffic.tls.ca:
            # The file is on the master's machine; its content came with the plan.
            path = self._settings.directory / "authorities.pem"
            write_text(path, answer["authorities"])
            traffic = replace(traffic, tls=replace(traffic.tls, ca=str(path)))
        calibration = self._settings.calibration if plan.calibration is not None else None
        return replace(plan, traffic=traffic, directory=self._settings.directory, calibration=calibration)

    def _compare_clocks(self, identity: str) -> None:
        """Estimate the offset of the master's clock; skip it on the same machine.

        Raises:
            ClockError: No estimate is possible.
        """
        if not identity or identity != clock_identity():
            made = [ping for ping in (self._ping() for _ in range(PINGS)) if ping is not None]
            self._clock = estimate(made)
        self._heard({"event": "clock", "offset_ns": self._clock.offset_ns, "error_ns": self._clock.error_ns})

    def _ping(self) -> Ping | None:
        self._pong = AsyncResult()
        asked = monotonic_ns()
        self._channel.send_message(MessageKind.PING, {"asked": asked})
        if not self._pong.wait(_PONG_SECONDS):
            return None
        data, answered = self._pong.get()
        # Ignore a late answer to an earlier ping.
        return Ping(asked, data["at_ns"], answered) if data["asked"] == asked else None

    def _on_go(self, data: Mapping[str, Any]) -> None:
        origin = self._clock.to_worker(data["origin_ns"])
        self._commands.begin(data["address"], data["port"], data["seconds"], origin, data["backends"])

    def _heard(self, event: Mapping[str, Any]) -> None:
        """Send the events that the master needs."""
        if event["event"] in _SHARED or event.get("what") in _GRAVE:
            self._channel.send_message(MessageKind.EVENT, dict(event))
            self._report(str(event["event"]), **{k: v for k, v in event.items() if k not in {"event", "at_ns"}})

    def _watch_master(self) -> None:
        """Stop when the master is gone."""
        self.heard_of_master()
        while monotonic() - self._heard_at < MASTER_SECONDS:
            gevent.sleep(0.5)
        self.failure = f"The master has given no sign of life for {MASTER_SECONDS:g} s."
        self._commands.end()


def _shares_disk(plan: TrafficChildPlan, clock: str) -> bool:
    """Return True if the master's folder is on this machine too: same clock, and its log is at the given path."""
    return clock == clock_identity() and (plan.directory / JOURNAL).exists()
