"""Seals the segments of a sender's ledgers while the sender goes on, and compacts those that are sealed.

The sender only begins segments and reports those that are complete. Digests, flushes to disk and compaction are made
here, in another process: they would delay requests.
"""

from __future__ import annotations

from pathlib import Path

from harness.analysis.compacting import Compacting, WholeSegment
from harness.analysis.moments import NS
from harness.analysis.series import period_of
from harness.errors import HarnessError
from harness.model.counted import KeepOk
from harness.model.experiment import TrafficPlan
from harness.model.schedule import schedule_of
from harness.store.compacted import SegmentReplacer, replacing
from harness.store.ledger_format import ATTEMPT, CONNECTION
from harness.store.ledger_reading import LedgerBlocks
from harness.store.segments import SegmentSeal, SegmentSealer, segment_path, segments_begun
from harness.traffic.event_log import EventLogReader
from harness.traffic.plan import JOURNAL, journal_of


class LedgerSealing:
    """Seals the segments of all workers of one sender, and compacts them.

    Args:
        directory: The traffic folder.
        workers: Number of sending processes.
        traffic: The traffic as planned; needed only to compact.
        keep: Which right answers are kept far from any loss. Only the segments of a single process are compacted.
    """

    def __init__(
        self, directory: Path, workers: int, traffic: TrafficPlan | None = None, keep: KeepOk = KeepOk.ALL
    ) -> None:
        names = [JOURNAL] if workers == 1 else [journal_of(number) for number in range(workers)]
        self._workers = [_WorkerSealing(directory, number, name) for number, name in enumerate(names)]
        self._compaction = None
        if keep is not KeepOk.ALL and workers == 1 and traffic is not None:
            self._compaction = _Compaction(directory, traffic, keep)

    def seal(self) -> int:
        """Seal what is complete, and return the number of segments sealed by this call.

        A ledger that ended with its first segment has no seal of its own: the seal of the evidence covers it.

        Raises:
            HarnessError: A seal can't be written; the next call tries again.
        """
        return sum(len(worker.seal()) for worker in self._workers)

    def compact(self, seen: int) -> None:
        """Compact the sealed segments whose neighbourhood is sealed as well.

        Args:
            seen: Number of attempts that the progress of the watch has read; later segments are not replaced.

        Raises:
            HarnessError: A segment can't be read, or its replacement can't be written. The segment stays, and a call
                after the next seal tries again.
        """
        if self._compaction is not None:
            self._compaction.compact(self._workers[0].seals, seen)

    @property
    def unrotated(self) -> str:
        """Return why a sender can't begin another segment now; empty if it can."""
        return next((worker.unrotated for worker in self._workers if worker.unrotated), "")


class _WorkerSealing:
    """The segments of one worker.

    Attributes:
        seals: The seals so far.
        unrotated: Reason why the sender can't begin another segment now; empty if it can.
    """

    def __init__(self, directory: Path, worker: int, journal: str) -> None:
        self._directory, self._worker = directory, worker
        self._journal = EventLogReader(directory / journal)
        self._sealer = SegmentSealer(directory, worker)
        self.seals: list[SegmentSeal] = []
        self.unrotated = ""
        self._reported = 0
        self._stuck = -1
        self._is_drained = False

    def seal(self) -> list[SegmentSeal]:
        """Seal what is complete, and return the new seals."""
        complete, before = self._complete(), len(self.seals)
        while len(self.seals) < complete:
            self.seals.append(self._sealer.seal())
        return self.seals[before:]

    def _complete(self) -> int:
        """Return the number of segments that are complete and were followed by another one, or are the last."""
        for event in self._journal.poll():
            if event["event"] == "segment":
                self._reported += 1
                # Its successor has begun; an earlier segment says nothing about that.
                self.unrotated = "" if event["number"] == self._stuck else self.unrotated
            elif event["event"] == "unrotated":
                self._stuck, self.unrotated = event["number"], str(event["text"])
            self._is_drained |= event["event"] == "drained"
        if not self._is_drained:
            return self._reported
        existing = segments_begun(self._directory, self._worker)
        return existing if existing > 1 else 0


class _Compaction:
    """The compaction of the segments of a sender with one process."""

    def __init__(self, directory: Path, traffic: TrafficPlan, keep: KeepOk) -> None:
        self._directory = directory
        self._planned_ns = schedule_of(traffic).planned_ns
        self._compacting = Compacting(traffic, keep)
        self._replacer = SegmentReplacer(directory, 0, keep)
        #: The next segment, and the number of seals at the latest failure.
        self._next = self._failed_at = 0

    def compact(self, seals: list[SegmentSeal], seen: int) -> None:
        while self._next + 1 < len(seals) and self._failed_at < len(seals):
            last = seals[-1]
            period = period_of(self._planned_ns(last.first + last.attempts - 1) / NS)
            following = seals[self._next + 1]
            if not period or following.first + following.attempts > seen:
                return
            with replacing(self._directory) as is_free:
                if not is_free:
                    return
                self._replace(seals[self._next], following, period, len(seals))
            self._next += 1

    def _replace(self, seal: SegmentSeal, following: SegmentSeal, period: int, seals: int) -> None:
        try:
            compacted = self._compacting.compact(self._whole(seal), self._whole(following), period)
            if compacted is not None:
                self._replacer.replace(
                    compacted.attempts, compacted.connections, compacted.counted, replaces=seal.digest, old=seal.files
                )
        except HarnessError:
            self._failed_at = seals
            raise

    def _whole(self, seal: SegmentSeal) -> WholeSegment:
        attempts, connections = (
            segment_path(self._directory, kind, 0, seal.segment) for kind in ("ledger", "connections")
        )
        return WholeSegment(
            number=seal.segment,
            first=seal.first,
            attempts=LedgerBlocks(attempts, ATTEMPT, ATTEMPT),
            connections=LedgerBlocks(connections, CONNECTION, CONNECTION),
        )
