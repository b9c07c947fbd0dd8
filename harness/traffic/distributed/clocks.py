"""The offset between the clocks of a worker and the master, with its error.

Each answer to a ping bounds the offset from both sides, whatever the network did: the master read its clock after the
ping left and before the answer came. The estimate is the middle of the range that all answers allow. If there is no
such range, a clock has jumped, and the times of this worker are useless.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import HarnessError

#: Number of pings.
PINGS = 20
#: The largest contradiction between answers that is no jump of a clock: 500 ppm in 2 s.
_TOLERANCE_NS = 1_000_000


class ClockError(HarnessError):
    """The clocks of two machines cannot be compared."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The offset from a worker's CLOCK_MONOTONIC to the master's.

    Attributes:
        offset_ns: The master's clock minus the worker's.
        error_ns: The largest error of the offset.
    """

    offset_ns: int = 0
    error_ns: int = 0

    def to_worker(self, master_ns: int) -> int:
        """Convert a time of the master's clock to the worker's."""
        return master_ns - self.offset_ns


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping and its answer.

    Attributes:
        asked: The worker's clock when the ping left.
        theirs: The master's clock when it arrived.
        answered: The worker's clock when the answer arrived.
    """

    asked: int
    theirs: int
    answered: int


def estimate(pings: Iterable[Ping]) -> ClockOffset:
    """Return the offset that all pings allow.

    Raises:
        ClockError: No offset fits all pings, or there are no pings.
    """
    made = [ping for ping in pings if ping.answered >= ping.asked]
    if not made:
        raise ClockError("The master's clock is not known: no ping was answered.")
    low = max(ping.theirs - ping.answered for ping in made)
    high = min(ping.theirs - ping.asked for ping in made)
    if low - high > _TOLERANCE_NS:
        raise ClockError(
            f"The clocks of worker and master contradict each other by {(low - high) / 1e6:.1f} ms.",
            hint="One of them has jumped. Look for a virtual machine that was paused.",
        )
    return ClockOffset((low + high) // 2, (abs(high - low) + 1) // 2)
