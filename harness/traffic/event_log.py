"""``traffic.jsonl``: what a traffic process says of itself, one JSON line per event, in the file at once.

Its parent reads it while the process runs, and the judge afterwards. That the disk is full must still be said when it
is: a little room is set aside for that from the start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic_ns
from typing import Any

from harness.kit.files import clear_disk_errors

#: Bytes set aside for what must be said when the disk is full.
_RESERVE = 64 * 1024

#: Is told of each event of a journal.
Heard = Callable[[Mapping[str, Any]], None]


class Journal:
    """The writer.

    Args:
        path: The file; an older one is replaced.
        heard: Called with every event once it is written.

    Raises:
        HarnessError: It can't be made.
    """

    def __init__(self, path: Path, heard: Heard | None = None) -> None:
        self._heard = heard
        self._reserve = path.with_name(f".{path.name}.reserve")
        with clear_disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o644)
            reserve = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.posix_fallocate(reserve, 0, _RESERVE)
            finally:
                os.close(reserve)

    def record(self, event: str, **facts: str | float) -> None:
        """Write an event.

        Args:
            event: What happened.
            facts: Further facts, flat; ``at_ns`` (CLOCK_MONOTONIC) is this moment unless it is given.

        Raises:
            OSError: The disk is full, and so is what was set aside.
        """
        record: Mapping[str, Any] = {"event": event, "at_ns": monotonic_ns()} | facts
        line = json.dumps(record, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        while line:
            try:
                line = line[os.write(self._fd, line) :]
            except OSError:
                if not self._reserve.exists():
                    raise
                self._reserve.unlink()
        if self._heard is not None:
            self._heard(record)

    def close(self) -> None:
        """Close the file and give up what was set aside."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._reserve.unlink(missing_ok=True)


class JournalReader:
    """Follows a journal that another process writes.

    Args:
        path: The file; it need not be there yet.

    Attributes:
        events: All events read so far, in order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[dict[str, Any]] = []
        self._position = 0

    def poll(self) -> list[dict[str, Any]]:
        """The events that are new since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._position += len(whole)
        new = [json.loads(line) for line in whole.splitlines()]
        self.events += new
        return new

    def find(self, event: str) -> dict[str, Any] | None:
        """The first event of this name so far, newly written ones included."""
        self.poll()
        return next((e for e in self.events if e["event"] == event), None)
