"""The pause before a container is started again: after crashes, and after failed liveness or startup probes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from harness.localkube.kubelet.back_off import BackOff

CRASH, PROBE = "crash", "probe"
#: Seconds of the first and the longest pause, as in the kubelet.
FIRST, LONGEST = 10.0, 300.0


def pauses(runs: Iterable[tuple[str, float]]) -> list[float]:
    """Return the pause after each run: how it ended, and how long it took."""
    pause, now, before = BackOff(FIRST, LONGEST), 0.0, None
    found = []
    for how, seconds in runs:
        ended = now + seconds
        known = ended if how == CRASH else before
        left = pause.left(known, ended)
        if left:
            # Each later sync knows of this end.
            known = ended
            left = pause.left(known, ended)
        found.append(left)
        now = ended + left
        pause.count(known, now)
        before = ended
    return found


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param([(CRASH, 1.0)] * 7, [0, 10, 20, 40, 80, 160, 300], id="crashes"),
        pytest.param([(PROBE, 4.0)] * 5, [0, 0, 10, 20, 40], id="probes of short runs"),
        pytest.param([(PROBE, 20.0)] * 3, [0, 0, 0], id="probes of runs that outlast the pause"),
        pytest.param([(PROBE, 15.0)] * 4, [0, 0, 0, 20], id="probes of runs that the doubled pause outlasts"),
        pytest.param([(CRASH, 1.0), (PROBE, 4.0)], [0, 10], id="a probe soon after a crash"),
        pytest.param([(CRASH, 1.0), (PROBE, 11.0), (CRASH, 1.0)], [0, 0, 20], id="a probe long after a crash"),
        pytest.param([(PROBE, 4.0), (CRASH, 1.0), (CRASH, 1.0)], [0, 0, 10], id="crashes after a probe"),
    ],
)
def test_pauses_follow_the_end_that_the_kubelet_knows(runs: list[tuple[str, float]], expected: list[float]) -> None:
    """A crash is known at once; of a run that fails a probe, the kubelet knows the end of the run before."""
    assert pauses(runs) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(599.0, 10.0), (601.0, 0.0)])
def test_pause_is_forgotten_after_twice_the_longest(seconds: float, expected: float) -> None:
    """A container that has run for more than ten minutes since its last start is started again at once."""
    assert pauses([(CRASH, 1.0), (CRASH, seconds)]) == [0, expected]


def test_forgotten_pause_begins_again_with_the_first() -> None:
    """After it, the pauses double from the first one."""
    assert pauses([(CRASH, 1.0)] * 3 + [(CRASH, 700.0)] + [(CRASH, 1.0)] * 2) == [0, 10, 20, 0, 10, 20]
