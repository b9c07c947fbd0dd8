"""A worker's side of traffic that several processes share: its share, one clock with the others, its files home.

It runs in a Locust worker process. Its session is the same as that of a process that works alone, but begins and ends
by the master's word, whatever Locust does with its users meanwhile.
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
from harness.traffic.distributed.file_sender import Courier
from harness.traffic.distributed.messages import VERSIONS, Channel, Hello, Kind
from harness.traffic.distributed.worker_launch import WorkerTerms
from harness.traffic.event_log import Heard
from harness.traffic.plan import JOURNAL, TrafficChildPlan
from harness.traffic.session import Commands

#: How often a worker says hello until it is answered, in seconds.
_HELLO_EVERY = 1.0
#: Longest wait for the answer to a ping, in seconds.
_PONG_SECONDS = 5.0
#: Without a sign of the master for so long, a worker sends nothing more: traffic that nobody watches must end.
MASTER_SECONDS = 10.0
#: Events of its journal that concern the master.
_TOLD = frozenset({"apart", "clock", "ready", "started", "stopping", "drained", "over"})
#: Faults that end its work; the others are in its own journal.
_GRAVE = frozenset({"failed", "ledger-full"})


class Running(Protocol):
    """A session that runs (``harness.traffic.running``, which needs Locust)."""

    failure: str

    def wait(self) -> None:
        """Wait for its end."""


class Worker:
    """This process among the workers of a master.

    Args:
        channel: To the master.
        terms: What it was told when it was started.
        run: Starts the session of a plan.
        tell: Told of what happens to it: an event's name, and its facts.

    Attributes:
        failure: Why it did not do its share to the end; empty if it did.
    """

    #: What the master sends.
    KINDS = (Kind.PLAN, Kind.REFUSED, Kind.PONG, Kind.GO, Kind.STOP, Kind.TAKEN, Kind.DISMISSED)

    def __init__(
        self,
        channel: Channel,
        terms: WorkerTerms,
        *,
        run: Callable[[TrafficChildPlan, Commands, Heard], Running],
        tell: Callable[..., None] = lambda _event, **_facts: None,
    ) -> None:
        self.failure = ""
        self._channel = channel
        self._terms = terms
        self._run = run
        self._tell = tell
        self._commands = Commands()
        self._clock = ClockOffset()
        self._answer: AsyncResult = AsyncResult()
        self._pong: AsyncResult = AsyncResult()
        self._courier: Courier | None = None
        self._running: Running | None = None
        self._heard_at = monotonic()

    def listeners(self) -> dict[str, Callable[[Mapping[str, Any]], None]]:
        """What is to be done with each of the master's messages."""
        return {
            Kind.PLAN: self._answer.set,
            Kind.REFUSED: self._answer.set,
            Kind.PONG: lambda data: self._pong.set((data, monotonic_ns())),
            Kind.GO: self._on_go,
            Kind.STOP: lambda data: self._commands.end(self._clock.to_worker(data["at_ns"]) if data["at_ns"] else 0),
            Kind.TAKEN: lambda data: self._courier.taken(data) if self._courier else None,
            Kind.DISMISSED: lambda data: self._courier.compared(data) if self._courier else None,
        }

    def work(self) -> None:
        """Say hello, do the share, bring its files home; ``failure`` says why if that did not work out."""
        try:
            self._work()
        except HarnessError as error:
            self.failure = str(error)
            self._heard({"event": "over", "text": str(error)})
        self._tell("ended", text=self.failure)

    def leave(self) -> None:
        """End in order before the master says so: plan nothing more, and bring home what there is."""
        self._commands.end()
        if not self._answer.ready():
            self._answer.set({"refused": "it was stopped before it had a share"})
        if self._running is not None:
            self._running.wait()

    def heard_of_master(self) -> None:
        """The master has given a sign of life."""
        self._heard_at = monotonic()

    def _work(self) -> None:
        answer = self._say_hello()
        if "refused" in answer:
            raise HarnessError(f"The master has no use for this worker: {answer['refused']}.")
        plan = self._plan_of(answer)
        self._tell("joined", worker=plan.worker, workers=plan.workers, last=int(answer["last"]))
        self._compare_clocks(str(answer["clock"]))
        others = [gevent.spawn(self._watch_master)]
        if plan.directory == self._terms.directory:
            self._heard({"event": "apart"})
            self._courier = Courier(self._channel, plan.directory, plan.worker)
            others.append(gevent.spawn(self._courier.follow, lambda: False))
        self._running = self._run(plan, self._commands, self._heard)
        try:
            self._running.wait()
        finally:
            gevent.killall(others)
        self.failure = self.failure or self._running.failure
        if self._clock.error_ns:
            # Once more: clocks drift, and the difference says by how much.
            self._compare_clocks("")
        if self._courier is not None:
            self._courier.finish()
            self._tell("home")

    def _say_hello(self) -> Mapping[str, Any]:
        name = f"{host_name()}:{os.getpid()}"
        hello = Hello(VERSIONS, name, clock_identity(), self._terms.number, os.getpid())
        while not self._answer.ready():
            self._channel.send_message(Kind.HELLO, asdict(hello))
            self._answer.wait(_HELLO_EVERY)
        answer: Mapping[str, Any] = self._answer.get()
        return answer

    def _plan_of(self, answer: Mapping[str, Any]) -> TrafficChildPlan:
        """The plan as it is to be carried out here."""
        plan = from_json(TrafficChildPlan, answer["plan"])
        if not self._terms.apart and _shares_disk(plan, str(answer["clock"])):
            return plan
        traffic = plan.traffic
        if traffic.tls is not None and traffic.tls.ca:
            # The file is on the master's machine; what it holds was sent along.
            path = self._terms.directory / "authorities.pem"
            write_text(path, answer["authorities"])
            traffic = replace(traffic, tls=replace(traffic.tls, ca=str(path)))
        calibration = self._terms.calibration if plan.calibration is not None else None
        return replace(plan, traffic=traffic, directory=self._terms.directory, calibration=calibration)

    def _compare_clocks(self, identity: str) -> None:
        """Learn how far the master's clock is from ours; not at all, if it is the same.

        Raises:
            ClockError: It can't be known.
        """
        if not identity or identity != clock_identity():
            made = [ping for ping in (self._ping() for _ in range(PINGS)) if ping is not None]
            self._clock = estimate(made)
        self._heard({"event": "clock", "offset_ns": self._clock.offset_ns, "error_ns": self._clock.error_ns})

    def _ping(self) -> Ping | None:
        self._pong = AsyncResult()
        asked = monotonic_ns()
        self._channel.send_message(Kind.PING, {"asked": asked})
        if not self._pong.wait(_PONG_SECONDS):
            return None
        data, answered = self._pong.get()
        # An answer to an earlier question that was given up says nothing.
        return Ping(asked, data["at_ns"], answered) if data["asked"] == asked else None

    def _on_go(self, data: Mapping[str, Any]) -> None:
        origin = self._clock.to_worker(data["origin_ns"])
        self._commands.begin(data["address"], data["port"], data["seconds"], origin, data["backends"])

    def _heard(self, event: Mapping[str, Any]) -> None:
        """Pass on what concerns all."""
        if event["event"] in _TOLD or event.get("what") in _GRAVE:
            self._channel.send_message(Kind.EVENT, dict(event))
            self._tell(str(event["event"]), **{k: v for k, v in event.items() if k not in {"event", "at_ns"}})

    def _watch_master(self) -> None:
        """Stop when the master has gone: nobody watches any more."""
        self.heard_of_master()
        while monotonic() - self._heard_at < MASTER_SECONDS:
            gevent.sleep(0.5)
        self.failure = f"The master has given no sign of life for {MASTER_SECONDS:g} s."
        self._commands.end()


def _shares_disk(plan: TrafficChildPlan, clock: str) -> bool:
    """Whether the master's folder is here too: the same machine, and its journal where it says."""
    return clock == clock_identity() and (plan.directory / JOURNAL).exists()
