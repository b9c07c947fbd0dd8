"""Writes the ledger: every attempt's intent before its first byte is sent, and its outcome afterwards.

The ledger is written through a memory map, so ``kill -9`` loses nothing that was recorded. The order of the stores
makes a row trustworthy: ``written`` follows the other fields of the intent, and ``outcome`` follows the fields that
belong to it. Rows are packed by ``struct`` at fixed offsets; a scalar store by numpy costs ten times as much.
``docs/reference/ledger.md`` explains the fields.
"""
# ruff: noqa: FURB136 - these lines run for every attempt, and calling min costs as much as storing three fields

from __future__ import annotations

from collections.abc import Iterable
from mmap import mmap
from pathlib import Path
from struct import Struct

import numpy as np

from harness.errors import EvidenceError, HarnessError
from harness.kit.files import clear_disk_errors
from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger_format import ATTEMPT, CONNECTION, NEVER, offset_of
from harness.store.mapped import HEADER, MappedRows

#: Rows allocated at once: 1.3 MB.
CHUNK = 16_384


# Fields known before the first byte. Pad bytes are stored as zeros, and an outcome of 0 means unfinished.
# number planned sent (connected first_byte done) connection (bytes_out bytes_in errno) carried
# (status responder port) worker route method shape (outcome progress)
_INTENT = Struct("<Qqq24sI10xH6xHBBB2x")
_NEVER_YET = Struct("<qqq").pack(NEVER, NEVER, NEVER)
_ROW = ATTEMPT.itemsize
_WRITTEN = offset_of(ATTEMPT, "written")
_OUTCOME = offset_of(ATTEMPT, "outcome")
_PROGRESS = offset_of(ATTEMPT, "progress")
# connected first_byte done connection bytes_out bytes_in errno carried status responder port
_RESULT = Struct("<qqqIIIHHHHH")
_RESULT_AT = offset_of(ATTEMPT, "connected")
# Bound once, since they run for every attempt.
_pack_intent = _INTENT.pack_into
_pack_result = _RESULT.pack_into
assert _INTENT.size == _WRITTEN
assert _RESULT_AT + _RESULT.size == offset_of(ATTEMPT, "worker")

# number begun connected closed requests port worker shape reason errno
_CONNECTION = Struct("<QqqqIHHBBH")
_CONNECTION_WRITTEN = offset_of(CONNECTION, "written")
assert _CONNECTION.size == _CONNECTION_WRITTEN

_U16 = 0xFFFF
_U32 = 0xFFFFFFFF


class LedgerFullError(HarnessError):
    """The disk has no room for more rows; all written rows are safe."""


class _LedgerFile:
    """The common part of both ledgers: a growing file, whose rows up to ``used`` are written.

    A ledger that is rotated continues in a further file, and rows keep their numbers: ``_base`` is where row 0 would
    be if the present file had it.
    """

    def __init__(self, path: Path, dtype: np.dtype[np.void], *, chunk: int) -> None:
        self._dtype = dtype
        self._chunk = chunk
        self.path = path
        self.used = 0
        self._rows = self.following(path)
        self._begin(self._rows, 0)

    def following(self, path: Path, room: int = 0) -> MappedRows:
        """Create a file for further rows, without using it.

        Args:
            path: The file.
            room: Number of rows for which it must have room.

        Raises:
            HarnessError: The file can't be created, or there is no room; then there is no file.
        """
        with clear_disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            return MappedRows(path, self._dtype, chunk=max(self._chunk, room))

    def _begin(self, rows: MappedRows, first: int) -> None:
        """Continue in a file whose first row is row ``first`` of the ledger."""
        self.path, self._rows = rows.path, rows
        self._first = first
        self._base = HEADER - first * self._dtype.itemsize
        self._map()

    def _map(self) -> None:
        self._memory = self._rows.memory
        self._room = self._first + self._rows.room

    def _grow(self) -> None:
        try:
            with clear_disk_errors(self.path):
                self._rows.grow()
        except HarnessError as error:
            raise LedgerFullError(error.message, hint=error.hint) from error
        self._map()

    def close(self) -> None:
        """Cut the file to its used rows, and close it."""
        self._rows.close(self.used - self._first)


class _Segment:
    """A file of attempts after whose last row another file was begun.

    Attributes:
        rows: The file.
        first: Number of its first attempt.
        end: Number of the first attempt after it.
        open: Numbers of its attempts without an outcome.
    """

    def __init__(self, rows: MappedRows, first: int, end: int) -> None:
        self.rows, self.first, self.end = rows, first, end
        self.open: set[int] = set()
        outcomes = rows.memory[HEADER + _OUTCOME : HEADER + (end - first) * _ROW : _ROW]
        row = outcomes.find(Outcome.UNFINISHED)
        while row >= 0:
            self.open.add(first + row)
            row = outcomes.find(Outcome.UNFINISHED, row + 1)


class LedgerWriter(_LedgerFile):
    """Writes the attempts of one worker.

    Args:
        path: ``ledger-<worker>.npy``.
        origin_ns: CLOCK_MONOTONIC at the schedule's start. Arguments are in CLOCK_MONOTONIC; times on disk count from
            this start.
        worker: Number of the worker.
        chunk: Rows allocated at once.

    Attributes:
        used: Rows written so far.

    Raises:
        HarnessError: The file can't be created.
    """

    def __init__(self, path: Path, *, origin_ns: int, worker: int = 0, chunk: int = CHUNK) -> None:
        super().__init__(path, ATTEMPT, chunk=chunk)
        self.origin_ns = origin_ns
        self.worker = worker
        self._earlier: list[_Segment] = []

    @property
    def in_segment(self) -> int:
        """Return the number of attempts in the present segment."""
        return self.used - self._first

    def rotate(self, rows: MappedRows) -> None:
        """Continue in another file; attempts of the present one still get their outcomes there."""
        self._earlier.append(_Segment(self._rows, self._first, self.used))
        self._begin(rows, self.used)

    def complete(self) -> int:
        """Close the segments whose attempts all have an outcome, in their order, and return their number."""
        done = 0
        while self._earlier and not self._earlier[0].open:
            segment = self._earlier.pop(0)
            segment.rows.close(segment.end - segment.first)
            done += 1
        return done

    def close(self) -> None:
        """Cut all files to their used rows, and close them."""
        for segment in self._earlier:
            segment.rows.close(segment.end - segment.first)
        super().close()

    def reserve(self) -> None:
        """Make sure that there is room for the next intent.

        Raises:
            LedgerFullError: There is no room, so the attempt must not be made.
        """
        if self.used == self._room:
            self._grow()

    def intent(
        self,
        planned: int,
        route: int,
        method: Method,
        shape: Shape,
        *,
        sent: int = NEVER,
        connection: int = 0,
        carried: int = 0,
    ) -> int:
        """Record that an attempt is about to be made; after the return no end of this process can lose the record.

        Args:
            planned: Planned time, nanoseconds from the schedule's start.
            route: Index into the plan's routes.
            method: The request's method.
            shape: How the attempt gets its connection.
            sent: CLOCK_MONOTONIC at its start; ``NEVER`` for a missed slot.
            connection: Number of the connection that will carry it.
            carried: Number of earlier requests on this connection.

        Returns:
            The row's index, which is also its ``number``.

        Raises:
            LedgerFullError: There is no room, so the attempt must not be made.
        """
        row = self.used
        if row == self._room:
            self._grow()
        at = self._base + row * _ROW
        memory = self._memory
        _pack_intent(
            memory, at,
            row, planned, sent - self.origin_ns if sent != NEVER else NEVER, _NEVER_YET, connection,
            carried if carried < _U16 else _U16, self.worker, route, method, shape,
        )  # fmt: skip
        memory[at + _WRITTEN] = 1
        self.used = row + 1
        return row

    def progress(self, row: int, progress: Progress) -> None:
        """Record the progress of an attempt, so that a ``kill -9`` in the middle leaves this much."""
        memory, base = (self._memory, self._base) if row >= self._first else self._home(row)
        memory[base + row * _ROW + _PROGRESS] = progress

    def outcome(
        self,
        row: int,
        outcome: Outcome,
        progress: Progress,
        *,
        connected: int = NEVER,
        first_byte: int = NEVER,
        done: int = NEVER,
        connection: int = 0,
        carried: int = 0,
        port: int = 0,
        bytes_out: int = 0,
        bytes_in: int = 0,
        errno: int = 0,
        status: int = 0,
        responder: int = 0,
    ) -> None:
        """Record how an attempt ended.

        Args:
            row: Index returned by ``intent``.
            outcome: The outcome.
            progress: The last progress.
            connected: CLOCK_MONOTONIC at which its new connection was established; ``NEVER`` on a reused one.
            first_byte: CLOCK_MONOTONIC at which the first byte of the answer was read.
            done: CLOCK_MONOTONIC at the end.
            connection: Number of the connection; 0 if there was none.
            carried: Number of earlier requests on this connection.
            port: Local port of the connection.
            bytes_out: Bytes given to the operating system.
            bytes_in: Bytes read.
            errno: Error number of the operating system; 0 if none.
            status: HTTP status of the answer; 0 if there was none.
            responder: Number of the answer's text in ``traffic.jsonl``; 0 if there is none.
        """
        memory, base = (self._memory, self._base) if row >= self._first else self._home(row)
        at = base + row * _ROW
        origin = self.origin_ns
        _pack_result(
            memory, at + _RESULT_AT,
            connected - origin if connected != NEVER else NEVER,
            first_byte - origin if first_byte != NEVER else NEVER,
            done - origin if done != NEVER else NEVER,
            connection, bytes_out if bytes_out < _U32 else _U32, bytes_in if bytes_in < _U32 else _U32,
            errno, carried if carried < _U16 else _U16, status, responder, port,
        )  # fmt: skip
        memory[at + _PROGRESS] = progress
        memory[at + _OUTCOME] = outcome
        if row < self._first:
            self._segment(row).open.discard(row)

    def _home(self, row: int) -> tuple[mmap, int]:
        """Return the memory of an earlier segment, and where row 0 would be in it."""
        segment = self._segment(row)
        return segment.rows.memory, HEADER - segment.first * _ROW

    def _segment(self, row: int) -> _Segment:
        return next(segment for segment in self._earlier if segment.first <= row < segment.end)


class ConnectionLedger(_LedgerFile):
    """Writes the connections of one worker, numbered from 1 in the order of their start.

    Args:
        path: ``connections-<worker>.npy``.
        origin_ns: As in ``LedgerWriter``.
        worker: Number of the worker.
        chunk: Rows allocated at once.
    """

    def __init__(self, path: Path, *, origin_ns: int, worker: int = 0, chunk: int = CHUNK) -> None:
        super().__init__(path, CONNECTION, chunk=chunk)
        self.origin_ns = origin_ns
        self.worker = worker
        #: Number of connections begun.
        self._begun = 0
        #: Rows of connections that were open when the present segment began.
        self._carried: dict[int, int] = {}
        #: Row of connection 0, if the present segment had it.
        self._offset = -1

    def begin(self, shape: Shape, begun: int) -> int:
        """Record that a connection is about to be opened.

        Returns:
            Its number.

        Raises:
            LedgerFullError: There is no room, so the connection must not be opened.
        """
        if self.used == self._room:
            self._grow()
        self.used += 1
        number = self._begun = self._begun + 1
        self.record(number, shape, begun=begun, reason=CloseReason.OPEN)
        self._memory[self._at(number) + _CONNECTION_WRITTEN] = 1
        return number

    def rotate(self, rows: MappedRows, still_open: Iterable[int]) -> None:
        """Continue in another file, which begins with the records of the connections that are still open.

        Args:
            rows: The file, with room for them.
            still_open: Numbers of these connections.
        """
        size = CONNECTION.itemsize
        carried = {number: self._memory[at : at + size] for number in sorted(still_open) if (at := self._at(number))}
        rows.memory[HEADER : HEADER + len(carried) * size] = b"".join(carried.values())
        self._rows.close(self.used - self._first)
        self._begin(rows, self.used)
        self._carried = {number: self.used + place for place, number in enumerate(carried)}
        self.used += len(carried)
        self._offset = self.used - self._begun - 1

    def record(
        self,
        number: int,
        shape: Shape,
        *,
        begun: int,
        reason: CloseReason,
        connected: int = NEVER,
        closed: int = NEVER,
        requests: int = 0,
        port: int = 0,
        errno: int = 0,
    ) -> None:
        """Record the current facts of a connection; times are in CLOCK_MONOTONIC.

        Nothing is recorded of a connection that had ended before the present segment began.
        """
        at, origin = self._at(number), self.origin_ns
        if not at:
            return
        _CONNECTION.pack_into(
            self._memory, at,
            number, begun - origin,
            connected - origin if connected != NEVER else NEVER,
            closed - origin if closed != NEVER else NEVER,
            requests, port, self.worker, shape, reason, errno,
        )  # fmt: skip

    def _at(self, number: int) -> int:
        """Return where the record of a connection begins; 0 if it is not in the present segment."""
        row = self._offset + number
        if row < self._first + len(self._carried):
            if number not in self._carried:
                return 0
            row = self._carried[number]
        return self._base + row * CONNECTION.itemsize


def read_ledger(path: Path) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Return all attempts of a ledger file, as a read-only ``ATTEMPT`` array mapped from the file.

    Raises:
        EvidenceError: The file is missing, or is no ledger of this version.
    """
    return _read(path, ATTEMPT)


def read_connections(path: Path) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Return all connections of a connection ledger as a ``CONNECTION`` array, like ``read_ledger``."""
    return _read(path, CONNECTION)


def open_rows(path: Path, dtype: np.dtype[np.void]) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Return all records of a ledger file, mapped from the file, including unused ones at its end.

    Raises:
        EvidenceError: The file is missing, or its records have another dtype.
    """
    try:
        rows: np.ndarray[tuple[int], np.dtype[np.void]] = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise EvidenceError(f"{path} can't be read as a ledger: {error}") from error
    if rows.dtype != dtype:
        raise EvidenceError(f"{path} is no ledger of this version of the harness: its rows are {rows.dtype}.")
    return rows


def _read(path: Path, dtype: np.dtype[np.void]) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    rows = open_rows(path, dtype)
    # Rows are written in order, so the written ones are a prefix.
    count = int(np.count_nonzero(rows["written"]))
    return np.asarray(rows[:count])
