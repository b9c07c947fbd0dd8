"""Finds stretches of time in which this machine slept or the harness was stopped: no card over one is lossless."""

from __future__ import annotations

from dataclasses import dataclass, field

#: A look that comes this much later than the one before it was held up, in nanoseconds.
LONGEST_GAP_NS = 2_000_000_000
#: CLOCK_BOOTTIME goes on while the machine sleeps, and CLOCK_MONOTONIC does not. A larger difference is sleep.
_SLEPT_NS = 500_000_000

#: Begin and end in nanoseconds of CLOCK_MONOTONIC.
Span = tuple[int, int]


@dataclass(slots=True)
class PauseDetector:
    """Compares the times of regular looks.

    Attributes:
        spans: All pauses found so far.
    """

    spans: list[Span] = field(default_factory=list)
    _last: int = 0
    _ahead: int = 0

    def look(self, monotonic_ns: int, boottime_ns: int) -> Span | None:
        """Take in the time of a look. Return the pause that has just ended, or None.

        Args:
            monotonic_ns: CLOCK_MONOTONIC.
            boottime_ns: CLOCK_BOOTTIME, read at the same moment.
        """
        last, ahead = self._last, self._ahead
        self._last, self._ahead = monotonic_ns, boottime_ns - monotonic_ns
        if not last:
            return None
        slept = self._ahead - ahead
        if monotonic_ns - last < LONGEST_GAP_NS and slept < _SLEPT_NS:
            return None
        self.spans.append((last, monotonic_ns))
        return self.spans[-1]

    def overlaps(self, begin_ns: int, end_ns: int) -> bool:
        """Return True if a pause lies in a stretch of time."""
        return any(first < end_ns and last > begin_ns for first, last in self.spans)
