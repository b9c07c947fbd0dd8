"""Reads the fields of ledgers that judging needs into a compact copy, block by block.

A ledger can be too large for memory. With a memory map, each read of one field would load all pages, and half of every
page holds fields that judging never uses. A compact copy is smaller and faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from harness.errors import EvidenceError
from harness.model.attempt import Outcome
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


class RecordBlocks(Protocol):
    """Records in blocks; each iteration reads them from the first one."""

    @property
    def part(self) -> np.dtype[np.void]:
        """Return the type of the records that judging keeps."""
        ...

    def __len__(self) -> int:
        """Return the largest number of records that there can be."""
        ...

    def __iter__(self) -> Iterator[Rows]:
        """Yield the records."""
        ...


def load_attempts(ledgers: Sequence[Sequence[Path]]) -> Rows:
    """Load all attempts of some ledgers, one after the other, as a ``JUDGED_ATTEMPT`` array.

    Args:
        ledgers: The segments of each ledger.

    Raises:
        EvidenceError: A file is missing, or is no ledger of this version.
    """
    return _load([attempts_in(paths) for paths in ledgers], JUDGED_ATTEMPT)


def load_connections(ledgers: Sequence[Sequence[Path]]) -> Rows:
    """Load all connections of some connection ledgers as a ``JUDGED_CONNECTION`` array, like ``load_attempts``."""
    return _load([connections_in(paths) for paths in ledgers], JUDGED_CONNECTION)


def attempts_in(paths: Sequence[Path]) -> RecordBlocks:
    """Return the attempts of the segments of one ledger in blocks.

    Raises:
        EvidenceError: A file is missing, or is no ledger of this version.
    """
    segments = [LedgerBlocks(path, ATTEMPT, JUDGED_ATTEMPT) for path in paths]
    return segments[0] if len(segments) == 1 else _SegmentBlocks(segments)


def connections_in(paths: Sequence[Path]) -> RecordBlocks:
    """Return the connections of the segments of one ledger in blocks, like ``attempts_in``.

    A connection that was open when a segment ended has a record in the next one, too. Only its last record counts, in
    the place of the first one.
    """
    segments = [LedgerBlocks(path, CONNECTION, JUDGED_CONNECTION) for path in paths]
    return segments[0] if len(segments) == 1 else _ConnectionBlocks(segments)


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


def outcome_counts(path: Path) -> dict[str, int]:
    """Return the number of attempts of a ledger file by the label of their outcome.

    Raises:
        EvidenceError: The file is missing, or is no ledger of this version.
    """
    counts = np.zeros(256, np.int64)
    for rows in LedgerBlocks(path, ATTEMPT, ATTEMPT):
        counts += np.bincount(rows["outcome"], minlength=256)
    labels = {int(outcome): outcome.label for outcome in Outcome}
    return {labels.get(code, f"unknown-{code}"): int(counts[code]) for code in np.flatnonzero(counts).tolist()}


class FirstBlocks:
    """The first attempts of a ledger that is still written; those after them may be half written.

    Args:
        blocks: The ledger.
        most: Number of the first attempt that is left out.
    """

    def __init__(self, blocks: RecordBlocks, most: int) -> None:
        self.part = blocks.part
        self._blocks, self._most = blocks, most

    def __len__(self) -> int:
        """Return the largest number of records that there can be."""
        return min(self._most, len(self._blocks))

    def __iter__(self) -> Iterator[Rows]:
        """Yield the records."""
        for rows in self._blocks:
            known = rows[rows["number"] < self._most]
            if len(known):
                yield known
            if len(known) < len(rows):
                return


class _SegmentBlocks:
    """The records of some files, one after the other."""

    def __init__(self, segments: Sequence[LedgerBlocks]) -> None:
        self.part = segments[0].part
        self._segments = segments

    def __len__(self) -> int:
        return sum(map(len, self._segments))

    def __iter__(self) -> Iterator[Rows]:
        for segment in self._segments:
            yield from segment


class _ConnectionBlocks(_SegmentBlocks):
    """The connections of some segments, each once and with its last record."""

    def __init__(self, segments: Sequence[LedgerBlocks]) -> None:
        super().__init__(segments)
        self._latest: dict[int, Rows] = {}
        #: The highest number before each segment; lower ones in it are records that were carried over.
        self._before = [0]
        for earlier, segment in pairwise(segments):
            self._before.append(max(self._before[-1], _last_number(earlier)))
            self._latest.update(_carried(segment, self._before[-1]))
        self._numbers = np.array(sorted(self._latest), np.uint64)

    def __iter__(self) -> Iterator[Rows]:
        for before, segment in zip(self._before, self._segments, strict=True):
            for rows in segment:
                own = rows[rows["number"] > before] if before else rows
                for place in np.flatnonzero(np.isin(own["number"], self._numbers)).tolist():
                    own[place] = self._latest[int(own["number"][place])]
                if len(own):
                    yield own


def _carried(segment: LedgerBlocks, highest: int) -> Iterator[tuple[int, Rows]]:
    """Yield the records at the begin of a segment that belong to connections of earlier ones."""
    for rows in segment:
        carried = rows[rows["number"] <= highest]
        yield from ((int(row["number"]), row) for row in carried)
        if len(carried) < len(rows):
            return


def _last_number(segment: LedgerBlocks) -> int:
    """Return the highest number of a segment; 0 if it is empty."""
    return max((int(rows["number"].max()) for rows in segment), default=0)


def _load(ledgers: Sequence[RecordBlocks], part: np.dtype[np.void]) -> Rows:
    rows = np.zeros(sum(map(len, ledgers)), part)
    used = 0
    for ledger in ledgers:
        for block in ledger:
            for name in part.names or ():
                rows[name][used : used + len(block)] = block[name]
            used += len(block)
    return rows[:used]
