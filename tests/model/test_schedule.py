"""Tests of the schedule: it is exact, and the counts of sender and judge can't differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.attempt import Method
from harness.model.experiment import Route, TrafficPlan
from harness.model.schedule import planned_ns, slots_until, streams
from harness.model.shapes import Shape

RATES = st.one_of(st.integers(1, 100_000).map(float), st.floats(0.01, 100_000), st.just(33.3))


def plan(rate: float) -> TrafficPlan:
    """Return a plan of eight streams."""
    return TrafficPlan(rate=rate, routes=(Route("/a"), Route("/b")), methods=(Method.GET, Method.POST))


@given(rate=RATES, elapsed=st.integers(0, 10**12))
def test_a_slot_is_counted_exactly_when_its_time_has_come(rate: float, elapsed: int) -> None:
    """The last counted slot is planned before the elapsed time, the next one at that time or later."""
    count = slots_until(plan(rate), elapsed)

    assert count == 0 or planned_ns(plan(rate), count - 1) < elapsed
    assert planned_ns(plan(rate), count) >= elapsed


@given(rate=RATES, slot=st.integers(0, 10**7))
def test_slots_come_in_order_and_do_not_drift(rate: float, slot: int) -> None:
    """Planned times never decrease, and stay within 0.1 % of slot / rate after any number of slots."""
    times = [planned_ns(plan(rate), slot + i) for i in (0, 1)]

    assert times[0] <= times[1]
    if rate >= 1:
        assert times[0] == pytest.approx(slot / rate * 1e9, rel=1e-3, abs=1)


def test_the_first_slot_is_at_the_start() -> None:
    """Slot 0 is planned at the schedule's start."""
    assert (slots_until(plan(200), 0), slots_until(plan(200), 1), planned_ns(plan(200), 0)) == (0, 1, 0)


def test_whole_seconds_have_the_exact_count() -> None:
    """The count after whole seconds is rate times seconds."""
    assert [slots_until(plan(200), s * 10**9) for s in (1, 2, 3600)] == [200, 400, 720_000]


def test_streams_follow_the_plan_routes_outermost() -> None:
    """The order is routes, methods, shapes; stored evidence depends on it."""
    assert [(s.route, s.method, s.shape) for s in streams(plan(1))] == [
        (route, method, shape)
        for route in (0, 1)
        for method in (Method.GET, Method.POST)
        for shape in (Shape.NEW, Shape.REUSED)
    ]


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_rate_that_plans_nothing_is_refused(rate: float) -> None:
    """An empty schedule would look lossless."""
    with pytest.raises(ValueError, match="plans nothing"):
        slots_until(plan(rate), 10**9)
