"""Computes when each request is planned, for the sender that follows the plan and for the judge that counts by it.

The schedule is open loop: slot ``i`` has its time no matter what happened to earlier slots, so an outage can't hide its
own length. All arithmetic uses integers, so that sender and judge agree on every slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from harness.model.attempt import Method
from harness.model.experiment import TrafficPlan
from harness.model.poisson import PoissonArrivals
from harness.model.rate_curve import UNIT, RateCurve, curve_of
from harness.model.shapes import SHAPES, Shape, WireProtocol
from harness.model.share import Share


@dataclass(frozen=True, slots=True)
class Stream:
    """Attempts of one kind, planned and judged separately.

    Attributes:
        route: Index into the plan's routes.
        path: The route's path.
        method: Its HTTP method.
        shape: How its attempts get their connections.
        delay: Seconds for which the application is asked to delay the answer.
        unused_for: Seconds for which a connection must have waited unused before an attempt.
        protocol: Protocol on its connections.
        key: The route's key.
        host: The route's ``Host`` header; empty for the client's default.
        headers: Further headers, ``(name, value)``.
        cookie: Name of the cookie that its sessions send back; empty for none.
        sessions: Number of sessions used in turn by each sender; 0 for none.
        bodies: Send a body, if the method is one that has bodies.
    """

    route: int
    path: str
    method: Method
    shape: Shape
    delay: float = 0.0
    unused_for: float = 0.0
    protocol: WireProtocol = WireProtocol.HTTP1
    key: str = ""
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cookie: str = ""
    sessions: int = 0
    bodies: bool = True


class Schedule(Protocol):
    """Planned times of slots; both methods agree to the nanosecond."""

    def planned_ns(self, slot: int) -> int:
        """Return the planned time of a slot, in nanoseconds from the start."""

    def slots_until(self, elapsed_ns: int) -> int:
        """Return how many slots are planned before ``elapsed_ns``; a slot at exactly that time does not count."""


@dataclass(frozen=True, slots=True)
class Even:
    """Slots at even distances, as far as the rate is constant.

    Attributes:
        curve: The rate's curve.
    """

    curve: RateCurve

    def planned_ns(self, slot: int) -> int:
        """Return the planned time of a slot."""
        return self.curve.time_of(slot * UNIT)

    def slots_until(self, elapsed_ns: int) -> int:
        """Return how many slots are planned before a time."""
        return -(-self.curve.positions_until(elapsed_ns) // UNIT)


@dataclass(frozen=True, slots=True)
class Poisson:
    """Slots at random distances with the given average rate: independent arrivals.

    Queries in order of time are cheap; others walk along the schedule.

    Attributes:
        curve: The rate's curve.
        arrivals: Positions of the slots.
    """

    curve: RateCurve
    arrivals: PoissonArrivals

    def planned_ns(self, slot: int) -> int:
        """Return the planned time of a slot."""
        return self.curve.time_of(self.arrivals.position(slot))

    def slots_until(self, elapsed_ns: int) -> int:
        """Return how many slots are planned before a time."""
        return self.arrivals.count_below(self.curve.positions_until(elapsed_ns))


@dataclass(frozen=True, slots=True)
class Shared:
    """One worker's slots of a schedule, numbered by the worker itself.

    Attributes:
        whole: The schedule of all workers together.
        share: The worker's part.
        n_streams: Number of slots per round, one for each stream.
    """

    whole: Schedule
    share: Share
    n_streams: int

    def planned_ns(self, slot: int) -> int:
        """Return the planned time of one of the worker's slots."""
        return self.whole.planned_ns(self.share.global_slot(slot, self.n_streams))

    def slots_until(self, elapsed_ns: int) -> int:
        """Return how many of the worker's slots are planned before a time."""
        return self.share.local_count(self.whole.slots_until(elapsed_ns), self.n_streams)


def schedule_of(plan: TrafficPlan, share: Share | None = None) -> Schedule:
    """Return the schedule of a plan, or one worker's part of it.

    Raises:
        ValueError: The rate plans nothing.
    """
    curve = curve_of(plan.rate)
    whole: Schedule = Even(curve) if plan.arrivals == "even" else Poisson(curve, PoissonArrivals(plan.seed))
    if share is None or share.of == 1:
        return whole
    return Shared(whole, share, len(streams(plan)))


def planned_ns(plan: TrafficPlan, slot: int) -> int:
    """Return the planned time of a slot of the plan, in nanoseconds from the start."""
    return schedule_of(plan).planned_ns(slot)


def slots_until(plan: TrafficPlan, elapsed_ns: int) -> int:
    """Return how many slots are planned in the first ``elapsed_ns`` after the start."""
    return schedule_of(plan).slots_until(elapsed_ns)


def streams(plan: TrafficPlan) -> tuple[Stream, ...]:
    """Return the plan's streams in their order: routes, then methods, then shapes.

    Slot ``i`` belongs to stream ``i % len``.
    """
    return tuple(
        Stream(
            route=index,
            path=route.path,
            method=method,
            shape=shape,
            delay=plan.seconds_of(shape) if SHAPES[shape].needs_application else 0.0,
            unused_for=plan.seconds_of(shape) if SHAPES[shape].waits else 0.0,
            key=route.key,
            host=route.host,
            headers=route.headers,
            cookie=route.cookie,
            sessions=route.sessions,
            bodies=plan.bodies,
        )
        for index, route in enumerate(plan.routes)
        for method in plan.methods
        for shape in plan.shapes
    )


def session_of(number: Any, n_streams: int, sessions: int) -> Any:
    """Return the number of the stream's session that an attempt belongs to; takes integers and integer arrays.

    Every stream of every sender has sessions of its own, so that none share a cookie.

    Args:
        number: The attempt's number in its sender's ledger.
        n_streams: Streams of the plan.
        sessions: Number of the stream's sessions.
    """
    return number // n_streams % sessions
