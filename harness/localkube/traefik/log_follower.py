"""Follow Traefik's log and record its syncs. Its own timestamps are whole seconds, so the time of reading is used."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from harness.kube.traefik_log import TraefikLog
from harness.localkube.ingress.sync_log import SyncLog

#: Seconds between two reads of the log; the recorded times are uncertain by at least as much.
POLL_SECONDS = 0.01


class LogTail:
    """The lines that were added to a file since the last read; the file need not exist yet.

    Args:
        path: Path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._rest = b""

    def lines(self) -> list[str]:
        """Return the new complete lines."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                new = file.read()
        except FileNotFoundError:
            return []
        self._position += len(new)
        *whole, self._rest = (self._rest + new).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


async def follow_log(path: Path, sync_log: SyncLog) -> None:
    """Record the syncs that Traefik logs, until cancelled."""
    log, tail = TraefikLog(certified=True), LogTail(path)
    begun = time.monotonic_ns()
    while True:
        before, begun = begun, time.monotonic_ns()
        lines = tail.lines()
        read = time.monotonic_ns()
        for line in lines:
            for what, detail in log.events_of(line):
                sync_log.record(what, detail, at=read, exact_ns=read - before)
        await asyncio.sleep(POLL_SECONDS)
