"""One time line for several machines: how far the master's clock is from a worker's, and how sure that is.

Each answer to a ping bounds the offset from both sides, whatever the network did meanwhile: the master read its clock
after the question left and before the answer came. What all answers allow is the estimate; if nothing is allowed by
all, a clock has jumped, and no time of this worker can be believed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import HarnessError

#: How many pings are made.
PINGS = 20
#: By how much answers may contradict each other before a clock is said to have jumped: 500 ppm in 2 s.
_TOLERANCE_NS = 1_000_000


class ClockError(HarnessError):
    """The clocks of two machines can't be brought together."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How to get from a worker's CLOCK_MONOTONIC to the master's.

    Attributes:
        offset_ns: The master's clock less the worker's.
        error_ns: The truth lies within this of it.
    """

    offset_ns: int = 0
    error_ns: int = 0

    def to_worker(self, master_ns: int) -> int:
        """A time of the master's clock, by the worker's."""
        return master_ns - self.offset_ns


@dataclass(frozen=True, slots=True)
class Ping:
    """One question and its answer.

    Attributes:
        asked: The worker's clock when it was sent.
        theirs: The master's clock when it was there.
        answered: The worker's clock when the answer came.
    """

    asked: int
    theirs: int
    answered: int


def estimate(pings: Iterable[Ping]) -> ClockOffset:
    """The offset that all pings allow.

    Raises:
        ClockError: There is none, or there are no pings.
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
