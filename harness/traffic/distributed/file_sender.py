"""Sends a worker's files to the master while they grow, to the last byte.

The session never waits for it: it reads and sends new data at intervals, and keeps unacknowledged blocks. At the end
both sides compare checksums of the whole files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent.event import AsyncResult

from harness.errors import HarnessError
from harness.traffic.distributed.file_sync import SYNCED_FILES, GrowingFile, whole
from harness.traffic.distributed.messages import Channel, MessageKind

#: Seconds between reads; a worker that dies with its machine loses at most that much evidence.
_EVERY = 0.25
#: The same after the session has ended.
_HURRY = 0.02
#: Seconds without progress after which sending fails.
PATIENCE = 30.0


class FileSender:
    """Sends the files of one worker.

    Args:
        channel: Channel to the master.
        directory: Folder of the files.
        worker: The worker's number.
        patience: Seconds without progress after which it fails.
    """

    def __init__(self, channel: Channel, directory: Path, worker: int, *, patience: float = PATIENCE) -> None:
        self._channel = channel
        self._directory = directory
        self._worker = worker
        self._patience = patience
        self._mirrors = {kind: GrowingFile(kind, directory, worker) for kind in SYNCED_FILES}
        self._verdict: AsyncResult = AsyncResult()
        self._progress_at = monotonic()

    def follow(self, is_over: Callable[[], bool]) -> None:
        """Send new data until ``is_over()``; ``finish`` sends the rest."""
        while not is_over():
            self._send()
            gevent.sleep(_EVERY)

    def finish(self) -> None:
        """Send the rest, and let the master compare the whole files.

        Raises:
            HarnessError: The master does not answer, or its files differ.
        """
        self._progress_at = monotonic()
        while self._send():
            self._give_up_if_stuck()
            gevent.sleep(_HURRY)
        files = {kind: whole(mirror.path) for kind, mirror in self._mirrors.items() if mirror.path.exists()}
        self._channel.send_message(MessageKind.WHOLE, {"worker": self._worker, "files": files})
        self._verdict.wait(self._patience)
        if not self._verdict.ready():
            raise self._stuck()
        wrong = self._verdict.get()
        if wrong:
            raise HarnessError(f"These files differ between worker and master: {', '.join(wrong)}.")

    def taken(self, data: Any) -> None:
        """Note that the master has a piece."""
        self._progress_at = monotonic()
        self._mirrors[data["kind"]].acknowledged(data["offset"], data["digest"])

    def compared(self, data: Any) -> None:
        """Note the result of the master's comparison."""
        self._verdict.set(list(data["wrong"]))

    def _send(self) -> int:
        """Send new data; return the number of unacknowledged pieces."""
        for mirror in self._mirrors.values():
            for piece in mirror.pieces():
                self._channel.send_message(
                    MessageKind.PIECE,
                    {
                        "worker": self._worker,
                        "kind": piece.kind,
                        "offset": piece.offset,
                        "data": piece.data,
                        "digest": piece.digest,
                    },
                )
        return sum(mirror.missing for mirror in self._mirrors.values())

    def _give_up_if_stuck(self) -> None:
        if monotonic() - self._progress_at > self._patience:
            raise self._stuck()

    def _stuck(self) -> HarnessError:
        return HarnessError(f"The master has not answered for {self._patience:g} s.")
