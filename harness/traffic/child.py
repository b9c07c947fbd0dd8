"""The traffic process as its parent sees it: Locust's command line on a locustfile, led by lines on its input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from harness.errors import HarnessError
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until
from harness.model.attempt import LOSSES, Outcome
from harness.store.ledger_tail import LedgerTail, Rows
from harness.traffic.journal import JournalReader
from harness.traffic.plan import VARIABLE, TrafficChildPlan, write_plan

#: Seconds that the process may take to obey a command on a busy machine.
_OBEY_SECONDS = 15.0
#: Seconds beyond the attempts' timeout that Locust gives the drain before it kills its users.
_STOP_GRACE = 30
#: Seconds that Locust may take to end once all is recorded.
_END_SECONDS = 15.0
_LOST = [int(outcome) for outcome in LOSSES]
_LOCUSTFILE = Path(__file__).with_name("locustfile.py")


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """What the ledger shows at this moment.

    Attributes:
        sent: Attempts begun.
        ok: Attempts answered as they should be.
        lost: Attempts lost.
        last_loss: What the latest lost attempt was lost as, and when, in nanoseconds from the origin; None if none was.
    """

    sent: int
    ok: int
    lost: int
    last_loss: tuple[Outcome, int] | None = None


class LiveLedger:
    """Reads a ledger while it is written.

    Args:
        path: The ledger; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._tail = LedgerTail(path)
        self._outcomes = np.zeros(len(Outcome), np.int64)
        #: For each responder, when its latest OK attempt was sent, in ns from the origin.
        self._latest: dict[int, int] = {}
        #: As ``LiveCounts.last_loss``.
        self.last_loss: tuple[Outcome, int] | None = None

    def outcomes(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """How many attempts have each outcome now, by its code."""
        for rows in self._tail.settle():
            self._outcomes += np.bincount(rows["outcome"], minlength=len(Outcome))
            self._note(rows)
        open_rows = self._tail.unsettled()
        self._note(open_rows)
        return self._outcomes + np.bincount(open_rows["outcome"], minlength=len(Outcome))

    def latest(self) -> Mapping[int, int]:
        """When the latest OK attempt of each responder was sent, in nanoseconds from the origin."""
        self.outcomes()
        return self._latest

    def close(self) -> None:
        """Let go of the file."""
        self._tail.close()

    def _note(self, rows: Rows) -> None:
        good = rows[rows["outcome"] == Outcome.OK]
        for responder in np.unique(good["responder"]):
            sent = int(good["sent"][good["responder"] == responder].max())
            self._latest[int(responder)] = max(sent, self._latest.get(int(responder), sent))
        lost = rows[np.isin(rows["outcome"], _LOST)]
        if len(lost):
            latest = lost[lost["done"].argmax()]
            if self.last_loss is None or latest["done"] > self.last_loss[1]:
                self.last_loss = Outcome(int(latest["outcome"])), int(latest["done"])


class TrafficChild:
    """A running traffic process (context manager); made by ``start``."""

    def __init__(self, plan: TrafficChildPlan, process: ManagedProcess) -> None:
        self._plan = plan
        self._process = process
        self._journal = JournalReader(plan.directory / "traffic.jsonl")
        self._ledger = LiveLedger(plan.directory / f"ledger-{plan.worker}.npy")
        self._origin_ns = 0
        self._is_drained = False

    @classmethod
    def start(cls, plan: TrafficChildPlan, *, locustfile: Path | None = None) -> TrafficChild:
        """Start Locust; it imports and calibrates while the caller does other things.

        Args:
            plan: What is to be sent; its directory is made.
            locustfile: The user's own locustfile; it must hold a subclass of ``LosslessUser``.

        Raises:
            HarnessError: The plan can't be written, or the process not be started.
        """
        path = write_plan(plan).resolve()
        plan.directory.joinpath("traffic.jsonl").unlink(missing_ok=True)
        process = ManagedProcess.start(
            _command(plan, locustfile or _LOCUSTFILE),
            name="the traffic process (Locust)",
            log=plan.directory / "locust.log",
            # What the user has set for other runs of Locust must not change this one.
            env={k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")} | {VARIABLE: str(path)},
            stdin_pipe=True,
        )
        return cls(plan, process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ledger.close()
        # Killed at once it would leave its ledgers readable too, but attempts in flight would be unfinished.
        self._process.stop(terminate_after=self._plan.traffic.timeout + _OBEY_SECONDS)

    def wait_ready(self, timeout: float) -> None:
        """Wait until it has calibrated and can begin at once.

        Raises:
            HarnessError: It ended, or reported a failure.
            WaitTimeoutError: It took too long.
        """
        self._await("ready", timeout)

    def go(self, address: str, port: int, *, seconds: float = 0.0) -> int:
        """Begin sending.

        Args:
            address: IP address to connect to.
            port: Its port.
            seconds: Length of the schedule, beyond which nothing is planned; ``stop`` must be called all the same.
                0 lets it go on until then.

        Returns:
            CLOCK_MONOTONIC of the schedule's origin, a few milliseconds from now.

        Raises:
            HarnessError: It ended, or can't send there.
        """
        self._process.write_line(json.dumps({"go": {"address": address, "port": port, "seconds": seconds}}))
        self._origin_ns = self._await("started", _OBEY_SECONDS)["origin_ns"]
        return self._origin_ns

    def stop(self) -> int:
        """Plan no further slot; attempts in flight go on.

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

    def answered(self, pattern: str, since_ns: int) -> bool:
        """Whether an attempt sent after ``since_ns`` was OK and answered with a body that matches a glob pattern."""
        self._journal.poll()
        numbers = {
            event["number"]
            for event in self._journal.events
            if event["event"] == "responder" and fnmatchcase(event["text"], pattern)
        }
        return any(
            number in numbers and sent >= since_ns - self._origin_ns for number, sent in self._ledger.latest().items()
        )

    def counts(self) -> LiveCounts:
        """What the ledger shows now.

        Raises:
            HarnessError: The process has ended too early, or can't record any more: there is no traffic.
        """
        self._check()
        by_code = self._ledger.outcomes()
        return LiveCounts(
            sent=int(by_code.sum() - by_code[Outcome.MISSED] - by_code[Outcome.CLIENT_FAULT]),
            ok=int(by_code[Outcome.OK]),
            lost=int(sum(by_code[outcome] for outcome in LOSSES)),
            last_loss=self._ledger.last_loss,
        )

    def _await(self, event: str, timeout: float) -> dict[str, Any]:
        """Wait for an event of the journal."""

        def seen() -> dict[str, Any] | None:
            # Asked first, so that the last words of a process that has ended are read.
            alive = self._process.alive()
            found = self._journal.find(event)
            if found is None:
                self._check_faults({"failed"})
            if found is None and not alive:
                raise self._ended()
            return found

        found = wait_until(seen, timeout=timeout, what=f"the traffic process to say {event!r}")
        if event == "drained":
            # Not before all is drained: what was recorded up to the fault is evidence too.
            self._check_faults({"failed", "ledger-full"})
        return found

    def _check_faults(self, grave: set[str]) -> None:
        """Raise if the traffic process itself has reported one of these faults."""
        self._journal.poll()
        for event in self._journal.events:
            if event["event"] == "fault" and event["what"] in grave:
                raise HarnessError(f"The traffic ended early: {event['text']}")

    def _check(self) -> None:
        """Raise if there is no traffic although there should be."""
        self._check_faults({"failed", "ledger-full"})
        if not self._is_drained and self._journal.find("drained") is None and not self._process.alive():
            raise self._ended()

    def _ended(self) -> HarnessError:
        return HarnessError("The traffic process ended by itself.", detail=self._process.tail())


def _command(plan: TrafficChildPlan, locustfile: Path) -> list[str]:
    patience = round(plan.traffic.timeout) + _STOP_GRACE
    return [
        *(sys.executable, "-m", "locust", "--locustfile", str(locustfile.resolve())),
        *("--headless", "--users", "1", "--spawn-rate", "1", "--only-summary"),
        *("--stop-timeout", str(patience), "--exit-code-on-error", "0"),
    ]
