"""Reads access logs: that of a trial as columns of its lines and of the tries in them, any other line by line.

A line that was written in part is no JSON, and the next line, if it follows without a line break, is lost with it.
Neither is taken for a request.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import EvidenceError
from harness.store.attempt_ids import parse_id

Column = np.ndarray[tuple[int], np.dtype[np.int64]]

#: Separator between the tries of one request.
BETWEEN_TRIES = ","
#: The same, and what nginx writes between the tries before and after an internal redirect.
_TRIES = re.compile(r",| : ")
#: Between two tries, and between the tries before and after an internal redirect.
_BETWEEN = re.compile(r", | : ")


@dataclass(frozen=True, slots=True)
class AccessLines:
    """The lines of an access log with the ids of one trial's attempts, in the order of the file.

    Attributes:
        worker: The worker of each line's attempt.
        number: The slot of each line's attempt.
        status: The status of each line.
        tries_line: The line of each try; ascending.
        tries_address: The address of each try, as an index into ``addresses``.
        tries_status: The status of each try; 0 if it had none.
        tries_connected: 1 if the try had a connection, 0 if it had none, -1 if the line does not say.
        addresses: The addresses, as ``host:port``.
        unreadable: For each line that can't be read, the number of the trial's lines before it.
        servers: All addresses of each line as the proxy wrote them, as an index into ``texts``.
        statuses: The statuses of these servers in the same form.
        backend: The proxy's backend in the same form; an empty text if no rule matched.
        was_connected: 1 if the last try of each line had a connection, 0 if it had none or the line does not say.
        texts: The texts.
    """

    worker: Column
    number: Column
    status: Column
    tries_line: Column
    tries_address: Column
    tries_status: Column
    tries_connected: Column
    addresses: tuple[str, ...]
    unreadable: Column
    servers: Column
    statuses: Column
    backend: Column
    was_connected: Column
    texts: tuple[str, ...]


@dataclass(slots=True)
class _Columns:
    """The columns while they grow."""

    worker: array[int] = field(default_factory=lambda: array("q"))
    number: array[int] = field(default_factory=lambda: array("q"))
    status: array[int] = field(default_factory=lambda: array("q"))
    digest: array[int] = field(default_factory=lambda: array("q"))
    tries_line: array[int] = field(default_factory=lambda: array("q"))
    tries_address: array[int] = field(default_factory=lambda: array("q"))
    tries_status: array[int] = field(default_factory=lambda: array("q"))
    tries_connected: array[int] = field(default_factory=lambda: array("q"))
    addresses: dict[str, int] = field(default_factory=dict)
    unreadable: array[int] = field(default_factory=lambda: array("q"))
    servers: array[int] = field(default_factory=lambda: array("q"))
    statuses: array[int] = field(default_factory=lambda: array("q"))
    backend: array[int] = field(default_factory=lambda: array("q"))
    was_connected: array[int] = field(default_factory=lambda: array("q"))
    texts: dict[str, int] = field(default_factory=dict)

    def take(self, line: bytes, fields: Mapping[str, Any], token: str) -> None:
        """Add a line; one of another trial is left out, and one without the fields of a request is unreadable."""
        try:
            attempt, status, address = fields["attempt"], int(fields["status"]), str(fields["upstream_addr"])
            tried, connect = str(fields["upstream_status"]), fields.get("upstream_connect_time")
        except (ValueError, KeyError, TypeError):
            self.unreadable.append(len(self.status))
            return
        known = parse_id(str(attempt), token)
        if known is None:
            return
        self.worker.append(known[0])
        self.number.append(known[1])
        self.status.append(status)
        self.digest.append(hash(line))
        self.servers.append(self._text(address))
        self.statuses.append(self._text(tried))
        self.backend.append(self._text(str(fields.get("backend") or "")))
        self.was_connected.append(split_tries(connect)[-1:] not in ((), ("-",)))
        if address:
            self._take_tries(address, tried, connect)

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def _take_tries(self, address: str, tried: str, connect: str | None) -> None:
        line = len(self.status) - 1
        names = _BETWEEN.split(address)
        statuses = _BETWEEN.split(tried)
        times = None if connect is None else _BETWEEN.split(connect)
        for index, name in enumerate(names):
            # After an internal redirect a part can be empty.
            if name in {"", "-"}:
                continue
            self.tries_line.append(line)
            self.tries_address.append(self.addresses.setdefault(name, len(self.addresses)))
            self.tries_status.append(_number(statuses[index]) if index < len(statuses) else 0)
            known = times is not None and len(times) == len(names)
            self.tries_connected.append(int(times[index] != "-") if times is not None and known else -1)

    def finished(self) -> AccessLines:
        """Return the columns; of lines that are equal word for word, only the first is kept."""
        worker, number, status, digest = (
            _column(each) for each in (self.worker, self.number, self.status, self.digest)
        )
        tries_line = _column(self.tries_line)
        once = _first_of_each(worker, number, digest)
        kept = np.cumsum(once) - 1
        tries = once[tries_line] if len(tries_line) else np.zeros(0, bool)
        before = np.concatenate(([0], np.cumsum(once)))
        return AccessLines(
            worker=worker[once],
            number=number[once],
            status=status[once],
            tries_line=kept[tries_line[tries]] if len(tries_line) else tries_line,
            tries_address=_column(self.tries_address)[tries],
            tries_status=_column(self.tries_status)[tries],
            tries_connected=_column(self.tries_connected)[tries],
            addresses=tuple(self.addresses),
            unreadable=before[_column(self.unreadable)],
            servers=_column(self.servers)[once],
            statuses=_column(self.statuses)[once],
            backend=_column(self.backend)[once],
            was_connected=_column(self.was_connected)[once],
            texts=tuple(self.texts),
        )


def read_access_log(path: Path, token: str) -> AccessLines:
    """Read the lines of an access log about the attempts of one trial; none if there is no file.

    Args:
        path: The log in the common format.
        token: The begin of the ids of the trial's attempts.

    Raises:
        EvidenceError: The file can't be read.
    """
    columns = _Columns()
    for line, fields in _lines(path):
        columns.take(line, fields, token)
    return columns.finished()


def read_requests(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the fields of each line of an access log that can be read; none if there is no file.

    Raises:
        EvidenceError: The file can't be read.
    """
    return (fields for _, fields in _lines(path) if fields)


def split_tries(value: object) -> tuple[str, ...]:
    """Return the values of a field that has one for each try."""
    return tuple(part.strip() for part in _TRIES.split(str(value or "")) if part.strip())


def _lines(path: Path) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """Yield each line with its fields; a line that can't be read has none."""
    try:
        with path.open("rb") as file:
            for line in file:
                yield line, _fields(line)
    except FileNotFoundError:
        return
    except OSError as error:
        raise EvidenceError(f"{path} can't be read: {error}") from error


def _fields(line: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _column(values: Iterable[int]) -> Column:
    return np.array(values, np.int64)


def _first_of_each(*columns: Column) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return True for the first row of each combination of values."""
    rows = np.rec.fromarrays(columns)
    _, first = np.unique(rows, return_index=True)
    once = np.zeros(len(columns[0]), bool)
    once[first] = True
    return once
