"""Files of a worker on another machine, brought home piece by piece while they grow.

A piece is a block of a file at its offset with a checksum. It is sent again until the other side has said that it has
it: of evidence, never of requests. A block that can still change is looked at again and again; one that can't is
forgotten as soon as it is home, so the cost follows the traffic and not the size of the files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from harness.kit.files import clear_disk_errors
from harness.model.attempt import CloseReason, Outcome
from harness.store.ledger_format import ATTEMPT, CONNECTION
from harness.store.mapped import HEADER, header

#: Rows of a piece: 40 KiB of attempts.
_ROWS = 512
#: Bytes of a piece of a file without rows.
_BYTES = 32 * 1024
#: Seconds after which a piece that nobody has acknowledged is sent again.
RESEND = 2.0
#: Pieces that are under way at once, per file.
_WINDOW = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the files that every worker has.

    Attributes:
        pattern: Its name, with the worker's number to be filled in.
        dtype: Its rows; None for bytes.
        open_field: The field that says whether a row can still change, and the value that says so.
    """

    pattern: str
    dtype: np.dtype[np.void] | None = None
    open_field: tuple[str, int] = ("", 0)

    def path(self, directory: Path, worker: int) -> Path:
        """Where it is."""
        return directory / self.pattern.format(worker)


#: Everything that a worker brings home; a name that is not here is not written.
KINDS: Mapping[str, Kind] = {
    "ledger": Kind("ledger-{}.npy", ATTEMPT, ("outcome", Outcome.UNFINISHED)),
    "connections": Kind("connections-{}.npy", CONNECTION, ("reason", CloseReason.OPEN)),
    "journal": Kind("traffic-{}.jsonl"),
    "backends": Kind("backends-{}.jsonl"),
    "calibration": Kind("calibration-{}.json"),
    "calibration-ledger": Kind("calibration-{}.npy", ATTEMPT, ("outcome", Outcome.UNFINISHED)),
    "calibration-connections": Kind("calibration-connections-{}.npy", CONNECTION, ("reason", CloseReason.OPEN)),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of a file, as it is sent."""

    kind: str
    offset: int
    data: bytes
    digest: str

    @classmethod
    def of(cls, kind: str, offset: int, data: bytes) -> Piece:
        """With its checksum."""
        return cls(kind, offset, data, checksum(data))

    @property
    def is_sound(self) -> bool:
        """Whether it is as it was sent."""
        return checksum(self.data) == self.digest


def checksum(data: bytes) -> str:
    """What pieces are held to."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def whole(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def close_for(directory: Path, worker: int) -> None:
    """Give back the unused room in the ledgers of a worker that was killed, as it would have done itself."""
    for kind in KINDS.values():
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
    """What is known of a block that may not be home yet."""

    at_home: str = ""
    sent: str = ""
    sent_at: float = 0.0
    is_final: bool = False


class FileMirror:
    """What of one growing file is not home yet.

    Args:
        kind: A key of ``KINDS``.
        directory: Where it is; it need not be there yet.
        worker: The worker's number.

    Attributes:
        missing: Blocks that were not home when ``pieces`` was asked last.
    """

    def __init__(self, kind: str, directory: Path, worker: int) -> None:
        self.kind = kind
        self.missing = 0
        self.path = KINDS[kind].path(directory, worker)
        self._rows = KINDS[kind].dtype
        self._open_field = KINDS[kind].open_field
        self._start = HEADER if self._rows is not None else 0
        self._size = _ROWS * self._rows.itemsize if self._rows is not None else _BYTES
        self._blocks: dict[int, _Block] = {}
        self._seen = 0

    def pieces(self) -> Iterator[Piece]:
        """What is to be sent now."""
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
        """The other side has a block as it was when its checksum was this."""
        index = (offset - self._start) // self._size
        block = self._blocks.get(index)
        if block is None:
            return
        block.at_home = digest
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
            if digest == block.at_home:
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
        """Blocks that may have news: those that can still change, then those that nobody has looked at."""
        yield from sorted(self._blocks)
        while True:
            yield self._seen

    def _cut(self, data: bytes) -> tuple[bytes, bool]:
        """What of a block is written, and whether it can't change any more."""
        if self._rows is None:
            return data, len(data) == self._size
        rows = np.frombuffer(data[: len(data) // self._rows.itemsize * self._rows.itemsize], self._rows)
        used = int(np.count_nonzero(rows["written"]))
        field, still_open = self._open_field
        is_final = used == _ROWS and not (rows[field] == still_open).any()
        return data[: used * self._rows.itemsize], is_final


class Home:
    """The other side: writes the pieces of one worker to files that are readable at every moment.

    Args:
        directory: Where the files are to be.
        worker: The worker's number.

    Attributes:
        received: Bytes of all sound pieces.
        spoilt: Pieces that were not as they had been sent.
    """

    def __init__(self, directory: Path, worker: int) -> None:
        self._directory = directory
        self._worker = worker
        self.received = 0
        self.spoilt = 0

    def take(self, piece: Piece) -> bool:
        """Write a piece; returns whether it was taken.

        One that is spoilt, or comes before the piece that belongs in front of it, is left for its sender to send again:
        a file at home never has a hole.

        Raises:
            HarnessError: It can't be written.
        """
        kind = KINDS.get(piece.kind)
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
        """Names of the files that are not, byte for byte, what the worker says it has.

        Args:
            files: A key of ``KINDS`` -> size and SHA-256 of the worker's file.

        Raises:
            HarnessError: A file can't be written.
        """
        wrong = []
        for name, (size, digest) in files.items():
            kind = KINDS[name]
            path = kind.path(self._directory, self._worker)
            if kind.dtype is not None and not path.exists():
                with clear_disk_errors(path):
                    path.write_bytes(header(kind.dtype, 0))
            if not path.exists() or whole(path) != (size, digest):
                wrong.append(path.name)
        return wrong


def _write_header(fd: int, dtype: np.dtype[np.void]) -> None:
    """Say how many rows there are, so that the file can be loaded as it is."""
    rows = max(0, os.fstat(fd).st_size - HEADER) // dtype.itemsize
    os.pwrite(fd, header(dtype, rows), 0)
