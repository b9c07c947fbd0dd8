"""When every request is planned: one pure function for the sender, who keeps to it, and the judge, who counts by it.

The schedule is open loop: slot ``i`` has its time whatever became of the slots before it, so an outage can't hide
its own length. All arithmetic is on integers, so that sender and judge agree to the last slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

from harness.model.attempt import Method, Shape
from harness.model.experiment import TrafficPlan
from harness.model.share import Share

_NS = 1_000_000_000
#: Rates are taken as fractions with at most this denominator: exact for all that people write.
_FINEST = 1000


@dataclass(frozen=True, slots=True)
class Stream:
    """Attempts of one kind, planned and judged by themselves.

    Attributes:
        route: Index into the plan's routes.
        path: That route's path.
        method: ``GET`` or ``POST``.
        shape: New or reused connections.
    """

    route: int
    path: str
    method: Method
    shape: Shape


class Schedule(Protocol):
    """When slots are planned; both ways of asking agree to the nanosecond."""

    def planned_ns(self, slot: int) -> int:
        """Nanoseconds from the origin at which a slot is planned."""

    def slots_until(self, elapsed_ns: int) -> int:
        """How many slots are planned before ``elapsed_ns`` (a slot at that very moment is not)."""


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """Slots at equal distances.

    Attributes:
        rate: Slots per second.
    """

    rate: Fraction

    def planned_ns(self, slot: int) -> int:
        """Nanoseconds from the origin at which a slot is planned."""
        return slot * _NS * self.rate.denominator // self.rate.numerator

    def slots_until(self, elapsed_ns: int) -> int:
        """How many slots are planned before ``elapsed_ns`` (a slot at that very moment is not)."""
        # floor(slot * step) < elapsed, solved for slot without leaving the integers.
        return max(0, -(-elapsed_ns * self.rate.numerator // (_NS * self.rate.denominator)))


@dataclass(frozen=True, slots=True)
class Shared:
    """One worker's slots of a schedule, by the worker's own count.

    Attributes:
        whole: The schedule of all workers together.
        share: The worker's part.
        n_streams: Slots of one round.
    """

    whole: Schedule
    share: Share
    n_streams: int

    def planned_ns(self, slot: int) -> int:
        """As in ``Schedule``, of the worker's slot."""
        return self.whole.planned_ns(self.share.global_slot(slot, self.n_streams))

    def slots_until(self, elapsed_ns: int) -> int:
        """As in ``Schedule``, of the worker's slots alone."""
        return self.share.local_count(self.whole.slots_until(elapsed_ns), self.n_streams)


@lru_cache(maxsize=64)
def _constant(rate: float) -> ConstantRate:
    return ConstantRate(Fraction(rate).limit_denominator(_FINEST))


def arrivals(plan: TrafficPlan, share: Share | None = None) -> Schedule:
    """The schedule of a plan: all of it, or one worker's part.

    Raises:
        ValueError: The rate is not a positive number.
    """
    schedule = _constant(plan.rate)
    if schedule.rate <= 0:
        raise ValueError(f"a rate of {plan.rate} per second plans nothing")
    if share is None or share.of == 1:
        return schedule
    return Shared(schedule, share, len(streams(plan)))


def planned_ns(plan: TrafficPlan, slot: int) -> int:
    """Nanoseconds from the origin at which a slot of the plan is due."""
    return arrivals(plan).planned_ns(slot)


def slots_until(plan: TrafficPlan, elapsed_ns: int) -> int:
    """How many slots of the plan are due in the first ``elapsed_ns`` after the origin."""
    return arrivals(plan).slots_until(elapsed_ns)


def streams(plan: TrafficPlan) -> tuple[Stream, ...]:
    """The plan's streams in their order: routes, then methods, then shapes. Slot ``i`` belongs to ``i % len``."""
    return tuple(
        Stream(index, route.path, method, shape)
        for index, route in enumerate(plan.routes)
        for method in plan.methods
        for shape in plan.shapes
    )
