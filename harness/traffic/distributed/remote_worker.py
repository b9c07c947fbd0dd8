"""A worker on this machine for the master of a run on another one; it joins trial after trial.

The Locust worker is a child process like every sender. This side starts it, calibrates it with a faulty server of its
own, reports its progress, and keeps its records until the master has them.
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
from harness.traffic.distributed.worker_launch import WorkerSettings, worker_command, worker_environment
from harness.traffic.event_log import EventLogReader

#: Seconds between reports that the master is still awaited.
_REPORT_EVERY = 10.0
#: Seconds within which a stopped worker must drain and send its files.
_STOP_SECONDS = 40.0
#: Seconds within which the recovery of a killed worker's files must end.
_RECOVERY_SECONDS = 60.0
_LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"

#: Texts of the events of the worker's log, with the events' fields.
_WORDS = {
    "clock": "the master's clock is known to {error_ms:.2f} ms",
    "ready": "the detector is calibrated; waiting for the command to begin",
    "started": "sending to {address}:{port}",
    "stopping": "stopped; waiting for the last answers",
    "drained": "{rows} requests recorded, {unfinished} of them unfinished",
    "home": "the master has every record",
}


@dataclass(frozen=True, slots=True)
class RemoteWorker:
    """Joins the trials of a master.

    Attributes:
        host: Host of the master.
        port: Its port.
        wait: Seconds to wait for it, at first and between trials.
        parent: Folder for the records on this machine.
        report: Receives the progress in words.
    """

    host: str
    port: int
    wait: float
    parent: Path
    report: Callable[[str], None]

    def serve(self) -> int:
        """Join the master's trials until there are no more; return their number.

        Raises:
            HarnessError: There is no master, it refused this worker, or the worker failed.
        """
        served = 0
        with FaultyServer.start(self.parent / "calibration") as server:
            is_last = False
            while not is_last:
                found = self._one(self.parent / f"trial-{served + 1}", (server.address, server.port), served)
                if found is None:
                    self.report(f"no further trial within {self.wait:g} s")
                    break
                served += 1
                is_last = found
        return served

    def _one(self, directory: Path, calibration: tuple[str, int], served: int) -> bool | None:
        """Join one trial; return True if it was the last, or None if there was none."""
        directory.mkdir(parents=True)
        settings = WorkerSettings(apart=True, directory=directory, calibration=calibration)
        process = ManagedProcess.start(
            worker_command(str(_LOCUSTFILE), self.host, self.port, patience=_STOP_SECONDS),
            name="the Locust worker",
            log=directory / "locust.log",
            env=worker_environment(settings),
        )
        journal = EventLogReader(directory / "worker.jsonl")
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
            raise HarnessError(str(ended["text"]), hint=f"The records of this worker are in {directory}.")
        shutil.rmtree(directory)
        return bool(joined and joined["last"])

    def _joins(self, process: ManagedProcess, journal: EventLogReader) -> bool:
        """Wait until the worker has its share, or its refusal; return False if no master answers."""
        self.report(f"waiting for the master at {self.host}:{self.port}")
        begun = said = time.monotonic()
        while process.alive() and not journal.find("joined") and not journal.find("ended"):
            now = time.monotonic()
            if now - begun >= self.wait:
                return False
            if now - said >= _REPORT_EVERY:
                self.report(f"still waiting for the master at {self.host}:{self.port}")
                said = now
            nap(0.05)
        return True

    def _follow(self, process: ManagedProcess, journal: EventLogReader) -> None:
        """Report events until the worker has ended."""
        reported = 0

        def over() -> bool:
            nonlocal reported
            alive = process.alive()
            journal.poll()
            for event in journal.events[reported:]:
                self._say(event)
            reported = len(journal.events)
            return not alive or bool(journal.find("ended"))

        wait_until(over, timeout=float("inf"), what="the end of the traffic", interval=0.1)

    def _say(self, event: dict[str, Any]) -> None:
        if event["event"] == "joined":
            self.report(f"joined as worker {event['worker']} of {event['workers']} (counted from 0)")
        elif event["event"] == "clock" and not event["error_ns"]:
            self.report("the master is on this machine: one clock")
        elif event["event"] in _WORDS:
            known = event | {"error_ms": event.get("error_ns", 0) / 1e6}
            self.report(_WORDS[event["event"]].format(**known))

    def _died(self, process: ManagedProcess, directory: Path, joined: dict[str, Any] | None) -> HarnessError:
        """Recover the files of a worker that did not end by itself; return the error."""
        if joined is None:
            return HarnessError("The Locust worker ended before it had joined.", detail=process.tail())
        self.report("the Locust worker has died; sending its records to the master")
        recovery = ManagedProcess.start(
            [
                *(sys.executable, "-m", "harness.traffic.distributed.recovery", self.host, str(self.port)),
                *(str(directory), str(joined["worker"])),
            ],
            name="the recovery of a worker's files",
            log=directory / "recovery.log",
        )
        try:
            code = recovery.wait(_RECOVERY_SECONDS)
        finally:
            recovery.stop()
        left = "the master has all its records" if code == 0 else f"its records are only in {directory}"
        return HarnessError(f"The Locust worker died in the middle of its work; {left}.", detail=process.tail())
