"""Times at which the kubelet relists a pod, reports its state, and begins to stop it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.kubelet.relist_times import RelistTimes


@pytest.mark.parametrize(
    ("now", "expected"), [(5.0, 10.0), (10.0, 10.0), (10.1, 11.0), (10.9, 11.0), (11.0, 11.0), (20.5, 21.0)]
)
def test_relists_are_whole_periods_after_the_first(now: float, expected: float) -> None:
    """The first relist is the earliest; a change between two relists is found at the second."""
    assert RelistTimes(1.0, 10.0).next(now) == pytest.approx(expected)


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_the_next_relist_is_at_most_a_period_later(first: float, now: float) -> None:
    """The next relist is never in the past."""
    assert now - 1e-9 <= RelistTimes(1.0, first).next(now) <= max(first, now + 1) + 1e-9


@pytest.mark.parametrize(("now", "expected"), [(10.0, 11.0), (10.001, 11.0), (9.999, 11.0), (12.9, 14.0)])
def test_the_following_relist_is_a_later_one(now: float, expected: float) -> None:
    """It is later even if a wait for a relist ended slightly early or late."""
    assert RelistTimes(1.0, 10.0).following(now) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("marked", "stopped"),
    [(9.5, 9.5), (10.1, 12.0), (10.9, 12.0), (11.1, 13.0), (11.9, 13.0), (12.5, 13.0), (13.1, 13.1), (20.3, 20.3)],
)
def test_the_stop_of_a_new_pod_waits_for_a_relist(marked: float, stopped: float) -> None:
    """As measured, it begins 2 s or 3 s after the pod was reported running, or at once for an older pod."""
    assert RelistTimes(1.0, 10.0).stop(marked) == pytest.approx(stopped)


@pytest.mark.parametrize(("now", "expected"), [(10.5, 11.0), (11.3, 12.0), (12.3, 12.3), (15.7, 15.7)])
def test_a_probe_result_takes_effect_at_once_unless_the_pod_is_new(now: float, expected: float) -> None:
    """As measured, readiness is probed right after a startup probe has succeeded, or at the next relist."""
    assert RelistTimes(1.0, 10.0).sync(now) == pytest.approx(expected)


def test_without_a_period_every_change_is_found_at_once() -> None:
    """This is the case in the profile without delays."""
    relists = RelistTimes(0, 10.0)

    assert [relists.next(11.3), relists.following(11.3)] == [11.3, 11.3]
    assert [relists.stop(10.1), relists.sync(10.1)] == [10.1, 10.1]
    assert relists.next(9.0) == 10.0


def test_a_late_container_moves_the_first_relist() -> None:
    """It is reported running at the next relist, which is its first one; the times of relists stay the same."""
    relists = RelistTimes(1.0, 10.0)

    assert relists.begin(9.0) == 10.0
    assert relists.begin(10.4) == 11.0
    assert relists.next(10.5) == 11.0
    assert relists.next(11.5) == 12.0
