"""Tests of ramps, steps and random arrivals: they are exact, in order, and as many as the rate gives."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.experiment import Route, TrafficPlan
from harness.model.poisson import LOG_2, LOGS, PoissonArrivals
from harness.model.rate_curve import NS, UNIT, curve_of
from harness.model.rates import Leg, Rate, highest_rate, lowest_rate, rate_at, rate_text, scaled
from harness.model.schedule import schedule_of

SLOPES = st.one_of(st.integers(1, 2000).map(float), st.floats(0.01, 5000))
LEGS = st.lists(
    st.one_of(
        st.builds(Leg, SLOPES, SLOPES, st.floats(0.01, 40)),
        SLOPES.flatmap(lambda rate: st.builds(Leg, st.just(rate), st.just(rate), st.floats(0.01, 40))),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
RAMP = (Leg(50.0, 500.0, 30.0),)
STEPS = (Leg(100.0, 100.0, 10.0), Leg(100.0, 300.0, 20.0), Leg(300.0, 300.0, 1.0))


def plan(rate: Rate, *, poisson: bool = False, seed: int = 0) -> TrafficPlan:
    """Return a plan of two streams."""
    return TrafficPlan(rate=rate, routes=(Route("/"),), arrivals="poisson" if poisson else "even", seed=seed)


@given(rate=LEGS, poisson=st.booleans(), seed=st.integers(0, 2**70), elapsed=st.integers(-5, 10**11), data=st.data())
def test_a_slot_is_counted_exactly_when_its_time_has_come(
    rate: tuple[Leg, ...], *, poisson: bool, seed: int, elapsed: int, data: st.DataObject
) -> None:
    """The count is the exact inverse of the planned time, also at a slot's own time and one nanosecond later."""
    schedule = schedule_of(plan(rate, poisson=poisson, seed=seed))
    if poisson:
        elapsed = min(elapsed, round(2000 / highest_rate(rate) * NS))
    slot = data.draw(st.integers(0, max(0, schedule.slots_until(elapsed))))
    for moment in (elapsed, schedule.planned_ns(slot), schedule.planned_ns(slot) + 1):
        count = schedule.slots_until(moment)

        assert count == 0 or schedule.planned_ns(count - 1) < moment
        assert schedule.planned_ns(count) >= moment


@given(rate=LEGS, slot=st.integers(0, 10**6))
def test_slots_come_in_order(rate: tuple[Leg, ...], slot: int) -> None:
    """Planned times never decrease, not even between two pieces."""
    times = [schedule_of(plan(rate)).planned_ns(slot + i) for i in range(5)]

    assert all(first <= second for first, second in pairwise(times))


@given(start=SLOPES, end=SLOPES, seconds=st.floats(0.05, 600), part=st.floats(0, 1))
def test_a_ramp_is_less_than_half_a_slot_from_the_straight_line(
    start: float, end: float, seconds: float, part: float
) -> None:
    """At any time a ramp has nearly as many slots as a straight line between its rates."""
    ramp = curve_of((Leg(start, end, seconds),))
    ideal = start * part * seconds + (end - start) * part**2 * seconds / 2
    rounding = 0.002 * seconds  # rates are fractions of at most a thousandth

    assert ramp.positions_until(round(part * seconds * NS)) / UNIT == pytest.approx(ideal, abs=0.5 + rounding)


def test_a_ramp_and_steps_have_the_slots_of_a_manual_calculation() -> None:
    """A leg has its mean rate times its length, exactly; then the last rate holds."""
    ramp, steps = schedule_of(plan(RAMP)), schedule_of(plan(STEPS))

    assert [ramp.slots_until(s * NS) for s in (30, 31, 3630)] == [8250, 8750, 1_808_250]
    assert [steps.slots_until(s * NS) for s in (10, 30, 31, 41)] == [1000, 5000, 5300, 8300]
    assert [steps.planned_ns(slot) for slot in (1000, 5000, 5300, 5600)] == [10 * NS, 30 * NS, 31 * NS, 32 * NS]


def test_a_ramp_down_is_a_ramp_up_backwards() -> None:
    """Both have the same number of slots, in reverse order."""
    up, down = curve_of(RAMP), curve_of((Leg(500.0, 50.0, 30.0),))

    assert down.positions_until(30 * NS) == 8250 * UNIT
    assert down.positions_until(10 * NS) == pytest.approx(8250 * UNIT - up.positions_until(20 * NS), abs=2)


@pytest.mark.parametrize("rate", [200.0, RAMP, STEPS])
def test_random_arrivals_have_the_rate_and_the_variance_of_chance(rate: Rate) -> None:
    """Counts in equal periods have a variance of about their mean, and each seed gives other arrivals."""
    counts = []
    for seed in range(40):
        schedule, even = schedule_of(plan(rate, poisson=True, seed=seed)), schedule_of(plan(rate))
        counts.append(schedule.slots_until(even.planned_ns(400)))
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)

    assert mean == pytest.approx(400, abs=4 * 20 / math.sqrt(40))
    assert variance == pytest.approx(400, rel=4 * math.sqrt(2 / 39))
    assert len(set(counts)) > 20


def test_gaps_between_random_arrivals_are_exponential() -> None:
    """The largest distance from the exponential distribution is that of 20,000 random values."""
    found = PoissonArrivals(7)
    positions = [found.position(number) for number in range(20_000)]
    gaps = sorted(after - before for before, after in pairwise([0, *positions]))
    expected = [1 - math.exp(-gap / UNIT) for gap in gaps]
    distance = max(abs(value - index / len(gaps)) for index, value in enumerate(expected))

    assert distance < 1.63 / math.sqrt(len(gaps))  # Kolmogorov-Smirnov at 1 %


def test_random_arrivals_are_the_same_in_any_order() -> None:
    """Queries in any order, across blocks, give the same positions as queries in order."""
    in_order, jumping = PoissonArrivals(3), PoissonArrivals(3)
    positions = [in_order.position(number) for number in range(2000)]

    assert [jumping.position(number) for number in (1999, 0, 511, 512, 5)] == [
        positions[number] for number in (1999, 0, 511, 512, 5)
    ]
    assert [PoissonArrivals(3).count_below(positions[n]) for n in (0, 255, 256, 1999)] == [0, 255, 256, 1999]


def test_the_table_of_logarithms_is_the_same_on_every_machine() -> None:
    """No entry is so close to a rounding limit that another math library could round it differently."""
    exact = [(math.log(2) - math.log1p(i / 1024)) * UNIT for i in range(1024)]
    nearest = min(abs(value - math.floor(value) - 0.5) for value in [*exact, math.log(2) * UNIT])

    assert nearest > 1e-6
    assert (LOG_2, len(LOGS), LOGS[0], LOGS[-1]) == (LOGS[0], 1025, 726817, 0)


def test_the_same_seed_always_gives_the_same_arrivals() -> None:
    """Sealed runs are judged again years later, so these times must never change."""
    schedule = schedule_of(plan(200.0, poisson=True, seed=1))

    assert [schedule.planned_ns(slot) for slot in (0, 1, 2, 1000)] == [4995789, 5286245, 20763230, 5057592487]


@pytest.mark.parametrize(
    "rate",
    [(Leg(0.0, 10.0, 5.0),), (Leg(10.0, -1.0, 5.0),), (Leg(10.0, 20.0, 0.0),), (Leg(1.0, 1.0, -1.0),), (), 0.0, -1.0],
)
def test_a_rate_that_plans_nothing_is_refused(rate: Rate) -> None:
    """An empty schedule would look lossless."""
    with pytest.raises(ValueError, match=r"a leg needs|plans nothing"):
        curve_of(rate)


def test_the_functions_of_a_rate() -> None:
    """Test the lowest and highest rate, the rate at a time, the text, and a multiple."""
    assert [lowest_rate(STEPS), highest_rate(STEPS), lowest_rate(5.0), highest_rate(5.0)] == [100, 300, 5, 5]
    assert [rate_at(STEPS, s) for s in (0.0, 9.9, 20.0, 30.5, 99.0)] == [100, 100, 200, 300, 300]
    assert [rate_text(200.0), rate_text(RAMP)] == ["200/s", "50/s to 500/s in 30 s"]
    assert rate_text(STEPS) == "100/s for 10 s, then 100/s to 300/s in 20 s, then 300/s"
    assert (scaled(5.0, 2), scaled(RAMP, 0.5)) == (10.0, (Leg(25.0, 250.0, 30.0),))
