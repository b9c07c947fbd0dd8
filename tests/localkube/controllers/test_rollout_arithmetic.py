"""The sizes during a rollout are the same as in Kubernetes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.controllers.rollout import (
    Bounds,
    SetSize,
    new_size,
    next_rolling,
    next_scaled,
    resolve_bounds,
)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (1, "25%", "25%", (1, 0)),
        (4, "25%", "25%", (1, 1)),
        (3, "50%", "50%", (2, 1)),
        (10, "33%", "33%", (4, 3)),
        (1, 0, 0, (0, 1)),
        (5, 0, "10%", (0, 1)),
        (2, 1, 5, (1, 2)),
        (3, 2, 0, (2, 0)),
    ],
)
def test_surge_is_rounded_up_and_unavailable_down(
    replicas: int, surge: int | str, unavailable: int | str, expected: tuple[int, int]
) -> None:
    """Percentages resolve as in Kubernetes; if both were 0, the rollout could never progress."""
    bounds = resolve_bounds(replicas, surge, unavailable)

    assert (bounds.surge, bounds.unavailable) == expected


def test_one_replica_without_unavailable_keeps_the_old_pod_until_the_new_is_available() -> None:
    """The new pod is added, nothing changes until it is available, then the old pod is removed."""
    bounds = Bounds(1, 1, 0)
    old = SetSize("old", 1, 1, age="1")

    assert new_size(bounds, 0, 1) == 1
    assert next_rolling(bounds, SetSize("new", 1, 0, age="2"), [old]) == {}
    assert next_rolling(bounds, SetSize("new", 1, 1, age="2"), [old]) == {"old": 0}


def test_unavailable_pods_are_removed_first() -> None:
    """An old ReplicaSet that never became available shrinks before one that serves."""
    olds = [SetSize("serving", 3, 3, age="1"), SetSize("broken", 1, 0, age="2")]

    assert next_rolling(Bounds(3, 1, 0), SetSize("new", 0, 0, age="3"), olds) == {"broken": 0}


def test_a_full_rollout_stays_in_its_bounds_and_ends() -> None:
    """From 5 old to 5 new pods with 25 %/25 %, when every pod becomes available at once."""
    bounds = resolve_bounds(5, "25%", "25%")
    old, new = 5, new_size(bounds, 0, 5)
    seen = []
    for _ in range(20):
        seen.append((old, new))
        step = next_rolling(bounds, SetSize("new", new, new, "2"), [SetSize("old", old, old, "1")])
        if not step:
            break
        old, new = step.get("old", old), step.get("new", new)

    assert seen[-1] == (0, 5)
    assert all(bounds.fewest <= a + b <= bounds.most for a, b in seen)


sizes = st.integers(0, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(st.integers(0, 12), st.integers(0, 4), st.integers(0, 4), sizes, sizes)
def test_every_step_respects_the_bounds(
    replicas: int, surge: int, unavailable: int, new: tuple[int, int], old: tuple[int, int]
) -> None:
    """In any state, available pods do not drop below the bound, and growth stays within the surge."""
    bounds = resolve_bounds(replicas, surge, unavailable)
    sets = {"new": SetSize("new", *new, "2"), "old": SetSize("old", *old, "1")}
    step = next_rolling(bounds, sets["new"], [sets["old"]])
    if "old" in step:
        left = min(step["old"], sets["old"].available) + sets["new"].available
        assert left >= min(bounds.fewest, sets["old"].available + sets["new"].available)
    if step.get("new", 0) > sets["new"].desired:
        assert sum(step.get(name, each.desired) for name, each in sets.items()) <= bounds.most


def test_scaling_outside_a_rollout_resizes_one_replica_set() -> None:
    """The only active ReplicaSet takes the whole change."""
    new = SetSize("new", 2, 2, "2")

    assert next_scaled(Bounds(5, 1, 0), new, [SetSize("old", 0, 0, "1")]) == {"new": 5}
    assert next_scaled(Bounds(2, 1, 0), new, []) == {}


def test_scaling_during_a_rollout_is_proportional() -> None:
    """Both ReplicaSets grow by their share, together to replicas plus surge."""
    new, old = SetSize("new", 5, 5, "2", largest=13), SetSize("old", 8, 8, "1", largest=13)

    step = next_scaled(Bounds(15, 3, 2), new, [old])

    assert step == {"old": 11, "new": 7}
