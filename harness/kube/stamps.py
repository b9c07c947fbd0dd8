"""When a line was logged, on our clock: as exact as the node's clock is the same as ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from harness.kit.clock import Clock
from harness.kube.logs import LogLine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stamps:
    """Places stamps of log lines.

    Attributes:
        clock: Ours.
        same_clock: Whether the nodes are on this machine. Otherwise their clocks may differ from ours by anything, and
            all that is sure is that a line was written before it arrived; its stamp says about how long before.
    """

    clock: Clock
    same_clock: bool

    def place(self, line: LogLine) -> tuple[int, int]:
        """(at, exact_ns) of a line: CLOCK_MONOTONIC, and how much earlier it may have been."""
        if not line.stamp:
            return line.received_ns, 0
        written = min(self.clock.from_wall(stamp_ns(line.stamp)), line.received_ns)
        if self.same_clock:
            return written, 0
        return line.received_ns, line.received_ns - written


def stamp_ns(stamp: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time with up to nine digits of a second's fraction."""
    whole, dot, rest = stamp.partition(".")
    if not dot:
        return _seconds(stamp) * 1_000_000_000
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return _seconds(whole + rest[digits:]) * 1_000_000_000 + int(rest[:digits].ljust(9, "0")[:9])


def _seconds(stamp: str) -> int:
    return int((datetime.fromisoformat(stamp) - _EPOCH).total_seconds())
