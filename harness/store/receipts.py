"""Reads the receipts that pods wrote of a trial's attempts (``harness.localkube.apps.receipts``)."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.errors import EvidenceError
from harness.localkube.apps.receipts import VERSION, WORD
from harness.store.attempt_ids import parse_id

Column = np.ndarray[tuple[int], np.dtype[np.int64]]

_BEGIN = f"{WORD} ".encode()
#: A line: the start of a process with its monotonic and its wall time, its end, or a receipt.
_LINE = re.compile(
    _BEGIN + rb"(?P<number>\d+) (?:"
    rb"(?P<start>start) (?P<version>\d+) \S+ (?P<sink>file|stream) (?P<monotonic>\d+) (?P<wall>\d+)"
    rb"|(?P<end>end) \d+"
    rb"|(?P<what>read|answered) (?P<attempt>\S+) (?P<at>\d+)(?: (?P<status>\d+))?)\n"
)


@dataclass(slots=True)
class PodReceipts:
    """The state of one pod's receipts.

    Attributes:
        pod: Name of the pod.
        processes: Processes that wrote receipts.
        without_start: Processes whose first lines are missing, or whose format is another one.
        lost: Lines that are missing between others.
        unreadable: Lines that can't be read.
        open_ends: Processes without an ``end`` that wrote to a stream, whose reader may have missed the last lines.
    """

    pod: str
    processes: int = 0
    without_start: int = 0
    lost: int = 0
    unreadable: int = 0
    open_ends: int = 0


@dataclass(frozen=True, slots=True)
class ReceiptLines:
    """The receipts of one trial's attempts, in the order of each file.

    Attributes:
        read_worker: The worker of each request that was read.
        read_number: The slot of each of these.
        read_by: The pod of each of these, as an index into ``pods``.
        answered_worker: The worker of each answer that was written.
        answered_number: The slot of each of these.
        answered_status: The status of each of these.
        pods: The pods with receipts.
    """

    read_worker: Column
    read_number: Column
    read_by: Column
    answered_worker: Column
    answered_number: Column
    answered_status: Column
    pods: tuple[PodReceipts, ...]


@dataclass(slots=True)
class _ReceiptColumns:
    """The columns of all pods while they grow: worker, slot, and the pod or the status."""

    token: str
    read: tuple[array[int], ...] = field(default_factory=lambda: (array("q"), array("q"), array("q")))
    answered: tuple[array[int], ...] = field(default_factory=lambda: (array("q"), array("q"), array("q")))

    def take(self, columns: tuple[array[int], ...], attempt: bytes, value: int) -> None:
        """Add a receipt; one of another trial's attempt is left out."""
        known = parse_id(attempt.decode(errors="replace"), self.token)
        if known is not None:
            for column, each in zip(columns, (*known, value), strict=True):
                column.append(each)


@dataclass(slots=True)
class _File:
    """The receipts of one container while they are read.

    Attributes:
        pod: The state of the pod's receipts.
        index: The number of the pod.
        next: The number of the next line; None before the first line of the file.
        may_miss: True if the reader of the process's output may have missed its last lines.
    """

    pod: PodReceipts
    index: int
    next: int | None = None
    may_miss: bool = False

    def take(self, line: bytes, columns: _ReceiptColumns) -> None:
        """Add a line."""
        match = _LINE.fullmatch(line)
        if match is None:
            self.pod.unreadable += 1
            self.next = None if self.next is None else self.next + 1
            return
        number, start, version, sink, _, _, end, what, attempt, _, status = match.groups()
        if start:
            self._begin(is_known=int(version) == VERSION, is_stream=sink == b"stream")
        elif self.next is None:
            # The rest of a process of which the start is missing.
            self._begin(is_known=False, is_stream=True)
            self.next = int(number)
        if not self._counts(int(number)):
            return
        if end:
            self.may_miss = False
        elif what == b"read":
            columns.take(columns.read, attempt, self.index)
        elif what:
            columns.take(columns.answered, attempt, int(status or 0))

    def finish(self) -> None:
        """Close the last process."""
        self.pod.open_ends += self.may_miss

    def _begin(self, *, is_known: bool, is_stream: bool) -> None:
        self.finish()
        self.pod.processes += 1
        self.pod.without_start += not is_known
        self.next, self.may_miss = 0, is_stream

    def _counts(self, number: int) -> bool:
        """Count the lines that are missing before this one; return False for a line that was read before."""
        expected = self.next or 0
        if number < expected:
            return False
        self.pod.lost += number - expected
        self.next = number + 1
        return True


def read_receipts(folder: Path, token: str) -> ReceiptLines:
    """Read the receipts of all pods; none if there is no folder.

    Args:
        folder: The folder with the logs of the pods, in which receipts are lines or files of their own.
        token: The begin of the ids of the trial's attempts.

    Raises:
        EvidenceError: A file can't be read.
    """
    columns = _ReceiptColumns(token)
    pods: dict[str, PodReceipts] = {}
    for path in sorted(folder.glob("*")):
        file = None
        for line in _receipt_lines(path):
            if file is None:
                name = _pod_of(path)
                pod = pods.setdefault(name, PodReceipts(name))
                file = _File(pod, list(pods).index(name))
            file.take(line, columns)
        if file is not None:
            file.finish()
    (read_worker, read_number, read_by), (answered_worker, answered_number, answered_status) = (
        tuple(np.array(column, np.int64) for column in each) for each in (columns.read, columns.answered)
    )
    return ReceiptLines(
        read_worker=read_worker,
        read_number=read_number,
        read_by=read_by,
        answered_worker=answered_worker,
        answered_number=answered_number,
        answered_status=answered_status,
        pods=tuple(pods.values()),
    )


@dataclass(frozen=True, slots=True)
class AttemptReceipt:
    """A receipt of one attempt.

    Attributes:
        attempt: The id on the wire.
        pod: The pod that wrote it.
        what: ``read`` or ``answered``.
        status: HTTP status of the answer; 0 if it was read.
        wall_ns: Nanoseconds since the Unix epoch by the pod's clock; None if the process's first line is missing.
    """

    attempt: str
    pod: str
    what: str
    status: int
    wall_ns: int | None


def receipts_of(folder: Path, attempts: Collection[str]) -> tuple[AttemptReceipt, ...]:
    """Return the receipts of some attempts, in the order of each file.

    Args:
        folder: The folder with the logs of the pods, in which receipts are lines or files of their own.
        attempts: Their ids on the wire.

    Raises:
        EvidenceError: A file can't be read.
    """
    wanted = frozenset(each.encode() for each in attempts)
    return tuple(found for path in sorted(folder.glob("*")) for found in _receipts_in(path, wanted))


def _receipts_in(path: Path, wanted: frozenset[bytes]) -> Iterator[AttemptReceipt]:
    # Wall time minus monotonic time of the process whose lines are read.
    ahead: int | None = None
    next_number = 0
    for line in _receipt_lines(path):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        if match["start"]:
            ahead, next_number = int(match["wall"]) - int(match["monotonic"]), 0
        if not match["what"] or int(match["number"]) < next_number:  # A line that was read before.
            continue
        next_number = int(match["number"]) + 1
        if match["attempt"] in wanted:
            wall = None if ahead is None else int(match["at"]) + ahead
            attempt, what = match["attempt"].decode(), match["what"].decode()
            yield AttemptReceipt(attempt, _pod_of(path), what, int(match["status"] or 0), wall)


def _receipt_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.startswith(_BEGIN))
    except OSError as error:
        raise EvidenceError(f"{path} can't be read: {error}") from error


def _pod_of(path: Path) -> str:
    """Return the pod of a file named ``[namespace_]pod_container.suffix``."""
    parts = path.stem.split("_")
    return parts[-2] if len(parts) > 1 else path.stem
