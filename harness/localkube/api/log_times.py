"""Record when the lines of pods' logs were written, for the options ``--since`` and ``--timestamps`` of kubectl logs.

Containers write to their files themselves, so nobody sees each line. The sizes of the files at regular times say when a
line was there: its time is late by at most the time between two looks.
"""

from __future__ import annotations

import asyncio
import os
import time
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

#: Seconds between two looks at the files.
LOOK_SECONDS = 0.25
_NS = 1_000_000_000


def _numbers() -> array[int]:
    return array("q")


@dataclass(slots=True)
class Growth:
    """The growth of one file.

    Attributes:
        sizes: Sizes in bytes, growing.
        times: When each size was seen first, in nanoseconds of the epoch.
    """

    sizes: array[int] = field(default_factory=_numbers)
    times: array[int] = field(default_factory=_numbers)

    def add(self, size: int, now_ns: int) -> None:
        """Record a size; begin again if the file has become smaller."""
        if self.sizes and size < self.sizes[-1]:
            self.sizes, self.times = _numbers(), _numbers()
        if size > (self.sizes[-1] if self.sizes else 0):
            self.sizes.append(size)
            self.times.append(now_ns)

    def time_of(self, offset: int, now_ns: int) -> int:
        """Return when the byte at an offset was seen first; ``now_ns`` if no look has seen it yet."""
        place = bisect_right(self.sizes, offset)
        return self.times[place] if place < len(self.times) else now_ns

    def offset_of(self, since_ns: int) -> int:
        """Return the offset of the first byte that was not yet seen before a time."""
        place = bisect_left(self.times, since_ns)
        return self.sizes[place - 1] if place else 0


class LogTimes:
    """The growth of all logs in a folder.

    Args:
        folder: The folder, which may not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._growths: dict[str, Growth] = {}

    def look(self, now_ns: int) -> None:
        """Record the current sizes, and forget files that are gone."""
        try:
            with os.scandir(self._folder) as entries:
                sizes = {entry.name: _size(entry) for entry in entries if entry.name.endswith(".log")}
        except FileNotFoundError:
            sizes = {}
        for name in self._growths.keys() - sizes.keys():
            del self._growths[name]
        for name, size in sizes.items():
            self._growths.setdefault(name, Growth()).add(size, now_ns)

    def of(self, path: Path) -> Growth:
        """Return the growth of one file; one without bytes for a file that no look has seen yet."""
        return self._growths.get(path.name, Growth())

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            self.look(time.time_ns())
            await asyncio.sleep(LOOK_SECONDS)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0


def stamp_of(time_ns: int) -> str:
    """Return a time as ``kubectl logs --timestamps`` shows it."""
    seconds, rest = divmod(time_ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


class Stamper:
    """Puts its time before each line of a log that is read in pieces.

    Args:
        growth: The file's growth.
        offset: Offset of the first byte that will be fed: the beginning of a line.
    """

    def __init__(self, growth: Growth, offset: int) -> None:
        self._growth = growth
        self._offset = offset
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Return the lines that are complete now, each with its time."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return b"".join(self._stamped(line + b"\n") for line in lines)

    def end(self) -> bytes:
        """Return the last line, which has no end."""
        rest, self._rest = self._rest, b""
        return self._stamped(rest) if rest else b""

    def _stamped(self, line: bytes) -> bytes:
        seen = self._growth.time_of(self._offset, time.time_ns())
        self._offset += len(line)
        return stamp_of(seen).encode() + b" " + line
