"""The bounds of an autoscaler say to which number of replicas it moves its target."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kube.admission.defaults import apply_defaults
from harness.kube.admission.objects import validate
from harness.kube.autoscalers import ScaleBounds, bounds_of

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}


def an_autoscaler(**spec: Any) -> dict[str, Any]:
    """Return an autoscaler of the Deployment ``shop``."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "scaler", "namespace": "default"},
        "spec": {"scaleTargetRef": TARGET, **spec},
    }


@pytest.mark.parametrize(("replicas", "moved"), [(0, None), (1, 2), (2, None), (5, None), (6, 5)])
def test_a_number_outside_the_bounds_is_moved_to_the_nearer_one(replicas: int, moved: int | None) -> None:
    """It leaves 0 alone."""
    assert ScaleBounds("scaler", "Deployment", "shop", 2, 5).moved(replicas) == moved


def test_bounds_are_read_from_autoscalers_alone() -> None:
    """Without a minimum it is 1; an object with values of wrong types is skipped."""
    objects = [
        an_autoscaler(maxReplicas=5),
        {"kind": "Deployment", "metadata": {"name": "shop"}, "spec": {"replicas": 9}},
        an_autoscaler(maxReplicas="many"),
        an_autoscaler(maxReplicas=5, scaleTargetRef=None),
        {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "empty"}},
    ]

    assert list(bounds_of(objects)) == [ScaleBounds("scaler", "Deployment", "shop", 1, 5)]


@pytest.mark.parametrize(
    ("bounds", "fields"),
    [
        ({"maxReplicas": 3}, []),
        ({"maxReplicas": 3, "minReplicas": 3}, []),
        ({"maxReplicas": 3, "minReplicas": 4}, ["spec.maxReplicas"]),
        ({"maxReplicas": 0}, ["spec.maxReplicas", "spec.maxReplicas"]),
        ({"maxReplicas": 3, "minReplicas": 0}, ["spec.minReplicas", "spec.metrics"]),
    ],
)
def test_an_api_server_refuses_bounds_that_contradict_each_other(bounds: dict[str, int], fields: list[str]) -> None:
    """An autoscaler with them would never come to rest."""
    made = an_autoscaler(**bounds)
    apply_defaults(made)

    assert [problem.field for problem in validate(made)] == fields
