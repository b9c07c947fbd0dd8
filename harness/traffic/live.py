"""Ledgers read while they are written: how many were lost so far, and whether the new version has answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

import numpy as np

from harness.model.attempt import LOSSES, Outcome
from harness.store.ledger_tail import LedgerTail, Rows
from harness.traffic.event_log import JournalReader

_LOST = [int(outcome) for outcome in LOSSES]


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
        #: For each route and responder, when its latest OK attempt was sent, in ns from the origin.
        self._latest: dict[tuple[int, int], int] = {}
        #: For when the lost attempts were planned, in ns from the origin: of settled rows, and of those after them.
        self._lost: list[int] = []
        self._lost_lately: list[int] = []
        #: As ``LiveCounts.last_loss``.
        self.last_loss: tuple[Outcome, int] | None = None

    def outcomes(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """How many attempts have each outcome now, by its code."""
        for rows in self._tail.settle():
            self._outcomes += np.bincount(rows["outcome"], minlength=len(Outcome))
            self._lost += self._note(rows)
        open_rows = self._tail.unsettled()
        self._lost_lately = self._note(open_rows)
        return self._outcomes + np.bincount(open_rows["outcome"], minlength=len(Outcome))

    def latest(self) -> Mapping[tuple[int, int], int]:
        """When the latest OK attempt of each (route, responder) was sent, in nanoseconds from the origin."""
        self.outcomes()
        return self._latest

    def lost(self, since: int) -> int:
        """How many attempts planned at ``since`` (nanoseconds from the origin) or later are lost."""
        self.outcomes()
        return sum(planned >= since for planned in chain(self._lost, self._lost_lately))

    def close(self) -> None:
        """Let go of the file."""
        self._tail.close()

    def _note(self, rows: Rows) -> list[int]:
        """Remember who answered and what was lost; returns when the lost ones were planned."""
        good = rows[rows["outcome"] == Outcome.OK]
        for route, responder in set(zip(good["route"].tolist(), good["responder"].tolist(), strict=True)):
            sent = int(good["sent"][(good["route"] == route) & (good["responder"] == responder)].max())
            self._latest[route, responder] = max(sent, self._latest.get((route, responder), sent))
        lost = rows[np.isin(rows["outcome"], _LOST)]
        if len(lost):
            latest = lost[lost["done"].argmax()]
            if self.last_loss is None or latest["done"] > self.last_loss[1]:
                self.last_loss = Outcome(int(latest["outcome"])), int(latest["done"])
        planned: list[int] = lost["planned"].tolist()
        return planned


class LiveWorker:
    """One sender's ledger and what its responders' numbers mean.

    Args:
        ledger: Its ledger; it need not be there yet.
        journal: Its journal.
    """

    def __init__(self, ledger: Path, journal: JournalReader) -> None:
        self.ledger = LiveLedger(ledger)
        self._journal = journal

    def answered(self, pattern: str, since: int, route: int | None = None) -> bool:
        """Whether an attempt sent after ``since`` was OK, with a body that matches a pattern.

        Args:
            pattern: A glob.
            since: Nanoseconds from the origin.
            route: Index of the route that it was for; any where None.
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
    """All senders of a traffic.

    Args:
        workers: One for each sender.
    """

    def __init__(self, workers: Sequence[LiveWorker]) -> None:
        self._workers = workers
        #: What was answered stays so.
        self._answered: set[tuple[str, int, int | None]] = set()

    def answered(self, pattern: str, since: int, route: int | None = None) -> bool:
        """As ``LiveWorker.answered``, of any of them."""
        asked = (pattern, since, route)
        if asked not in self._answered and any(worker.answered(*asked) for worker in self._workers):
            self._answered.add(asked)
        return asked in self._answered

    def lost(self, since: int) -> int:
        """As ``LiveLedger.lost``, of all of them."""
        return sum(worker.ledger.lost(since) for worker in self._workers)

    def counts(self) -> LiveCounts:
        """What the ledgers show now, all together."""
        by_code = sum((worker.ledger.outcomes() for worker in self._workers), np.zeros(len(Outcome), np.int64))
        losses = [worker.ledger.last_loss for worker in self._workers if worker.ledger.last_loss is not None]
        return LiveCounts(
            sent=int(by_code.sum() - by_code[Outcome.MISSED] - by_code[Outcome.CLIENT_FAULT]),
            ok=int(by_code[Outcome.OK]),
            lost=int(sum(by_code[outcome] for outcome in LOSSES)),
            last_loss=max(losses, key=lambda loss: loss[1], default=None),
        )

    def close(self) -> None:
        """Let go of the files."""
        for worker in self._workers:
            worker.ledger.close()
