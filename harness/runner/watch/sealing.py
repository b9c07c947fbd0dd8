"""Seals the segments of a sender's ledgers while the sender goes on.

The sender only begins segments and reports those that are complete. Digests and flushes to disk are made here, in
another process: they would delay requests.
"""

from __future__ import annotations

from pathlib import Path

from harness.store.segments import SegmentSealer, segments_of
from harness.traffic.event_log import EventLogReader
from harness.traffic.plan import JOURNAL, journal_of


class LedgerSealing:
    """Seals the segments of all workers of one sender.

    Args:
        directory: The traffic folder.
        workers: Number of sending processes.
    """

    def __init__(self, directory: Path, workers: int) -> None:
        names = [JOURNAL] if workers == 1 else [journal_of(number) for number in range(workers)]
        self._workers = [_WorkerSealing(directory, number, name) for number, name in enumerate(names)]

    def seal(self) -> int:
        """Seal what is complete, and return the number of segments sealed by this call.

        A ledger that ended with its first segment has no seal of its own: the seal of the evidence covers it.

        Raises:
            HarnessError: A seal can't be written; the next call tries again.
        """
        return sum(worker.seal() for worker in self._workers)


class _WorkerSealing:
    """The segments of one worker."""

    def __init__(self, directory: Path, worker: int, journal: str) -> None:
        self._directory, self._worker = directory, worker
        self._journal = EventLogReader(directory / journal)
        self._sealer = SegmentSealer(directory, worker)
        self._reported = 0
        self._is_drained = False

    def seal(self) -> int:
        """Seal what is complete, and return the number of these segments."""
        complete, before = self._complete(), self._sealer.sealed
        while self._sealer.sealed < complete:
            self._sealer.seal()
        return self._sealer.sealed - before

    def _complete(self) -> int:
        """Return the number of segments that are complete and were followed by another one, or are the last."""
        for event in self._journal.poll():
            self._reported += event["event"] == "segment"
            self._is_drained |= event["event"] == "drained"
        if not self._is_drained:
            return self._reported
        existing = len(segments_of(self._directory, "ledger", self._worker))
        return existing if existing > 1 else 0
