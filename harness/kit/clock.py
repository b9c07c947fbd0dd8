"""One clock for all processes of a run: monotonic nanoseconds, with an anchor to the wall clock.

CLOCK_MONOTONIC is the same for every process on the machine and never jumps, so events of different processes
can be compared. The wall clock is read once. Every displayed time is computed from that anchor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """A pair of readings of both clocks at the same moment, which converts between them.

    Attributes:
        wall_anchor_ns: Nanoseconds since the Unix epoch at the anchor.
        monotonic_anchor_ns: Nanoseconds of CLOCK_MONOTONIC at the anchor.
    """

    wall_anchor_ns: int
    monotonic_anchor_ns: int

    @classmethod
    def start(cls) -> Clock:
        """Return a clock that is anchored now."""
        before = time.monotonic_ns()
        wall = time.time_ns()
        return cls(wall, (before + time.monotonic_ns()) // 2)

    def now(self) -> int:
        """Return the current nanoseconds of CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def to_wall(self, ns: int) -> int:
        """Return a monotonic time as nanoseconds since the Unix epoch."""
        return ns - self.monotonic_anchor_ns + self.wall_anchor_ns

    def from_wall(self, wall_ns: int) -> int:
        """Return nanoseconds since the Unix epoch as a monotonic time."""
        return wall_ns - self.wall_anchor_ns + self.monotonic_anchor_ns

    def isoformat(self, ns: int) -> str:
        """Return a monotonic time as UTC text with milliseconds: ``2026-01-31T12:00:00.123Z``."""
        wall = self.to_wall(ns)
        moment = datetime.fromtimestamp(wall // _NS, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{wall % _NS // 1_000_000:03d}Z"
