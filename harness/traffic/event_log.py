"""``traffic.jsonl``: the event log of a traffic process, one JSON line per event, written at once.

The parent reads it while the process runs; judging reads it afterwards.
The process reserves a little disk space at its start, so that it can still log that the disk is full.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic_ns
from typing import Any

from harness.kit.files import clear_disk_errors

#: Bytes reserved for the events of a full disk.
_RESERVE = 64 * 1024

#: Receives each event of a log.
OnEvent = Callable[[Mapping[str, Any]], None]


class EventLog:
    """The writer of an event log.

    Args:
        path: The file; an older one is replaced.
        heard: Receives every event once it is written.

    Raises:
        HarnessError: The file cannot be made.
    """

    def __init__(self, path: Path, heard: OnEvent | None = None) -> None:
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
            event: Name of the event.
            facts: Further fields, flat; ``at_ns`` (CLOCK_MONOTONIC) is the present unless it is given.

        Raises:
            OSError: The disk is full, and the reserve is used up.
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
        """Close the file and give up the reserve."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._reserve.unlink(missing_ok=True)


class EventLogReader:
    """Reads an event log while another process writes it.

    Args:
        path: The file; it need not exist yet.

    Attributes:
        events: All events read so far, in order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[dict[str, Any]] = []
        self._position = 0

    def poll(self) -> list[dict[str, Any]]:
        """Return the events that are new since the last call."""
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
        """Return the first event with this name, newly written ones included; None if there is none yet."""
        self.poll()
        return next((e for e in self.events if e["event"] == event), None)
