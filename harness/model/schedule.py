"""When every request is planned: one pure function for the sender, who keeps to it, and the judge, who counts by it.

The schedule is open loop: slot ``i`` has its time whatever became of the slots before it, so an outage can't hide
its own length. All arithmetic is on integers, so that sender and judge agree to the last slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from harness.model.attempt import Method, Shape
from harness.model.experiment import TrafficPlan

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


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """Slots at equal distances.

    Attributes:
        rate: Slots per second.
        phase: Time of slot 0 in nanoseconds from the origin; lets several senders interleave.
    """

    rate: Fraction
    phase: int = 0

    def planned_ns(self, slot: int) -> int:
        """Nanoseconds from the origin at which a slot is planned."""
        return self.phase + slot * _NS * self.rate.denominator // self.rate.numerator

    def slots_until(self, elapsed_ns: int) -> int:
        """How many slots are planned before ``elapsed_ns`` (a slot at that very moment is not)."""
        elapsed = elapsed_ns - self.phase
        # floor(slot * step) < elapsed, solved for slot without leaving the integers.
        return max(0, -(-elapsed * self.rate.numerator // (_NS * self.rate.denominator)))


@lru_cache(maxsize=64)
def _constant(rate: float) -> ConstantRate:
    return ConstantRate(Fraction(rate).limit_denominator(_FINEST))


def arrivals(plan: TrafficPlan) -> ConstantRate:
    """The schedule of a plan.

    Raises:
        ValueError: The rate is not a positive number.
    """
    schedule = _constant(plan.rate)
    if schedule.rate <= 0:
        raise ValueError(f"a rate of {plan.rate} per second plans nothing")
    return schedule


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
