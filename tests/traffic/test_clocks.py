"""Comparison of the clocks of two machines over any network."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.traffic.distributed.clocks import ClockError, ClockOffset, Ping, estimate

DELAYS = st.integers(0, 50_000_000)


def pings(offset: int, delays: Iterable[tuple[int, int]]) -> list[Ping]:
    """Make pings with these delays there and back, 1 ms apart, by a master whose clock is ahead by ``offset``."""
    return [
        Ping(asked, asked + there + offset, asked + there + back)
        for asked, (there, back) in enumerate(delays, start=1_000_000)
    ]


@given(st.integers(-(10**15), 10**15), st.lists(st.tuples(DELAYS, DELAYS), min_size=1, max_size=20))
def test_the_truth_lies_within_the_reported_error(offset: int, delays: list[tuple[int, int]]) -> None:
    """However asymmetric the network is, the estimated range contains the true offset."""
    found = estimate(pings(offset, delays))

    assert abs(found.offset_ns - offset) <= found.error_ns


def test_one_quick_answer_is_enough() -> None:
    """Nineteen slow answers take nothing from a quick one."""
    found = estimate(pings(5_000, [(40_000_000, 0)] * 19 + [(10, 10)]))

    assert found.error_ns <= 11


def test_a_clock_that_jumps_is_not_believed() -> None:
    """Half of the answers contradict the others, so no offset fits all."""
    jumped = [*pings(0, [(1000, 1000)]), *pings(5_000_000, [(1000, 1000)])]

    with pytest.raises(ClockError, match="contradict each other by 5"):
        estimate(jumped)


def test_without_an_answer_nothing_is_known() -> None:
    """No ping answered is no clock, and not the clock of this machine."""
    with pytest.raises(ClockError, match="not known"):
        estimate([])


def test_a_time_of_the_master_by_the_workers_clock() -> None:
    """A master that is 3 s ahead has 10 s when the worker's clock has 7 s."""
    assert ClockOffset(3, 0).to_worker(10) == 7
