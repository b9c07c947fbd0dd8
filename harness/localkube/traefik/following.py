"""What Traefik's log says it did, dated: its own stamps have whole seconds, so the moment of reading is what counts."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from harness.kube.traefik_log import TraefikLog
from harness.localkube.ingress.sync_log import Journal

#: Seconds between two looks at the log: so inexact are the times.
LOOK = 0.01


class LogTail:
    """The lines that a file has got since the last look; it may not be there yet.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._rest = b""

    def lines(self) -> list[str]:
        """Whole lines only."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                new = file.read()
        except FileNotFoundError:
            return []
        self._position += len(new)
        *whole, self._rest = (self._rest + new).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


async def follow_log(path: Path, journal: Journal) -> None:
    """Record what Traefik says it did, until cancelled."""
    log, tail = TraefikLog(certified=True), LogTail(path)
    begun = time.monotonic_ns()
    while True:
        before, begun = begun, time.monotonic_ns()
        lines = tail.lines()
        read = time.monotonic_ns()
        for line in lines:
            for what, detail in log.events_of(line):
                journal.record(what, detail, at=read, exact_ns=read - before)
        await asyncio.sleep(LOOK)
