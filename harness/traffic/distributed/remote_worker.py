"""A worker on this machine for a run that is led from another one: joins its master, trial after trial.

The Locust worker is a child process as every sender is. This side starts it, proves its detector on a faulty server of
its own, tells what becomes of it, and keeps what it recorded until the master has it.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.kit.interruption import nap
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.distributed.worker_launch import WorkerTerms, worker_command, worker_environment
from harness.traffic.event_log import JournalReader

#: How often it is said that the master is still awaited, in seconds.
_SAY_EVERY = 10.0
#: Seconds that a worker has to drain and to bring its files home when it is stopped.
_STOP_SECONDS = 40.0
#: Seconds that bringing home what a killed worker has left may take.
_RESCUE_SECONDS = 60.0
_LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"

#: What is told of an event of the worker's own account; the fields are the event's.
_WORDS = {
    "clock": "the master's clock is known to {error_ms:.2f} ms",
    "ready": "the detector is proved; waiting for the command to begin",
    "started": "sending to {address}:{port}",
    "stopping": "stopped; waiting for the last answers",
    "drained": "{rows} requests recorded, {unfinished} of them unfinished",
    "home": "every record is with the master",
}


@dataclass(frozen=True, slots=True)
class Joining:
    """How a worker joins.

    Attributes:
        host: Where the master is.
        port: Its port.
        wait: Seconds to wait for it, at first and between trials.
        parent: Folder for what is recorded here.
        tell: Told in words how it goes.
    """

    host: str
    port: int
    wait: float
    parent: Path
    tell: Callable[[str], None]

    def serve(self) -> int:
        """Join the master's trials until there are no more; returns how many they were.

        Raises:
            HarnessError: There is no master, it has no use for this worker, or the worker failed.
        """
        served = 0
        with FaultyServer.start(self.parent / "calibration") as server:
            is_last = False
            while not is_last:
                found = self._one(self.parent / f"trial-{served + 1}", (server.address, server.port), served)
                if found is None:
                    self.tell(f"no further trial within {self.wait:g} s")
                    break
                served += 1
                is_last = found
        return served

    def _one(self, directory: Path, calibration: tuple[str, int], served: int) -> bool | None:
        """Take part in one trial; returns whether it was the last, or nothing if there was none."""
        directory.mkdir(parents=True)
        terms = WorkerTerms(apart=True, directory=directory, calibration=calibration)
        process = ManagedProcess.start(
            worker_command(str(_LOCUSTFILE), self.host, self.port, patience=_STOP_SECONDS),
            name="the Locust worker",
            log=directory / "locust.log",
            env=worker_environment(terms),
        )
        journal = JournalReader(directory / "worker.jsonl")
        try:
            if not self._joins(process, journal):
                if served:
                    return None
                raise HarnessError(
                    f"No master at {self.host}:{self.port} within {self.wait:g} s.",
                    hint=f"Start it with: harness run … --expect-workers N --bind {self.host}:{self.port}",
                )
            self._follow(process, journal)
        finally:
            process.stop(terminate_after=_STOP_SECONDS)
        joined, ended = journal.find("joined"), journal.find("ended")
        if ended is None:
            raise self._died(process, directory, joined)
        if ended["text"]:
            raise HarnessError(str(ended["text"]), hint=f"What was recorded here is in {directory}.")
        shutil.rmtree(directory)
        return bool(joined and joined["last"])

    def _joins(self, process: ManagedProcess, journal: JournalReader) -> bool:
        """Wait until the worker has its share, or is known to get none; False if nobody answers."""
        self.tell(f"waiting for the master at {self.host}:{self.port}")
        begun = said = time.monotonic()
        while process.alive() and not journal.find("joined") and not journal.find("ended"):
            now = time.monotonic()
            if now - begun >= self.wait:
                return False
            if now - said >= _SAY_EVERY:
                self.tell(f"still waiting for the master at {self.host}:{self.port}")
                said = now
            nap(0.05)
        return True

    def _follow(self, process: ManagedProcess, journal: JournalReader) -> None:
        """Tell what happens until the worker's work is over."""
        told = 0

        def over() -> bool:
            nonlocal told
            alive = process.alive()
            journal.poll()
            for event in journal.events[told:]:
                self._say(event)
            told = len(journal.events)
            return not alive or bool(journal.find("ended"))

        wait_until(over, timeout=float("inf"), what="the end of the traffic", interval=0.1)

    def _say(self, event: dict[str, Any]) -> None:
        if event["event"] == "joined":
            self.tell(f"joined as worker {event['worker']} of {event['workers']} (counted from 0)")
        elif event["event"] == "clock" and not event["error_ns"]:
            self.tell("the master is on this machine: one clock")
        elif event["event"] in _WORDS:
            known = event | {"error_ms": event.get("error_ns", 0) / 1e6}
            self.tell(_WORDS[event["event"]].format(**known))

    def _died(self, process: ManagedProcess, directory: Path, joined: dict[str, Any] | None) -> HarnessError:
        """The worker did not end by itself: bring home what it has left, and say so."""
        if joined is None:
            return HarnessError("The Locust worker ended before it had joined.", detail=process.tail())
        self.tell("the Locust worker has died; bringing home what it recorded")
        rescue = ManagedProcess.start(
            [
                *(sys.executable, "-m", "harness.traffic.distributed.recovery", self.host, str(self.port)),
                *(str(directory), str(joined["worker"])),
            ],
            name="bringing home what a worker has left",
            log=directory / "rescue.log",
        )
        try:
            code = rescue.wait(_RESCUE_SECONDS)
        finally:
            rescue.stop()
        left = "everything it recorded is with the master" if code == 0 else f"what it recorded is in {directory} alone"
        return HarnessError(f"The Locust worker died in the middle of its work; {left}.", detail=process.tail())
