"""Finds the part of a ledger that is still written in which nothing can change any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model.experiment import TrafficPlan
from harness.model.schedule import schedule_of
from harness.model.share import Share
from harness.store.ledger_tail import LedgerTail
from harness.store.segments import sealed_part, segment_path


@dataclass(frozen=True, slots=True)
class KnownPart:
    """The part of a sender's schedule in which the outcome of every request is known.

    Attributes:
        elapsed_ns: Its length, in nanoseconds from the origin: every slot planned earlier has a final record.
        rows: Number of these records, by worker.
    """

    elapsed_ns: int
    rows: Mapping[int, int]


def known_part(directory: Path, traffic: TrafficPlan, workers: int) -> KnownPart:
    """Return the part of a sender's ledgers that no later record can change.

    Slots are recorded in their order, so the part ends at the first slot of any worker that has no outcome yet.

    Args:
        directory: The traffic folder.
        traffic: The traffic as planned.
        workers: Number of workers that share the schedule.
    """
    schedules = [schedule_of(traffic, Share(worker, workers)) for worker in range(workers)]
    ends = [schedule.planned_ns(_settled(directory, worker)) for worker, schedule in enumerate(schedules)]
    elapsed = min(ends)
    return KnownPart(elapsed, {worker: schedule.slots_until(elapsed) for worker, schedule in enumerate(schedules)})


def _settled(directory: Path, worker: int) -> int:
    """Return how many attempts at the start of a ledger all have an outcome; those of sealed segments have one."""
    sealed = sealed_part(directory, worker)
    tail = LedgerTail(segment_path(directory, "ledger", worker, sealed.segments), sealed.attempts)
    try:
        deque(tail.settle(), maxlen=0)
        return tail.settled
    finally:
        tail.close()
