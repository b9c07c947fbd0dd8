"""Reads the records of all workers of a trial as the records of one traffic.

Each worker numbers its responders and connections itself; here each number gets one meaning for all workers. Unreadable
records are listed as damage and left out: the judge sees the rest, and the trial fails because of the damage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.analysis.evidence import Calibration, Rows
from harness.errors import EvidenceError, HarnessError
from harness.model.counted import CountedAttempts
from harness.store.compacted import counted_in
from harness.store.ledger import read_ledger
from harness.store.ledger_reading import (
    JUDGED_ATTEMPT,
    JUDGED_CONNECTION,
    FirstBlocks,
    RecordBlocks,
    attempts_in,
    connections_in,
    load_attempts,
    load_connections,
)
from harness.store.segments import check_segments, paths_of
from harness.traffic.plan import JOURNAL, PLAN, journal_of

_NS = 1_000_000_000


@dataclass(slots=True)
class RecordedTraffic:
    """The records in a trial's traffic folder.

    Attributes:
        workers: Number of workers that shared the schedule.
        journal: Events of the master, or of the only process.
        journals: Events of each worker.
        damage: Descriptions of records that can't be read.
        most: Number of attempts of each worker that are read, by worker; workers that are not here are read whole.
    """

    directory: Path
    workers: int = 1
    journal: list[dict[str, Any]] = field(default_factory=list)
    journals: list[list[dict[str, Any]]] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    most: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> RecordedTraffic:
        """Read the plan and the journals of a folder."""
        recorded = cls(directory)
        planned = recorded._planned_workers()
        recorded.workers = planned or 1
        recorded.journal = recorded._events(JOURNAL)
        names = [journal_of(number) for number in range(planned)]
        recorded.journals = [recorded._events(name) for name in names] or [recorded.journal]
        return recorded

    @property
    def token(self) -> str:
        """Return the prefix of the ids of the attempts; empty if it was not recorded."""
        journals = (self.journal, *self.journals)
        return next((str(e.get("token")) for journal in journals for e in journal if e.get("event") == "ready"), "")

    @property
    def origin_ns(self) -> int:
        """Return the schedule's start from the traffic's journal, in ns of CLOCK_MONOTONIC; 0 if it is not there."""
        return self._moment("started", "origin_ns")

    @property
    def stopped_ns(self) -> int:
        """Return the schedule's end from the traffic's journal, in ns of CLOCK_MONOTONIC; 0 if it is not there."""
        return self._moment("stopping", "at_ns")

    def _moment(self, event: str, name: str) -> int:
        return next((int(e.get(name, 0)) for e in self.journal if e.get("event") == event), 0)

    def tokens(self) -> dict[int, str]:
        """Return the prefix of the ids of each worker's attempts on the wire, by worker."""
        return {
            number: str(event.get("token", ""))
            for number, journal in enumerate(self.journals)
            for event in journal
            if event.get("event") == "ready"
        }

    def faults(self) -> tuple[str, ...]:
        """Return the failures of the traffic processes themselves, as text, without duplicates."""
        journals = (self.journal, *(journal for journal in self.journals if journal is not self.journal))
        texts = [
            f"{e.get('what')}: {e.get('text')}" for journal in journals for e in journal if e.get("event") == "fault"
        ]
        return tuple(dict.fromkeys(texts))

    def open_ended(self) -> int:
        """Return the number of right answers of which no worker can say whether they were whole."""
        return sum(int(e.get("open_ended", 0)) for journal in self.journals for e in journal)

    def clock_errors(self) -> dict[int, float]:
        """Return the possible error of each worker's times in seconds; workers on this machine are left out."""
        errors: dict[int, float] = {}
        for event in self.journal:
            if event.get("event") == "clock" and event["error_ns"]:
                found = (event["error_ns"] + abs(event.get("moved_ns", 0))) / _NS
                errors[event["worker"]] = max(found, errors.get(event["worker"], 0.0))
        return errors

    def attempts(self, *, begun: bool) -> tuple[Rows, dict[int, str]]:
        """Return all attempts, and the meaning of their responders' numbers.

        A missing ledger is damage once traffic has begun.
        """
        rows = self._rows("ledger", load_attempts, JUDGED_ATTEMPT, begun=begun)
        for worker, most in self.most.items():
            rows = rows[(rows["worker"] != worker) | (rows["number"] < most)]
        if self.workers == 1:
            return rows, self.responders()
        meanings: dict[str, int] = {}
        for worker, journal in enumerate(self.journals):
            mine = rows["worker"] == worker
            rows["responder"][mine] = _renumbered(rows["responder"][mine], _responders(journal), meanings)
        _set_apart(rows, "connection", self.workers)
        return rows, {number: text for text, number in meanings.items()}

    def connections(self, *, begun: bool) -> Rows:
        """Return all connections; with several workers they get numbers that are unique among all."""
        rows = self._rows("connections", load_connections, JUDGED_CONNECTION, begun=begun)
        if self.workers > 1:
            _set_apart(rows, "number", self.workers)
        return rows

    def counted(self) -> tuple[CountedAttempts, ...]:
        """Return the attempts that were counted and not kept, by segment; what can't be read is damage."""
        found = list[CountedAttempts]()
        for worker in range(self.workers):
            try:
                found += counted_in(self.directory, worker)
            except EvidenceError as error:
                self.damage.append(str(error))
        return tuple(found)

    def blocks(self, least: int) -> tuple[RecordBlocks, RecordBlocks] | None:
        """Return attempts and connections in blocks; None for fewer attempts, several workers, or unreadable files."""
        if self.workers > 1:
            return None
        try:
            attempts = attempts_in(paths_of(self.directory, "ledger", 0))
            connections = connections_in(paths_of(self.directory, "connections", 0))
        except EvidenceError:
            return None
        if 0 in self.most:
            attempts = FirstBlocks(attempts, self.most[0])
        return (attempts, connections) if len(attempts) >= least else None

    def check_segments(self) -> None:
        """Compare the segments of each worker with their seals; what differs is damage."""
        for worker in range(self.workers):
            self.damage += check_segments(self.directory, worker).damage

    def responders(self) -> dict[int, str]:
        """Return the meaning of the responders' numbers of a process that sent alone."""
        return _responders(self.journals[0])

    def calibration(self) -> Calibration | None:
        """Return the detector's calibration; None if it is missing for any worker."""
        found = [self._calibration(number) for number in range(self.workers)]
        present = [calibration for calibration in found if calibration is not None]
        if present and len(present) < self.workers:
            missing = ", ".join(str(number) for number, calibration in enumerate(found) if calibration is None)
            self.damage.append(f"no calibration of worker {missing}")
            return None
        return Calibration.joined(present) if present else None

    def _calibration(self, number: int) -> Calibration | None:
        record = self.directory / f"calibration-{number}.json"
        if not record.exists():
            return None
        try:
            rows = read_ledger(self.directory / f"calibration-{number}.npy")
            return Calibration.of(json.loads(record.read_text(encoding="utf-8")), rows)
        except (ValueError, KeyError, TypeError, HarnessError) as error:
            self.damage.append(f"the calibration can't be read: {error}")
            return None

    def _planned_workers(self) -> int:
        """Return how many workers the plan has; 0 if one process sent alone."""
        try:
            crew = json.loads((self.directory / PLAN).read_text(encoding="utf-8"))["crew"]
            return int(crew["local"]) + int(crew["remote"]) if crew else 0
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.damage.append(f"{PLAN} is damaged: {error!r}")
            return 0

    def _events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a journal; a last line cut short by kill -9 is dropped."""
        path = self.directory / name
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")
        try:
            return [json.loads(line) for line in lines[:-1]]
        except ValueError as error:
            self.damage.append(f"{name} is damaged: {error}")
            return []

    def _rows(
        self, kind: str, load: Callable[[Sequence[Sequence[Path]]], Rows], dtype: np.dtype[np.void], *, begun: bool
    ) -> Rows:
        ledgers = [paths_of(self.directory, kind, number) for number in range(self.workers)]
        try:
            return load(ledgers)
        except EvidenceError:
            sound = [list(self._readable(paths, load, begun=begun)) for paths in ledgers]
        return load([paths for paths in sound if paths]) if any(sound) else np.zeros(0, dtype)

    def _readable(
        self, paths: Iterable[Path], load: Callable[[Sequence[Sequence[Path]]], Rows], *, begun: bool
    ) -> Iterable[Path]:
        for path in paths:
            try:
                load([[path]])
            except EvidenceError as error:
                if begun or path.exists():
                    self.damage.append(str(error))
                continue
            yield path


def _responders(journal: list[dict[str, Any]]) -> dict[int, str]:
    return {int(e["number"]): str(e["text"]) for e in journal if e.get("event") == "responder"}


def _renumbered(numbers: Any, texts: dict[int, str], meanings: dict[str, int]) -> Any:
    """Translate one worker's responder numbers to those of all workers; extends ``meanings``.

    0 means no responder for all of them.
    """
    table = np.zeros(int(np.max(numbers, initial=0)) + 1, np.uint16)
    for number in range(1, len(table)):
        text = texts.get(number, f"answer {number}")
        table[number] = meanings.setdefault(text, len(meanings) + 1)
    return table[numbers]


def _set_apart(rows: Rows, name: str, workers: int) -> None:
    """Make numbers that each worker counts from 1 unique among all workers; 0 still means none."""
    numbers = rows[name].astype(np.int64)
    rows[name] = np.where(numbers > 0, (numbers - 1) * workers + rows["worker"] + 1, 0)
