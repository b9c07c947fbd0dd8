"""Reads a ledger while it is written, for progress, for statistics, and to detect the new version's answers.

It uses ``pread`` and no memory map: the writer cuts the file at its end, and access beyond the end of a mapped file is
fatal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness.model.attempt import Outcome
from harness.store.ledger_format import ATTEMPT
from harness.store.mapped import HEADER

_BLOCK = 4096

Rows = np.ndarray[tuple[int], np.dtype[np.void]]


class LedgerTail:
    """Follows one ledger file.

    Args:
        path: The file; it may not exist yet.

    Attributes:
        settled: Number of the first rows that all have an outcome, so they are final.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settled = 0
        self._fd = -1

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

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
        while self._is_open():
            first = self._read(start)
            count = int(np.count_nonzero(first["written"]))
            if not count:
                return
            # The outcome is stored last. A row that has one at the first read is complete at the second. A row that
            # got its outcome in between still counts as unfinished.
            second = self._read(start)[:count].copy()
            second["outcome"] = first["outcome"][: len(second)]
            yield second
            if count < _BLOCK:
                return
            start += count

    def _is_open(self) -> bool:
        if self._fd < 0:
            try:
                self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        return True

    def _read(self, start: int) -> Rows:
        data = os.pread(self._fd, _BLOCK * ATTEMPT.itemsize, HEADER + start * ATTEMPT.itemsize)
        return np.frombuffer(data[: len(data) // ATTEMPT.itemsize * ATTEMPT.itemsize], ATTEMPT)
