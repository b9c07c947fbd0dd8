"""A ledger read while it is written: for the progress display, for statistics, for "has the new version answered?".

Read by ``pread`` and not by a map: the writer cuts the file at its end, and a map beyond the end of a file is fatal.
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
        path: The file; it need not be there yet.

    Attributes:
        settled: Rows before this one are final: all of them have an outcome.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settled = 0
        self._fd = -1

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def settle(self) -> Iterator[Rows]:
        """The rows that became final since the last call, in blocks, each row once."""
        for rows in self._blocks(self.settled):
            open_rows = np.flatnonzero(rows["outcome"] == Outcome.UNFINISHED)
            final = int(open_rows[0]) if len(open_rows) else len(rows)
            self.settled += final
            yield rows[:final]
            if final < len(rows):
                return

    def unsettled(self) -> Rows:
        """A copy of all rows from ``settled`` on, some of which may be final by themselves."""
        blocks = list(self._blocks(self.settled))
        return np.concatenate(blocks) if blocks else np.zeros(0, ATTEMPT)

    def _blocks(self, start: int) -> Iterator[Rows]:
        """Written rows from ``start`` on; a row with an outcome has all that belongs to it."""
        while self._is_open():
            first = self._read(start)
            count = int(np.count_nonzero(first["written"]))
            if not count:
                return
            # The outcome is stored last. A row that has one in a first reading is whole in a second; one that got
            # its outcome in between counts as it was.
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
