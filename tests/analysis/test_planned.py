"""Tests that the judge's array arithmetic equals the sender's for every slot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import planned
from harness.analysis.planned import planner, slots_until
from harness.analysis.slots import account
from harness.model import poisson
from harness.model.experiment import Route, TrafficPlan
from harness.model.rate_curve import NS, curve_of
from harness.model.rates import Leg, Rate, highest_rate
from harness.model.schedule import schedule_of
from harness.testing.evidence import PLAN, quiet_trial

SLOPES = st.one_of(st.integers(1, 100_000).map(float), st.floats(0.01, 100_000))
RATES = st.one_of(SLOPES, st.lists(st.builds(Leg, SLOPES, SLOPES, st.floats(0.01, 2)), min_size=1, max_size=3))
KINDS = ["even", "poisson"]


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Iterator[None]:
    """Use small blocks of random arrivals, so that the tests cross their boundaries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planned, "_CHUNK", 300)
        yield


def plan(rate: Rate | list[Leg], kind: str = "even", seed: int = 0) -> TrafficPlan:
    """Return a plan of two streams."""
    rate = tuple(rate) if isinstance(rate, list) else rate
    return TrafficPlan(rate=rate, routes=(Route("/"),), arrivals="poisson" if kind == "poisson" else "even", seed=seed)


@given(rate=RATES, slots=st.lists(st.integers(0, 10**7), min_size=1))
def test_even_slots_are_planned_to_the_nanosecond(rate: Rate | list[Leg], slots: list[int]) -> None:
    """This includes times whose products do not fit into 64 bits."""
    traffic = plan(rate)
    schedule = schedule_of(traffic)

    assert planner(traffic)(np.array(slots)).tolist() == [schedule.planned_ns(slot) for slot in slots]


@given(rate=RATES, seed=st.integers(0, 2**70), slots=st.lists(st.integers(0, 3000), min_size=1))
def test_random_slots_are_planned_to_the_nanosecond(rate: Rate | list[Leg], seed: int, slots: list[int]) -> None:
    """The slots are queried in any order."""
    traffic = plan(rate, "poisson", seed)
    schedule = schedule_of(traffic)

    assert planner(traffic)(np.array(slots)).tolist() == [schedule.planned_ns(slot) for slot in slots]


@pytest.mark.parametrize("kind", KINDS)
@given(rate=RATES, elapsed=st.integers(-10, 10**10))
def test_the_judge_counts_as_many_slots_as_the_sender(kind: str, rate: Rate | list[Leg], elapsed: int) -> None:
    """The counts are equal at any time, including the start and times before it."""
    traffic = plan(rate, kind)
    if kind == "poisson":
        elapsed = min(elapsed, round(500 * NS / highest_rate(traffic.rate)))

    assert slots_until(traffic, elapsed) == schedule_of(traffic).slots_until(elapsed)


def test_random_slots_continue_across_chunks() -> None:
    """The sum continues at the end of the chunk before."""
    traffic = plan(5000.0, "poisson", 9)
    times = planner(traffic)(np.arange(1000)[::-1])[::-1]
    schedule = schedule_of(traffic)

    assert times.tolist() == [schedule.planned_ns(slot) for slot in range(1000)]
    assert [slots_until(traffic, int(times[n]) + 1) for n in (298, 299, 300, 999)] == [299, 300, 301, 1000]


def test_an_arrival_at_the_limit_is_not_below_it() -> None:
    """The judge counts like the sender, also at the last arrival of a chunk and the first of the next."""
    sender, judge = poisson.PoissonArrivals(4), planned._PoissonArrays(4)
    limits = [sender.position(number) + more for number in (0, 7, 299, 300, 301) for more in (0, 1)]

    assert [judge.count_below(limit) for limit in limits] == [0, 1, 7, 8, 299, 300, 300, 301, 301, 302]
    assert [sender.count_below(limit) for limit in limits] == [0, 1, 7, 8, 299, 300, 300, 301, 301, 302]


def test_damaged_numbers_are_refused_at_once() -> None:
    """These are a number that no slot has, and an end that no trial has."""
    evidence = quiet_trial()
    rows = evidence.attempts.copy()
    rows["number"][7] = 2**63 + 3
    rows["number"][8] = 2**62
    found = account(PLAN, rows, 3 * NS)

    assert (found.planned, found.present, found.foreign) == (300, 298, 2)
    with pytest.raises(ValueError, match="would have been planned"):
        slots_until(plan(100.0, "poisson"), 10**20)


def test_usual_rates_fit_into_64_bits() -> None:
    """Judging ten million rows must not loop over them in Python."""
    for rate in (200.0, 33.3, 100_000.0, 1234.567, (Leg(50.0, 5000.0, 600.0), Leg(99.9, 99.9, 10.0))):
        pace = curve_of(rate)

        assert all(under * over < 2**63 for under, over in zip(pace.numerators, pace.denominators, strict=True))
