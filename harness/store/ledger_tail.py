"""Reads a ledger while it is written, for progress, for statistics, and to detect the new version's answers.

When a segment ends, reading continues in the next one.
The module uses ``pread`` and no memory map: the writer cuts the file at its end, and access beyond the end of a mapped
file is fatal.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from harness.model.attempt import Outcome
from harness.store.ledger_format import ATTEMPT
from harness.store.mapped import HEADER
from harness.store.segments import next_segment

_BLOCK = 4096

Rows = np.ndarray[tuple[int], np.dtype[np.void]]


class LedgerTail:
    """Follows one ledger file.

    Args:
        path: The file; it may not exist yet.
        first: Number of its first row, if it is a later segment.

    Attributes:
        settled: Number of the first rows that all have an outcome, so they are final.
    """

    def __init__(self, path: Path, first: int = 0) -> None:
        self.path = path
        self.settled = self._first = first
        #: The open segments, from the one of the first row that is not final on.
        self._segments: list[_OpenSegment] = []

    def close(self) -> None:
        """Close the files."""
        for segment in self._segments:
            os.close(segment.fd)
        self._segments.clear()

    def settle(self) -> Iterator[Rows]:
        """Yield the rows that became final since the last call, in blocks, each row once."""
        for rows in self._blocks(self.settled):
            open_rows = np.flatnonzero(rows["outcome"] == Outcome.UNFINISHED)
            final = int(open_rows[0]) if len(open_rows) else len(rows)
            self.settled += final
            yield rows[:final]
            if final < len(rows):
                return

    def unsettled(self) -> Rows:
        """Return a copy of all rows from ``settled`` on; some of them may have an outcome."""
        blocks = list(self._blocks(self.settled))
        return np.concatenate(blocks) if blocks else np.zeros(0, ATTEMPT)

    def _blocks(self, start: int) -> Iterator[Rows]:
        """Yield written rows from ``start`` on; a row with an outcome is complete."""
        self._forget(start)
        place = 0
        while self._is_open(place):
            # Look for the next file first: once it is there, this one gets no further row.
            is_last = not self._is_open(place + 1)
            segment = self._segments[place]
            end = yield from segment.blocks(max(0, start - segment.first))
            if is_last:
                return
            place += 1
            self._segments[place].first = segment.first + end

    def _forget(self, start: int) -> None:
        """Close the segments before that of a row."""
        while len(self._segments) > 1 and 0 <= self._segments[1].first <= start:
            os.close(self._segments.pop(0).fd)

    def _is_open(self, place: int) -> bool:
        """Open a segment; return False if it does not exist yet."""
        if place < len(self._segments):
            return True
        path = next_segment(self._segments[-1].path) if self._segments else self.path
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self._segments.append(_OpenSegment(path, fd, -1 if self._segments else self._first))
        return True


class _OpenSegment:
    """A segment that is read.

    Attributes:
        path: Its file.
        fd: The open file.
        first: Number of its first row; -1 if the segment before it has not been read to its end.
    """

    def __init__(self, path: Path, fd: int, first: int) -> None:
        self.path, self.fd, self.first = path, fd, first

    def blocks(self, start: int) -> Generator[Rows, None, int]:
        """Yield its written rows from one on. Return the number of all that it has now."""
        while True:
            first = self._read(start)
            count = int(np.count_nonzero(first["written"]))
            if not count:
                return start
            # The outcome is stored last. A row that has one at the first read is complete at the second. A row that
            # got its outcome in between still counts as unfinished.
            second = self._read(start)[:count].copy()
            second["outcome"] = first["outcome"][: len(second)]
            yield second
            start += count
            if count < _BLOCK:
                return start

    def _read(self, start: int) -> Rows:
        data = os.pread(self.fd, _BLOCK * ATTEMPT.itemsize, HEADER + start * ATTEMPT.itemsize)
        return np.frombuffer(data[: len(data) // ATTEMPT.itemsize * ATTEMPT.itemsize], ATTEMPT)
