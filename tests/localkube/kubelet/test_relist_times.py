"""When the kubelet relists at a pod, tells what it found, and begins to stop it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.kubelet.relist_times import RelistTimes


@pytest.mark.parametrize(
    ("now", "expected"), [(5.0, 10.0), (10.0, 10.0), (10.1, 11.0), (10.9, 11.0), (11.0, 11.0), (20.5, 21.0)]
)
def test_looks_are_whole_periods_after_the_first(now: float, expected: float) -> None:
    """Nothing is found before the first look, and what happens between two is found at the second."""
    assert RelistTimes(1.0, 10.0).next(now) == pytest.approx(expected)


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_a_look_is_never_before_and_never_more_than_a_period_later(first: float, now: float) -> None:
    """After the first one."""
    assert now - 1e-9 <= RelistTimes(1.0, first).next(now) <= max(first, now + 1) + 1e-9


@pytest.mark.parametrize(("now", "expected"), [(10.0, 11.0), (10.001, 11.0), (9.999, 11.0), (12.9, 14.0)])
def test_the_following_look_is_another_one(now: float, expected: float) -> None:
    """A wait for a look ends at about its moment, a little early or late."""
    assert RelistTimes(1.0, 10.0).following(now) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("marked", "stopped"),
    [(9.5, 9.5), (10.1, 12.0), (10.9, 12.0), (11.1, 13.0), (11.9, 13.0), (12.5, 13.0), (13.1, 13.1), (20.3, 20.3)],
)
def test_the_stop_of_a_young_pod_waits_for_a_look(marked: float, stopped: float) -> None:
    """As measured on a real kubelet: 2 s after the pod was said to run, or 3 s, or at once for an older pod."""
    assert RelistTimes(1.0, 10.0).stop(marked) == pytest.approx(stopped)


@pytest.mark.parametrize(("now", "expected"), [(10.5, 11.0), (11.3, 12.0), (12.3, 12.3), (15.7, 15.7)])
def test_a_result_is_acted_on_at_once_unless_the_pod_is_young(now: float, expected: float) -> None:
    """As measured: readiness is probed when a startup probe has succeeded, or at the next look."""
    assert RelistTimes(1.0, 10.0).sync(now) == pytest.approx(expected)


def test_without_a_period_everything_is_seen_at_once() -> None:
    """The profile without delays."""
    relists = RelistTimes(0, 10.0)

    assert [relists.next(11.3), relists.following(11.3), relists.stop(10.1), relists.sync(10.1)] == [
        11.3,
        11.3,
        10.1,
        10.1,
    ]
    assert relists.next(9.0) == 10.0


def test_a_container_that_is_late_moves_the_first_look() -> None:
    """It is said to run when it does, and the relists are counted from then on."""
    relists = RelistTimes(1.0, 10.0)

    assert relists.begin(9.0) == 10.0
    assert relists.begin(10.4) == 10.4
    assert relists.next(10.5) == pytest.approx(11.4)
