"""Brings a worker's files home over the channel, while they grow and to the last byte.

The session never waits for it: it looks now and then what is new, sends that, and keeps what it has not been told is
home. At the end both sides hold the whole files against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent.event import AsyncResult

from harness.errors import HarnessError
from harness.traffic.distributed.file_sync import KINDS, FileMirror, whole
from harness.traffic.distributed.messages import Channel, Kind

#: How often it is looked what is new, in seconds; also what a worker that dies with its machine can take with it.
_EVERY = 0.25
#: The same when nothing else is left to do.
_HURRY = 0.02
#: Seconds without any progress after which the way home is given up.
PATIENCE = 30.0


class Courier:
    """Files of one worker on their way.

    Args:
        channel: To the master.
        directory: Where the files are.
        worker: The worker's number.
        patience: Seconds without progress after which it gives up.
    """

    def __init__(self, channel: Channel, directory: Path, worker: int, *, patience: float = PATIENCE) -> None:
        self._channel = channel
        self._directory = directory
        self._worker = worker
        self._patience = patience
        self._mirrors = {kind: FileMirror(kind, directory, worker) for kind in KINDS}
        self._verdict: AsyncResult = AsyncResult()
        self._progress_at = monotonic()

    def follow(self, is_over: Callable[[], bool]) -> None:
        """Send what is new until the files don't grow any more; ``finish`` does the rest."""
        while not is_over():
            self._send()
            gevent.sleep(_EVERY)

    def finish(self) -> None:
        """Send what is left, and have the whole files compared.

        Raises:
            HarnessError: The master does not answer any more, or its files are others.
        """
        self._progress_at = monotonic()
        while self._send():
            self._give_up_if_stuck()
            gevent.sleep(_HURRY)
        files = {kind: whole(mirror.path) for kind, mirror in self._mirrors.items() if mirror.path.exists()}
        self._channel.send_message(Kind.WHOLE, {"worker": self._worker, "files": files})
        self._verdict.wait(self._patience)
        if not self._verdict.ready():
            raise self._stuck()
        wrong = self._verdict.get()
        if wrong:
            raise HarnessError(f"Not the same on both sides: {', '.join(wrong)}.")

    def taken(self, data: Any) -> None:
        """The master has a piece."""
        self._progress_at = monotonic()
        self._mirrors[data["kind"]].acknowledged(data["offset"], data["digest"])

    def compared(self, data: Any) -> None:
        """The master has compared the whole files."""
        self._verdict.set(list(data["wrong"]))

    def _send(self) -> int:
        """Send what is new; returns how many pieces are not home."""
        for mirror in self._mirrors.values():
            for piece in mirror.pieces():
                self._channel.send_message(
                    Kind.PIECE,
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
