"""Ledgers read while they are written: losses so far, and answers of the new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

import numpy as np

from harness.model.attempt import LOSSES, Outcome
from harness.store.ledger_tail import LedgerTail, Rows
from harness.traffic.event_log import EventLogReader

#: By code of an outcome: True for a loss.
_IS_LOSS = np.array([outcome in LOSSES for outcome in sorted(Outcome)])
#: Upper bounds of the latency histogram's buckets in seconds; the last bucket is open.
LATENCY_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_BOUNDS_NS = np.array([round(bound * 1e9) for bound in LATENCY_BOUNDS], np.int64)
_NO_LATENCIES = np.zeros(len(LATENCY_BOUNDS) + 1, np.int64)


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """The present numbers of a ledger.

    Attributes:
        sent: Attempts begun, without those that failed because of the sender's own machine.
        ok: Attempts with a right answer.
        lost: Lost attempts.
        last_loss: Outcome and time (nanoseconds from the origin) of the latest lost attempt; None if none was lost.
        by_outcome: Attempts and missed slots by outcome code.
        latencies: Attempts with a right answer by bucket of ``LATENCY_BOUNDS``, from their planned time. Those after an
            attempt that is still open are not among them yet.
        latency_seconds: The sum of these latencies.
    """

    sent: int
    ok: int
    lost: int
    last_loss: tuple[Outcome, int] | None = None
    by_outcome: tuple[int, ...] = (0,) * len(Outcome)
    latencies: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS) + 1)
    latency_seconds: float = 0.0


class LiveLedger:
    """Reads a ledger while it is written.

    Args:
        path: The ledger; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._tail = LedgerTail(path)
        self._outcomes = np.zeros(len(Outcome), np.int64)
        #: See ``LiveCounts.latencies`` and ``LiveCounts.latency_seconds``.
        self.latencies = _NO_LATENCIES.copy()
        self.latency_seconds = 0.0
        #: Send time of the latest OK attempt by route and responder, in ns from the origin.
        self._latest: dict[tuple[int, int], int] = {}
        #: Planned times of lost attempts in ns from the origin: of settled rows, and of later ones.
        self._lost: list[int] = []
        self._lost_lately: list[int] = []
        #: See ``LiveCounts.last_loss``.
        self.last_loss: tuple[Outcome, int] | None = None

    def outcomes(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the number of attempts by outcome code."""
        for rows in self._tail.settle():
            self._outcomes += np.bincount(rows["outcome"], minlength=len(Outcome))
            self._lost += self._note(rows)
            self._time(rows)
        open_rows = self._tail.unsettled()
        self._lost_lately = self._note(open_rows)
        return self._outcomes + np.bincount(open_rows["outcome"], minlength=len(Outcome))

    def latest(self) -> Mapping[tuple[int, int], int]:
        """Return the send time of the latest OK attempt by (route, responder), in nanoseconds from the origin."""
        self.outcomes()
        return self._latest

    def lost(self, since: int) -> int:
        """Count the lost attempts that were planned at ``since`` (nanoseconds from the origin) or later."""
        self.outcomes()
        return sum(planned >= since for planned in chain(self._lost, self._lost_lately))

    def close(self) -> None:
        """Close the file."""
        self._tail.close()

    def _time(self, rows: Rows) -> None:
        """Add the latencies of final rows."""
        good = rows[rows["outcome"] == Outcome.OK]
        took = good["done"] - good["planned"]
        self.latencies += np.bincount(np.searchsorted(_BOUNDS_NS, took), minlength=len(self.latencies))
        self.latency_seconds += float(took.sum()) / 1e9

    def _note(self, rows: Rows) -> list[int]:
        """Note responders and losses; return the planned times of the lost attempts."""
        good = rows[rows["outcome"] == Outcome.OK]
        for route, responder in set(zip(good["route"].tolist(), good["responder"].tolist(), strict=True)):
            sent = int(good["sent"][(good["route"] == route) & (good["responder"] == responder)].max())
            self._latest[route, responder] = max(sent, self._latest.get((route, responder), sent))
        lost = rows[_IS_LOSS[rows["outcome"]]]
        if len(lost):
            latest = lost[lost["done"].argmax()]
            if self.last_loss is None or latest["done"] > self.last_loss[1]:
                self.last_loss = Outcome(int(latest["outcome"])), int(latest["done"])
        planned: list[int] = lost["planned"].tolist()
        return planned


class LiveWorker:
    """The ledger of one sender, with the texts of its responders.

    Args:
        ledger: Its ledger; it need not exist yet.
        journal: Its event log.
    """

    def __init__(self, ledger: Path, journal: EventLogReader) -> None:
        self.ledger = LiveLedger(ledger)
        self._journal = journal

    def answered(self, pattern: str, since: int, route: int | None = None) -> bool:
        """Return True if an attempt that was sent after ``since`` got a right answer with a matching body.

        Args:
            pattern: A glob.
            since: Nanoseconds from the origin.
            route: Index of its route; None for any.
        """
        self._journal.poll()
        numbers = {
            event["number"]
            for event in self._journal.events
            if event["event"] == "responder" and fnmatchcase(event["text"], pattern)
        }
        return any(
            number in numbers and sent >= since and route in (None, of)
            for (of, number), sent in self.ledger.latest().items()
        )


class LiveTraffic:
    """The ledgers of all senders.

    Args:
        workers: One for each sender.
    """

    def __init__(self, workers: Sequence[LiveWorker]) -> None:
        self._workers = workers
        #: Arguments for which ``answered`` has returned True; this does not change any more.
        self._answered: set[tuple[str, int, int | None]] = set()

    def answered(self, pattern: str, since: int, route: int | None = None) -> bool:
        """Return True if it is true of any sender; see ``LiveWorker.answered``."""
        asked = (pattern, since, route)
        if asked not in self._answered and any(worker.answered(*asked) for worker in self._workers):
            self._answered.add(asked)
        return asked in self._answered

    def lost(self, since: int) -> int:
        """Sum over all senders; see ``LiveLedger.lost``."""
        return sum(worker.ledger.lost(since) for worker in self._workers)

    def counts(self) -> LiveCounts:
        """Return the present numbers of all ledgers together."""
        by_code = sum((worker.ledger.outcomes() for worker in self._workers), np.zeros(len(Outcome), np.int64))
        losses = [worker.ledger.last_loss for worker in self._workers if worker.ledger.last_loss is not None]
        return LiveCounts(
            sent=int(by_code.sum() - by_code[Outcome.MISSED] - by_code[Outcome.CLIENT_FAULT]),
            ok=int(by_code[Outcome.OK]),
            lost=int(sum(by_code[outcome] for outcome in LOSSES)),
            last_loss=max(losses, key=lambda loss: loss[1], default=None),
            by_outcome=tuple(by_code.tolist()),
            latencies=tuple(sum((each.ledger.latencies for each in self._workers), _NO_LATENCIES).tolist()),
            latency_seconds=sum(worker.ledger.latency_seconds for worker in self._workers),
        )

    def close(self) -> None:
        """Close the files."""
        for worker in self._workers:
            worker.ledger.close()
