"""The traffic process: Locust's command line on a locustfile, controlled by lines on its standard input."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import HarnessError
from harness.kit.forkserver import ForkServers
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until
from harness.traffic.event_log import EventLogReader
from harness.traffic.forked import TRAFFIC
from harness.traffic.live import LiveCounts, LiveTraffic, LiveWorker
from harness.traffic.plan import VARIABLE, TrafficChildPlan, WorkerGroup, journal_of, write_plan
from harness.traffic.withheld import environment_of

#: Seconds within which the process must carry out a command on a busy machine.
_OBEY_SECONDS = 30.0
#: Seconds on top of the attempts' timeout after which Locust kills its users.
_STOP_GRACE = 30
#: Seconds within which Locust must end once everything is recorded.
_END_SECONDS = 30.0
#: Faults after which no awaited event will come.
_FATAL = frozenset({"failed", "worker-lost"})
#: Faults after which the traffic differs from the plan.
_GRAVE = _FATAL | {"ledger-full", "not-home"}
_LOCUSTFILE = Path(__file__).with_name("locustfile.py")


class TrafficChild:
    """A running traffic process (context manager); see ``start``."""

    def __init__(self, plan: TrafficChildPlan, process: ManagedProcess) -> None:
        self._plan = plan
        self._process = process
        self._journal = EventLogReader(plan.directory / plan.journal)
        self._live = _live(plan, self._journal)
        self._origin_ns = 0
        self._is_drained = False

    @classmethod
    def start(
        cls, plan: TrafficChildPlan, *, locustfile: Path | None = None, servers: ForkServers | None = None
    ) -> TrafficChild:
        """Start Locust, and return while it imports and calibrates.

        Args:
            plan: The plan; its directory is created.
            locustfile: The user's own locustfile, with a subclass of ``LosslessUser``.
            servers: Fork servers, of which one has Locust imported; None to start an interpreter.

        Raises:
            HarnessError: The plan cannot be written, or the process cannot be started.
        """
        path = write_plan(plan).resolve()
        plan.directory.joinpath(plan.journal).unlink(missing_ok=True)
        is_plain = locustfile is None and plan.crew is None
        start = servers.of(TRAFFIC).spawn if servers is not None and is_plain else ManagedProcess.start
        process = start(
            _command(plan, locustfile or _LOCUSTFILE),
            name="the traffic process (Locust)",
            log=plan.directory / "locust.log",
            # Settings for the user's other runs of Locust must not change this one.
            env={k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
            | {VARIABLE: str(path), **environment_of(plan.traffic)},
            stdin_pipe=True,
        )
        return cls(plan, process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.close()
        # A kill would leave readable ledgers, but unfinished attempts.
        self._process.stop(terminate_after=self._plan.traffic.patience + _OBEY_SECONDS)

    def wait_ready(self, timeout: float) -> None:
        """Wait until it has calibrated and can begin.

        Raises:
            HarnessError: It ended, or reported a failure.
            WaitTimeoutError: It took too long.
        """
        self._await("ready", timeout)

    def go(self, address: str, port: int, *, seconds: float = 0.0, backends: Path | None = None) -> int:
        """Begin sending.

        Args:
            address: IP address to connect to.
            port: Its port.
            seconds: Length of the schedule; 0 lets it go on until ``stop``, which must be called in any case.
            backends: A file of backends; one of them is chosen for each connection.

        Returns:
            CLOCK_MONOTONIC of the schedule's origin, a few milliseconds from now.

        Raises:
            HarnessError: It ended, or cannot send to this address.
        """
        where = {"address": address, "port": port, "backends": str(backends.resolve()) if backends else ""}
        self._process.write_line(json.dumps({"go": {**where, "seconds": seconds}}))
        self._origin_ns = self._await("started", _OBEY_SECONDS)["origin_ns"]
        return self._origin_ns

    def stop(self) -> int:
        """Plan no further slot; attempts in flight continue.

        Returns:
            CLOCK_MONOTONIC of the end of the schedule.

        Raises:
            HarnessError: It had ended before.
        """
        self._process.write_line(json.dumps({"stop": True}))
        at: int = self._await("stopping", _OBEY_SECONDS)["at_ns"]
        return at

    def wait_drained(self, timeout: float) -> None:
        """Wait until every attempt has its outcome, the ledgers are closed, and the process has ended.

        Raises:
            HarnessError: It ended early, or the disk was full.
            WaitTimeoutError: It took too long.
        """
        self._await("drained", timeout)
        self._is_drained = True
        self._process.wait(_END_SECONDS)

    def answered(self, pattern: str, since_ns: int, route: str = "") -> bool:
        """Return True if an attempt that was sent after ``since_ns`` got a right answer with a matching body.

        Args:
            pattern: A glob.
            since_ns: CLOCK_MONOTONIC.
            route: Key of its route; empty for any.
        """
        keys = [one.key for one in self._plan.traffic.routes]
        return self._live.answered(pattern, since_ns - self._origin_ns, keys.index(route) if route else None)

    def lost(self, since_ns: int) -> int:
        """Count the lost attempts that were planned since ``since_ns`` (CLOCK_MONOTONIC)."""
        return self._live.lost(since_ns - self._origin_ns)

    def counts(self) -> LiveCounts:
        """Return the present numbers of the ledger.

        Raises:
            HarnessError: The process has ended early, or cannot record any more.
        """
        self._check()
        return self._live.counts()

    def _await(self, event: str, timeout: float) -> dict[str, Any]:
        """Wait for an event of the log."""

        def seen() -> dict[str, Any] | None:
            # Ask this first, so that the last events of a process that has ended are read.
            alive = self._process.alive()
            found = self._journal.find(event)
            if found is None:
                self._check_faults(_FATAL)
            if found is None and not alive:
                raise self._ended()
            return found

        found = wait_until(seen, timeout=timeout, what=lambda: self._missing(event))
        if event == "drained":
            # Only now: everything that was recorded up to the fault is evidence too.
            self._check_faults(_GRAVE)
        return found

    def _missing(self, event: str) -> str:
        """Return the awaited event and the processes that must report it."""
        crew = self._plan.crew
        if crew is None:
            return f"the traffic process to report {event!r}"
        joined = {e["worker"]: e["name"] for e in self._journal.events if e["event"] == "joined"}
        if len(joined) < crew.size:
            return f"{crew.size} workers: {len(joined)} joined at {crew.bind[0]}:{crew.bind[1]}"
        names = ", ".join(f"{number} ({name})" for number, name in sorted(joined.items()))
        return f"the traffic's workers to report {event!r}; they are {names}"

    def _check_faults(self, grave: frozenset[str]) -> None:
        """Raise if the traffic process has reported one of these faults."""
        self._journal.poll()
        for event in self._journal.events:
            if event["event"] == "fault" and event["what"] in grave:
                raise HarnessError(f"The traffic ended early: {event['text']}")

    def _check(self) -> None:
        """Raise if the traffic has ended early."""
        self._check_faults(_GRAVE)
        if not self._is_drained and self._journal.find("drained") is None and not self._process.alive():
            raise self._ended()

    def _ended(self) -> HarnessError:
        return HarnessError("The traffic process ended by itself.", detail=self._process.tail())


def _live(plan: TrafficChildPlan, journal: EventLogReader) -> LiveTraffic:
    """Return readers of all ledgers: of the only process, or of each worker."""
    directory = plan.directory
    if plan.crew is None:
        return LiveTraffic([LiveWorker(directory / f"ledger-{plan.worker}.npy", journal)])
    return LiveTraffic(
        [
            LiveWorker(directory / f"ledger-{number}.npy", EventLogReader(directory / journal_of(number)))
            for number in range(plan.crew.size)
        ]
    )


def _command(plan: TrafficChildPlan, locustfile: Path) -> list[str]:
    patience = round(plan.traffic.patience) + _STOP_GRACE
    users = str(plan.crew.size if plan.crew else 1)
    return [
        *(sys.executable, "-m", "locust", "--locustfile", str(locustfile.resolve())),
        *("--headless", "--users", users, "--spawn-rate", users, "--only-summary"),
        *("--stop-timeout", str(patience), "--exit-code-on-error", "0"),
        *(_master_options(plan.crew) if plan.crew else ()),
    ]


def _master_options(crew: WorkerGroup) -> list[str]:
    """Return the options that make Locust a master."""
    host, port = crew.bind
    return [
        *("--master", "--expect-workers", str(crew.size)),
        *("--master-bind-host", host, "--master-bind-port", str(port)),
    ]
