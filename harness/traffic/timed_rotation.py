"""Begins further segments of a ledger from time to time, and reports complete ones and failures."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns

from harness.store.ledger import LedgerWriter
from harness.store.rotation import Rotation
from harness.traffic.event_log import EventLog

#: Attempts after which a segment ends, however short it is: 160 MB.
MOST_IN_SEGMENT = 2_000_000


class TimedRotation:
    """The segments of one sender.

    Args:
        rotation: Begins them.
        ledger: The sender's attempts.
        journal: Gets an event for each complete segment, and one when no further segment can begin.
        seconds: Length of a segment.
        clock: Returns CLOCK_MONOTONIC in nanoseconds.
    """

    def __init__(
        self,
        rotation: Rotation,
        ledger: LedgerWriter,
        journal: EventLog,
        seconds: float,
        clock: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._rotation, self._ledger, self._journal = rotation, ledger, journal
        self._length, self._clock = seconds * 1e9, clock
        self._begun, self._reported, self._has_failed = clock(), 0, False

    def look(self) -> None:
        """Begin a segment if it is time, and report the segments that are complete; called every second."""
        is_due = self._clock() - self._begun >= self._length or self._ledger.in_segment >= MOST_IN_SEGMENT
        if is_due and self._ledger.in_segment and self._rotation.rotate():
            self._begun = self._clock()
        if self._rotation.failure and not self._has_failed:
            self._journal.record("unrotated", number=self._rotation.present, text=self._rotation.failure)
        self._has_failed = bool(self._rotation.failure)
        self._rotation.settle()
        for number in range(self._reported, self._rotation.complete):
            self._journal.record("segment", number=number)
        self._reported = self._rotation.complete
