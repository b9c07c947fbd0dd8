"""One clock for all processes of a run: monotonic nanoseconds, with an anchor to the wall for people.

CLOCK_MONOTONIC is the same for every process on the machine and never jumps, so events of different processes
can be compared. The wall clock is read once; everything shown to people is reckoned from that anchor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """Both clocks, read at the same moment.

    Attributes:
        wall_anchor_ns: Nanoseconds since the Unix epoch at the anchor.
        monotonic_anchor_ns: Nanoseconds of CLOCK_MONOTONIC at the anchor.
    """

    wall_anchor_ns: int
    monotonic_anchor_ns: int

    @classmethod
    def start(cls) -> Clock:
        """Anchor a clock at this moment."""
        before = time.monotonic_ns()
        wall = time.time_ns()
        return cls(wall, (before + time.monotonic_ns()) // 2)

    def now(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def to_wall(self, ns: int) -> int:
        """Nanoseconds since the Unix epoch for a monotonic time."""
        return ns - self.monotonic_anchor_ns + self.wall_anchor_ns

    def from_wall(self, wall_ns: int) -> int:
        """The monotonic time for nanoseconds since the Unix epoch."""
        return wall_ns - self.wall_anchor_ns + self.monotonic_anchor_ns

    def isoformat(self, ns: int) -> str:
        """A monotonic time as UTC text with milliseconds: ``2026-01-31T12:00:00.123Z``."""
        wall = self.to_wall(ns)
        moment = datetime.fromtimestamp(wall // _NS, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{wall % _NS // 1_000_000:03d}Z"
