"""When something happened, from when it was seen and what the cluster's own timestamps say.

A live watch delivers within milliseconds; what is found by listing may have happened at any time since the last look,
and a Kubernetes timestamp, though it has whole seconds only, then narrows that down. Timestamps of other machines
are trusted as far as their clocks agree with ours; one from the future is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness.kit.clock import Clock

_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wall_ns(stamp: str) -> int:
    """Nanoseconds since the epoch of a Kubernetes ``Time`` or ``MicroTime``."""
    return (datetime.fromisoformat(stamp) - _EPOCH) // timedelta(microseconds=1) * 1000


def earlier(stamp: str, seconds: int) -> str:
    """A timestamp that many seconds before another one."""
    return (datetime.fromisoformat(stamp) - timedelta(seconds=seconds)).isoformat()


def resolution_ns(stamp: str) -> int:
    """How exact a timestamp is: a microsecond if it has a fraction, else a second."""
    return 1000 if "." in stamp else _NS


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at the cluster.

    Attributes:
        clock: The run's clock.
        at: When it was taken (CLOCK_MONOTONIC).
        since: The last moment at which everything was known; ``None`` for a live watch, whose looks never lag.
    """

    clock: Clock
    at: int
    since: int | None = None

    def place(self, stamp: str = "") -> tuple[int, int]:
        """(at, exact_ns) of a change of the API's object, ``stamp`` being what the object says of its time."""
        if self.since is None:
            return self.at, 0
        lower, upper = self._within(stamp) if stamp else (self.since, self.at)
        if upper < self.since:  # the other clock is behind: it would have been seen by the last look
            return self.at, self.at - self.since
        return upper, upper - max(lower, self.since)

    def place_reported(self, stamp: str) -> tuple[int, int]:
        """(at, exact_ns) of what happened on a node and was reported afterwards: even a live report comes late."""
        lower, upper = self._within(stamp) if stamp else (self.at, self.at)
        return upper, upper - lower

    def _within(self, stamp: str) -> tuple[int, int]:
        begin = self.clock.from_wall(wall_ns(stamp))
        if begin > self.at:
            return self.at, self.at
        return begin, min(self.at, begin + resolution_ns(stamp))
