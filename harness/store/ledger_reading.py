"""Reads the fields of ledgers that judging needs into a compact copy, block by block.

A ledger can be too large for memory. With a memory map, each read of one field would load all pages, and half of every
page holds fields that judging never uses. A compact copy is smaller and faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.errors import EvidenceError
from harness.store.ledger import open_rows
from harness.store.ledger_format import ATTEMPT, CONNECTION
from harness.store.mapped import HEADER

Rows = np.ndarray[tuple[int], np.dtype[np.void]]

#: Rows read at once: they and the arrays made of them fit into a processor's cache.
_BLOCK = 32_768


def _part(dtype: np.dtype[np.void], *names: str) -> np.dtype[np.void]:
    """Return a record type with some of the fields, the largest first, so that each is aligned."""
    fields = sorted(((name, dtype[name]) for name in names), key=lambda field: -field[1].itemsize)
    return np.dtype(fields, align=True)


#: Fields of an attempt that judging uses: 56 of 80 bytes.
JUDGED_ATTEMPT = _part(
    ATTEMPT, "number", "planned", "sent", "done", "connection", "bytes_out", "carried", "status", "responder", "worker",
    "route", "method", "shape", "outcome", "progress",
)  # fmt: skip
#: Fields of a connection that judging uses: 32 of 48 bytes.
JUDGED_CONNECTION = _part(CONNECTION, "number", "connected", "closed", "requests", "worker", "shape", "reason")


def load_attempts(paths: Sequence[Path]) -> Rows:
    """Load all attempts of some ledger files, one file after the other, as a ``JUDGED_ATTEMPT`` array.

    Raises:
        EvidenceError: A file is missing, or is no ledger of this version.
    """
    return _load(paths, ATTEMPT, JUDGED_ATTEMPT)


def load_connections(paths: Sequence[Path]) -> Rows:
    """Load all connections of some connection ledgers as a ``JUDGED_CONNECTION`` array, like ``load_attempts``."""
    return _load(paths, CONNECTION, JUDGED_CONNECTION)


class LedgerBlocks:
    """The written records of one ledger file in blocks; each iteration reads the file again.

    Args:
        path: The file.
        whole: Type of its records, ``ATTEMPT`` or ``CONNECTION``.
        part: Type of the records that judging keeps.
        block: Records read at once.

    Attributes:
        part: As above.

    Raises:
        EvidenceError: The file is missing, or is no ledger of this version.
    """

    def __init__(self, path: Path, whole: np.dtype[np.void], part: np.dtype[np.void], *, block: int = _BLOCK) -> None:
        self.part = part
        self._path, self._whole, self._block = path, whole, block
        self._length = len(open_rows(path, whole))

    def __len__(self) -> int:
        """Return the number of records, with those at the end of an unfinished file that are not written yet."""
        return self._length

    def __iter__(self) -> Iterator[Rows]:
        """Yield the records, which are a prefix of the file.

        Raises:
            EvidenceError: The file can't be read.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(HEADER)
                for first in range(0, self._length, self._block):
                    rows = np.fromfile(file, self._whole, min(self._block, self._length - first))
                    count = int(np.count_nonzero(rows["written"]))
                    if count:
                        yield rows[:count]
                    if count < self._block:
                        break
        except OSError as error:
            raise EvidenceError(f"{self._path} can't be read: {error}") from error


def _load(paths: Sequence[Path], whole: np.dtype[np.void], part: np.dtype[np.void]) -> Rows:
    ledgers = [LedgerBlocks(path, whole, part) for path in paths]
    rows = np.zeros(sum(map(len, ledgers)), part)
    used = 0
    for ledger in ledgers:
        for block in ledger:
            for name in part.names or ():
                rows[name][used : used + len(block)] = block[name]
            used += len(block)
    return rows[:used]
