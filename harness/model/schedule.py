"""When every request is planned: one pure function for the sender, who keeps to it, and the judge, who counts by it.

The schedule is open loop: slot ``i`` has its time whatever became of the slots before it, so an outage can't hide
its own length. All arithmetic is on integers, so that sender and judge agree to the last slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from harness.model.attempt import Method
from harness.model.experiment import TrafficPlan
from harness.model.pace import UNIT, Pace, pace_of
from harness.model.poisson import Arrivals
from harness.model.shapes import SHAPES, Shape, WireProtocol
from harness.model.share import Share


@dataclass(frozen=True, slots=True)
class Stream:
    """Attempts of one kind, planned and judged by themselves.

    Attributes:
        route: Index into the plan's routes.
        path: That route's path.
        method: ``GET`` or ``POST``.
        shape: The connection shape.
        delay: Seconds by which the application is asked to delay the answer.
        unused_for: Seconds for which a connection must have waited unused before an attempt.
        protocol: The protocol on its connections.
        key: Name of the route.
        host: The ``Host`` header that the route asks for; the client's own where empty.
        headers: Further headers, ``(name, value)``.
        cookie: Name of the cookie that its sessions send back; empty for none.
        sessions: How many sessions take turns in each sender; 0 for none.
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


class Schedule(Protocol):
    """When slots are planned; both ways of asking agree to the nanosecond."""

    def planned_ns(self, slot: int) -> int:
        """Nanoseconds from the origin at which a slot is planned."""

    def slots_until(self, elapsed_ns: int) -> int:
        """How many slots are planned before ``elapsed_ns`` (a slot at that very moment is not)."""


@dataclass(frozen=True, slots=True)
class Even:
    """Slots at even distances, as far as the rate stays the same.

    Attributes:
        pace: The course of the rate.
    """

    pace: Pace

    def planned_ns(self, slot: int) -> int:
        """As in ``Schedule``."""
        return self.pace.time_of(slot * UNIT)

    def slots_until(self, elapsed_ns: int) -> int:
        """As in ``Schedule``."""
        return -(-self.pace.positions_until(elapsed_ns) // UNIT)


@dataclass(frozen=True, slots=True)
class Poisson:
    """Slots at random distances, at the same rate on the whole: arrivals that know nothing of each other.

    It is cheap for those who ask in order of time; for others each question costs a walk along the schedule.

    Attributes:
        pace: The course of the rate.
        arrivals: Where the slots lie.
    """

    pace: Pace
    arrivals: Arrivals

    def planned_ns(self, slot: int) -> int:
        """As in ``Schedule``."""
        return self.pace.time_of(self.arrivals.position(slot))

    def slots_until(self, elapsed_ns: int) -> int:
        """As in ``Schedule``."""
        return self.arrivals.count_below(self.pace.positions_until(elapsed_ns))


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


def arrivals(plan: TrafficPlan, share: Share | None = None) -> Schedule:
    """The schedule of a plan: all of it, or one worker's part.

    Raises:
        ValueError: Nothing is planned by its rate.
    """
    pace = pace_of(plan.rate)
    whole: Schedule = Even(pace) if plan.arrivals == "even" else Poisson(pace, Arrivals(plan.seed))
    if share is None or share.of == 1:
        return whole
    return Shared(whole, share, len(streams(plan)))


def planned_ns(plan: TrafficPlan, slot: int) -> int:
    """Nanoseconds from the origin at which a slot of the plan is due."""
    return arrivals(plan).planned_ns(slot)


def slots_until(plan: TrafficPlan, elapsed_ns: int) -> int:
    """How many slots of the plan are due in the first ``elapsed_ns`` after the origin."""
    return arrivals(plan).slots_until(elapsed_ns)


def streams(plan: TrafficPlan) -> tuple[Stream, ...]:
    """The plan's streams in their order: routes, then methods, then shapes. Slot ``i`` belongs to ``i % len``."""
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
        )
        for index, route in enumerate(plan.routes)
        for method in plan.methods
        for shape in plan.shapes
    )


def session_of(number: Any, n_streams: int, sessions: int) -> Any:
    """Which of a stream's sessions an attempt belongs to: a whole number, or an array of them as ``number`` is.

    Every stream of every sender has sessions of its own, so that nobody has to share a cookie.

    Args:
        number: The attempt's number in its sender's ledger.
        n_streams: Streams of the plan.
        sessions: How many sessions take turns.
    """
    return number // n_streams % sessions
