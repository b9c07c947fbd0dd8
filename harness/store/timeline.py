"""Writes and reads the timeline: one JSON line per event, written as soon as the event is known.

Several threads observe the cluster. However they end, each event recorded before is a complete line.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import EvidenceError
from harness.kit.files import clear_disk_errors
from harness.model.timeline import Event
from harness.store.records import from_json, to_json


class TimelineWriter:
    """Appends events to a file; a context manager that any number of threads may use.

    Args:
        path: The file; its folder is created.

    Raises:
        HarnessError: The file can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with clear_disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def record(self, event: Event) -> None:
        """Write an event. It is in the file when this returns, so it survives the end of this process.

        Raises:
            HarnessError: The disk is full, or the writer is closed.
        """
        line = json.dumps(to_json(event), sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._lock, clear_disk_errors(self.path):
            while line:
                line = line[os.write(self._handle, line) :]

    def close(self) -> None:
        """Close the file; a later ``record`` is an error."""
        with self._lock:
            handle, self._handle = self._handle, -1
            if handle >= 0:
                os.close(handle)


def read_timeline(path: Path) -> tuple[Event, ...]:
    """Return all events of a timeline, in the order in which they were recorded.

    An incomplete last line, left by a full disk or a crash, is ignored.

    Raises:
        EvidenceError: The file is missing, or a line is no event.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise EvidenceError(f"There is no timeline {path}.") from None
    return tuple(_event(line, f"{path}:{number}") for number, line in enumerate(lines[:-1], 1))


def _event(line: bytes, place: str) -> Event:
    try:
        return from_json(Event, json.loads(line))
    except ValueError as error:
        raise EvidenceError(f"{place}: this line is not JSON: {error}.") from error
    except EvidenceError as error:
        raise EvidenceError(f"{place}: {error.message}") from error
