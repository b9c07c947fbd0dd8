"""The ledger on disk: every attempt's intent before its first byte is sent, its outcome after.

Written through a memory map, so nothing that was recorded is lost by ``kill -9``. The order of the stores is what
makes a row trustworthy: ``written`` comes after the intent's other fields, ``outcome`` after all that belongs to it.
Rows are packed by ``struct`` at fixed offsets (a numpy scalar store costs ten times as much).
``docs/reference/ledger.md`` describes the fields for readers.
"""
# ruff: noqa: FURB136 - these lines run for every attempt, and calling min costs as much as storing three fields

from __future__ import annotations

from pathlib import Path
from struct import Struct

import numpy as np

from harness.errors import EvidenceError, HarnessError
from harness.kit.files import clear_disk_errors
from harness.model.attempt import CloseReason, Method, Outcome, Progress, Shape
from harness.store.ledger_format import ATTEMPT, CONNECTION, NEVER
from harness.store.mapped import HEADER, MappedRows

#: Rows that are allocated at once: 1.3 MB.
CHUNK = 16_384


def _offset(dtype: np.dtype[np.void], field: str) -> int:
    fields = dtype.fields
    assert fields is not None
    return int(fields[field][1])


# What is known before the first byte; the pad bytes are stored as zeros, which is what an outcome of 0 means.
# number planned sent (connected first_byte done) connection (bytes_out bytes_in errno) carried
# (status responder port) worker route method shape (outcome progress)
_INTENT = Struct("<Qqq24sI10xH6xHBBB2x")
_NEVER_YET = Struct("<qqq").pack(NEVER, NEVER, NEVER)
_ROW = ATTEMPT.itemsize
_WRITTEN = _offset(ATTEMPT, "written")
_OUTCOME = _offset(ATTEMPT, "outcome")
_PROGRESS = _offset(ATTEMPT, "progress")
# connected first_byte done connection bytes_out bytes_in errno carried status responder port
_RESULT = Struct("<qqqIIIHHHHH")
_RESULT_AT = _offset(ATTEMPT, "connected")
# Bound once: they run for every attempt.
_pack_intent = _INTENT.pack_into
_pack_result = _RESULT.pack_into
assert _INTENT.size == _WRITTEN
assert _RESULT_AT + _RESULT.size == _offset(ATTEMPT, "worker")

# number begun connected closed requests port worker shape reason errno
_CONNECTION = Struct("<QqqqIHHBBH")
_CONNECTION_WRITTEN = _offset(CONNECTION, "written")
assert _CONNECTION.size == _CONNECTION_WRITTEN

_U16 = 0xFFFF
_U32 = 0xFFFFFFFF


class LedgerFullError(HarnessError):
    """There is no room on disk for more rows; all that were written are safe."""


class _Rows:
    """What both ledgers have in common: a growing file of which a prefix is used."""

    def __init__(self, path: Path, dtype: np.dtype[np.void], *, chunk: int) -> None:
        with clear_disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._rows = MappedRows(path, dtype, chunk=chunk)
        self.path = path
        self.used = 0
        self._memory = self._rows.memory
        self._room = self._rows.room

    def _grow(self) -> None:
        try:
            with clear_disk_errors(self.path):
                self._rows.grow()
        except HarnessError as error:
            raise LedgerFullError(error.message, hint=error.hint) from error
        self._memory = self._rows.memory
        self._room = self._rows.room

    def close(self) -> None:
        """Give unused room back; the file is complete."""
        self._rows.close(self.used)


class LedgerWriter(_Rows):
    """The attempts of one worker.

    Args:
        path: ``ledger-<worker>.npy``.
        origin_ns: CLOCK_MONOTONIC of the schedule's origin; all times given are CLOCK_MONOTONIC, those on disk count
            from the origin.
        worker: Number of the worker.
        chunk: Rows allocated at once.

    Attributes:
        used: Rows written so far.

    Raises:
        HarnessError: The file can't be made.
    """

    def __init__(self, path: Path, *, origin_ns: int, worker: int = 0, chunk: int = CHUNK) -> None:
        super().__init__(path, ATTEMPT, chunk=chunk)
        self.origin_ns = origin_ns
        self.worker = worker

    def reserve(self) -> None:
        """Make sure that the next intent has room.

        Raises:
            LedgerFullError: There is none; the attempt must not be made.
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
        """Record that an attempt is about to be made; on return it can't be lost any more.

        Args:
            planned: Nanoseconds from the origin, as the schedule has them.
            route: Index into the plan's routes.
            method: The request's method.
            shape: How it gets its connection.
            sent: CLOCK_MONOTONIC at which it is begun; ``NEVER`` for a slot that is missed.
            connection: Number of the connection that is to carry it.
            carried: Requests that this connection carried before.

        Returns:
            The row's index, which is also its ``number``.

        Raises:
            LedgerFullError: There is no room; the attempt must not be made.
        """
        row = self.used
        if row == self._room:
            self._grow()
        at = HEADER + row * _ROW
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
        """Record how far an attempt has got, so that a ``kill -9`` in the middle leaves that much."""
        self._memory[HEADER + row * _ROW + _PROGRESS] = progress

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
            row: What ``intent`` gave.
            outcome: How it ended.
            progress: How far it had got.
            connected: CLOCK_MONOTONIC at which its own new connection stood; ``NEVER`` on one that stood before.
            first_byte: CLOCK_MONOTONIC at which the first byte of the answer was read.
            done: CLOCK_MONOTONIC of the end.
            connection: Number of the connection; 0 if there was none.
            carried: Requests that the connection carried before.
            port: The local port.
            bytes_out: Bytes given to the operating system.
            bytes_in: Bytes read.
            errno: What the operating system said; 0 if nothing.
            status: HTTP status of the answer; 0 if none came.
            responder: Number of the answer's text in ``traffic.jsonl``; 0 if it has none.
        """
        at = HEADER + row * _ROW
        memory, origin = self._memory, self.origin_ns
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


class ConnectionLedger(_Rows):
    """The connections of one worker, numbered from 1 in the order in which they were begun.

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

    def begin(self, shape: Shape, begun: int) -> int:
        """Record that a connection is about to be opened.

        Returns:
            Its number.

        Raises:
            LedgerFullError: There is no room; the connection must not be opened.
        """
        if self.used == self._room:
            self._grow()
        self.used += 1
        number = self.used
        self.record(number, shape, begun=begun, reason=CloseReason.OPEN)
        self._memory[self._at(number) + _CONNECTION_WRITTEN] = 1
        return number

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
        """Record all that is known of a connection; times in CLOCK_MONOTONIC."""
        origin = self.origin_ns
        _CONNECTION.pack_into(
            self._memory, self._at(number),
            number, begun - origin,
            connected - origin if connected != NEVER else NEVER,
            closed - origin if closed != NEVER else NEVER,
            requests, port, self.worker, shape, reason, errno,
        )  # fmt: skip

    def _at(self, number: int) -> int:
        return HEADER + (number - 1) * CONNECTION.itemsize


def read_ledger(path: Path) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """All attempts of a ledger file, as an array of ``ATTEMPT`` on the file itself (not a copy, read-only).

    Raises:
        EvidenceError: There is no such file, or it is no ledger of this version.
    """
    return _read(path, ATTEMPT)


def read_connections(path: Path) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """All connections of a connection ledger, as an array of ``CONNECTION``; otherwise like ``read_ledger``."""
    return _read(path, CONNECTION)


def open_rows(path: Path, dtype: np.dtype[np.void]) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """All records of a ledger file, on the file itself, unused ones at its end included.

    Raises:
        EvidenceError: There is no such file, or its records are not of this dtype.
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
    # Rows are written in order, so what is written is a prefix.
    count = int(np.count_nonzero(rows["written"]))
    return np.asarray(rows[:count])
