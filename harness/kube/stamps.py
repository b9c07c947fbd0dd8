"""Converts timestamps of log lines to this machine's monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from harness.kit.clock import Clock
from harness.kube.logs import LogLine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stamps:
    """A converter of timestamps.

    Attributes:
        clock: This machine's clock.
        same_clock: True if the nodes run on this machine. Otherwise their clocks may differ by any amount. It is then
            only certain that a line was written before it was received; its timestamp says roughly how long before.
    """

    clock: Clock
    same_clock: bool

    def place(self, line: LogLine) -> tuple[int, int]:
        """Return (at, exact_ns) of a line: CLOCK_MONOTONIC, and the nanoseconds by which it may be older."""
        if not line.stamp:
            return line.received_ns, 0
        written = min(self.clock.from_wall(stamp_ns(line.stamp)), line.received_ns)
        if self.same_clock:
            return written, 0
        return line.received_ns, line.received_ns - written


def stamp_ns(stamp: str) -> int:
    """Return nanoseconds since the epoch of an RFC 3339 time with up to nine decimals."""
    whole, dot, rest = stamp.partition(".")
    if not dot:
        return _seconds(stamp) * 1_000_000_000
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return _seconds(whole + rest[digits:]) * 1_000_000_000 + int(rest[:digits].ljust(9, "0")[:9])


def _seconds(stamp: str) -> int:
    return int((datetime.fromisoformat(stamp) - _EPOCH).total_seconds())
