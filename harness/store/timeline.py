"""The timeline on disk: one JSON line per event, written the moment it is known.

Several threads watch the cluster; whatever kills them, each event recorded before is a whole line.
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
    """Appends events to a file (context manager, for any number of threads).

    Args:
        path: The file; its folder is made.

    Raises:
        HarnessError: It can't be written.
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
        """Write an event; in the file when this returns, so that it survives the death of this process.

        Raises:
            HarnessError: There is no room, or the writer is closed.
        """
        line = json.dumps(to_json(event), sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._lock, clear_disk_errors(self.path):
            while line:
                line = line[os.write(self._handle, line) :]

    def close(self) -> None:
        """Close the file; recording afterwards is an error."""
        with self._lock:
            handle, self._handle = self._handle, -1
            if handle >= 0:
                os.close(handle)


def read_timeline(path: Path) -> tuple[Event, ...]:
    """All events of a timeline, in the order in which they were recorded.

    A last line without its end is what a full disk or a crash leaves; it is passed over.

    Raises:
        EvidenceError: There is no such file, or a line of it is no event.
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
