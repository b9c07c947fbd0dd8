"""The clock converts exactly between monotonic and wall time."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from harness.kit.clock import Clock


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 2**62))
def test_wall_and_monotonic_are_inverse(wall: int, anchor: int, moment: int) -> None:
    """Converting a moment to wall time and back is exact to the nanosecond."""
    clock = Clock(wall, anchor)

    assert moment == clock.from_wall(clock.to_wall(moment))


def test_now_is_the_clock_of_every_process() -> None:
    """``now`` is CLOCK_MONOTONIC, so that times of other processes are comparable."""
    clock = Clock.start()
    before, wall_before = time.monotonic_ns(), time.time_ns()
    now = clock.now()

    assert before <= now <= time.monotonic_ns()
    assert wall_before - 1_000_000_000 < clock.to_wall(now) < time.time_ns() + 1_000_000_000


def test_isoformat_keeps_milliseconds_before_the_anchor_too() -> None:
    """The text is in UTC with exact milliseconds, also before the anchor."""
    clock = Clock(1_700_000_000_123_456_789, 5_000_000_000)

    assert clock.isoformat(5_000_000_000) == "2023-11-14T22:13:20.123Z"
    assert clock.isoformat(4_000_000_000) == "2023-11-14T22:13:19.123Z"
