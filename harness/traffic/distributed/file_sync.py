"""Synchronisation of a worker's growing files to the master, piece by piece.

A piece is a block of a file at its offset with a checksum. It is sent again until the other side acknowledges it; this
repeats evidence, and never requests. A block that can still change is read again; a final block is dropped once it is
acknowledged, so the cost follows the traffic and not the size of the files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from harness.kit.files import clear_disk_errors, digest_of
from harness.model.attempt import CloseReason, Outcome
from harness.store.ledger_format import ATTEMPT, CONNECTION
from harness.store.mapped import HEADER, header

#: Rows of a piece: 40 KiB of attempts.
_ROWS = 512
#: Bytes of a piece of a file without rows.
_BYTES = 32 * 1024
#: Seconds after which an unacknowledged piece is sent again.
RESEND = 2.0
#: The most pieces under way per file.
_WINDOW = 32


@dataclass(frozen=True, slots=True)
class SyncedFile:
    """A file that every worker has.

    Attributes:
        pattern: Its name, with a placeholder for the worker's number.
        dtype: The type of its rows; None for bytes.
        open_field: The field and value of a row that can still change.
    """

    pattern: str
    dtype: np.dtype[np.void] | None = None
    open_field: tuple[str, int] = ("", 0)

    def path(self, directory: Path, worker: int) -> Path:
        """Return its path."""
        return directory / self.pattern.format(worker)


#: All files that a worker sends; the master writes no others.
SYNCED_FILES: Mapping[str, SyncedFile] = {
    "ledger": SyncedFile("ledger-{}.npy", ATTEMPT, ("outcome", Outcome.UNFINISHED)),
    "connections": SyncedFile("connections-{}.npy", CONNECTION, ("reason", CloseReason.OPEN)),
    "journal": SyncedFile("traffic-{}.jsonl"),
    "backends": SyncedFile("backends-{}.jsonl"),
    "calibration": SyncedFile("calibration-{}.json"),
    "calibration-ledger": SyncedFile("calibration-{}.npy", ATTEMPT, ("outcome", Outcome.UNFINISHED)),
    "calibration-connections": SyncedFile("calibration-connections-{}.npy", CONNECTION, ("reason", CloseReason.OPEN)),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of a file as it is sent."""

    kind: str
    offset: int
    data: bytes
    digest: str

    @classmethod
    def of(cls, kind: str, offset: int, data: bytes) -> Piece:
        """Build a piece with its checksum."""
        return cls(kind, offset, data, checksum(data))

    @property
    def is_sound(self) -> bool:
        """True if the data matches the checksum."""
        return checksum(self.data) == self.digest


def checksum(data: bytes) -> str:
    """Return the checksum of a piece."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def whole(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file."""
    return path.stat().st_size, digest_of(path)


def close_for(directory: Path, worker: int) -> None:
    """Truncate the unused rows in the ledgers of a killed worker, as it would have done itself."""
    for kind in SYNCED_FILES.values():
        path = kind.path(directory, worker)
        if kind.dtype is None or not path.exists():
            continue
        with path.open("r+b") as file:
            file.seek(HEADER)
            used = int(np.count_nonzero(np.fromfile(file, kind.dtype)["written"]))
            file.truncate(HEADER + used * kind.dtype.itemsize)
            file.seek(0)
            file.write(header(kind.dtype, used))


@dataclass(slots=True)
class _Block:
    """The state of a block that may need sending."""

    acknowledged_digest: str = ""
    sent: str = ""
    sent_at: float = 0.0
    is_final: bool = False


class GrowingFile:
    """The blocks of a growing file that need sending.

    Args:
        kind: A key of ``SYNCED_FILES``.
        directory: Its folder; the file need not exist yet.
        worker: The worker's number.

    Attributes:
        missing: Unacknowledged blocks at the last call of ``pieces``.
    """

    def __init__(self, kind: str, directory: Path, worker: int) -> None:
        self.kind = kind
        self.missing = 0
        self.path = SYNCED_FILES[kind].path(directory, worker)
        self._rows = SYNCED_FILES[kind].dtype
        self._open_field = SYNCED_FILES[kind].open_field
        self._start = HEADER if self._rows is not None else 0
        self._size = _ROWS * self._rows.itemsize if self._rows is not None else _BYTES
        self._blocks: dict[int, _Block] = {}
        self._seen = 0

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces to send now."""
        self.missing = 0
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            yield from self._pieces(fd, monotonic())
        finally:
            os.close(fd)

    def acknowledged(self, offset: int, digest: str) -> None:
        """Note that the other side has a block with this checksum."""
        index = (offset - self._start) // self._size
        block = self._blocks.get(index)
        if block is None:
            return
        block.acknowledged_digest = digest
        if block.is_final and block.sent == digest:
            del self._blocks[index]

    def _pieces(self, fd: int, now: float) -> Iterator[Piece]:
        for index in self._candidates():
            offset = self._start + index * self._size
            data, is_final = self._cut(os.pread(fd, self._size, offset))
            if not data:
                return
            block = self._blocks.setdefault(index, _Block())
            self._seen = max(self._seen, index + 1)
            block.is_final = is_final
            digest = checksum(data)
            if digest == block.acknowledged_digest:
                if is_final:
                    del self._blocks[index]
                continue
            self.missing += 1
            if block.sent != digest or now - block.sent_at >= RESEND:
                block.sent, block.sent_at = digest, now
                yield Piece(self.kind, offset, data, digest)
            if self.missing >= _WINDOW:
                return

    def _candidates(self) -> Iterator[int]:
        """Yield the indices of blocks to read: those that can still change, then new ones."""
        yield from sorted(self._blocks)
        while True:
            yield self._seen

    def _cut(self, data: bytes) -> tuple[bytes, bool]:
        """Return the written part of a block, and True if it is final."""
        if self._rows is None:
            return data, len(data) == self._size
        rows = np.frombuffer(data[: len(data) // self._rows.itemsize * self._rows.itemsize], self._rows)
        used = int(np.count_nonzero(rows["written"]))
        field, still_open = self._open_field
        is_final = used == _ROWS and not (rows[field] == still_open).any()
        return data[: used * self._rows.itemsize], is_final


class FileReceiver:
    """Writes the pieces of one worker to files that are always readable.

    Args:
        directory: Folder of the files.
        worker: The worker's number.

    Attributes:
        received: Bytes of all sound pieces.
        spoilt: Number of damaged pieces.
    """

    def __init__(self, directory: Path, worker: int) -> None:
        self._directory = directory
        self._worker = worker
        self.received = 0
        self.spoilt = 0

    def take(self, piece: Piece) -> bool:
        """Write a piece; return False if it was rejected.

        A damaged piece, and one that would leave a hole in the file, is rejected, so that its sender sends it again.

        Raises:
            HarnessError: The file cannot be written.
        """
        kind = SYNCED_FILES.get(piece.kind)
        if kind is None or not piece.is_sound:
            self.spoilt += 1
            return False
        path = kind.path(self._directory, self._worker)
        start = HEADER if kind.dtype is not None else 0
        if piece.offset > max(start, path.stat().st_size if path.exists() else 0):
            return False
        with clear_disk_errors(path):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.pwrite(fd, piece.data, piece.offset)
                if kind.dtype is not None:
                    _write_header(fd, kind.dtype)
            finally:
                os.close(fd)
        self.received += len(piece.data)
        return True

    def differences(self, files: Mapping[str, tuple[int, str]]) -> list[str]:
        """Return the names of the files that differ from those of the worker.

        Args:
            files: A key of ``SYNCED_FILES`` -> size and SHA-256 of the worker's file.

        Raises:
            HarnessError: A file cannot be written.
        """
        wrong = []
        for name, (size, digest) in files.items():
            kind = SYNCED_FILES[name]
            path = kind.path(self._directory, self._worker)
            if kind.dtype is not None and not path.exists():
                with clear_disk_errors(path):
                    path.write_bytes(header(kind.dtype, 0))
            if not path.exists() or whole(path) != (size, digest):
                wrong.append(path.name)
        return wrong


def _write_header(fd: int, dtype: np.dtype[np.void]) -> None:
    """Write the number of rows into the header, so that the file can be loaded at any time."""
    rows = max(0, os.fstat(fd).st_size - HEADER) // dtype.itemsize
    os.pwrite(fd, header(dtype, rows), 0)
