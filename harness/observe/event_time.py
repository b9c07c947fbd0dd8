"""Estimates the time of an event from the time of its observation and from the cluster's timestamps.

A live watch delivers events within milliseconds. A change that is found by listing may have happened at any time since
the last observation. A Kubernetes timestamp then narrows that down, although most have only whole seconds. Timestamps
of other machines depend on their clocks; one in the future is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness.kit.clock import Clock

_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wall_ns(stamp: str) -> int:
    """Return nanoseconds since the epoch of a Kubernetes ``Time`` or ``MicroTime``."""
    return (datetime.fromisoformat(stamp) - _EPOCH) // timedelta(microseconds=1) * 1000


def earlier(stamp: str, seconds: int) -> str:
    """Return the timestamp that is ``seconds`` before another one."""
    return (datetime.fromisoformat(stamp) - timedelta(seconds=seconds)).isoformat()


def resolution_ns(stamp: str) -> int:
    """Return the resolution of a timestamp: a microsecond if it has a fraction, otherwise a second."""
    return 1000 if "." in stamp else _NS


@dataclass(frozen=True, slots=True)
class Observation:
    """An observation of the cluster: a list, or an event of a watch.

    Attributes:
        clock: The run's clock.
        at: Time of the observation (CLOCK_MONOTONIC).
        since: Time up to which everything was known before; ``None`` for a live watch, which does not lag.
    """

    clock: Clock
    at: int
    since: int | None = None

    def place(self, stamp: str = "") -> tuple[int, int]:
        """Return (at, exact_ns) of a change of an object. ``stamp`` is the object's own timestamp of the change."""
        if self.since is None:
            return self.at, 0
        lower, upper = self._within(stamp) if stamp else (self.since, self.at)
        if upper < self.since:  # the other clock is behind: the last observation would have seen the change
            return self.at, self.at - self.since
        return upper, upper - max(lower, self.since)

    def place_reported(self, stamp: str) -> tuple[int, int]:
        """Return (at, exact_ns) of an event that a node reports only later, so that even a watch sees it late."""
        lower, upper = self._within(stamp) if stamp else (self.at, self.at)
        return upper, upper - lower

    def _within(self, stamp: str) -> tuple[int, int]:
        begin = self.clock.from_wall(wall_ns(stamp))
        if begin > self.at:
            return self.at, self.at
        return begin, min(self.at, begin + resolution_ns(stamp))
