"""The pod that a ReplicaSet deletes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.localkube.controllers.pod_order import available_in, deletion_order
from harness.localkube.machinery.objects import Object, timestamp

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def pod(name: str, **facts: Any) -> Object:
    """Build a running, ready, scheduled pod unless ``facts`` differ; ages are in seconds."""
    ready_for = facts.get("ready_for", 3600)
    condition = {
        "type": "Ready",
        "status": "True" if facts.get("ready", True) else "False",
        "lastTransitionTime": timestamp(NOW - timedelta(seconds=ready_for)),
    }
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "creationTimestamp": timestamp(NOW - timedelta(seconds=facts.get("age", 3600))),
            "annotations": {"controller.kubernetes.io/pod-deletion-cost": str(facts.get("cost", 0))},
        },
        "spec": {"nodeName": facts.get("node", "n")},
        "status": {
            "phase": facts.get("phase", "Running"),
            "conditions": [condition],
            "containerStatuses": [{"restartCount": facts.get("restarts", 0)}],
        },
    }


@pytest.mark.parametrize(
    "facts",
    [
        {"node": ""},
        {"phase": "Pending"},
        {"ready": False},
        {"cost": -5},
        {"ready_for": 10},
        {"restarts": 3},
        {"age": 10},
    ],
)
def test_the_least_useful_pod_is_deleted_first(facts: dict[str, Any]) -> None:
    """Each of these facts alone puts a pod first."""
    ordered = deletion_order([pod("a"), pod("z", **facts), pod("b")], NOW)

    assert ordered[0]["metadata"]["name"] == "z"


def test_not_ready_outranks_young() -> None:
    """A broken old pod is deleted before a serving new one."""
    ordered = deletion_order([pod("young", age=1, ready_for=1), pod("broken", ready=False, age=9000)], NOW)

    assert [each["metadata"]["name"] for each in ordered] == ["broken", "young"]


@pytest.mark.parametrize(
    ("facts", "expected"), [({"ready": False}, None), ({"ready_for": 4}, 6.0), ({"ready_for": 11}, 0.0)]
)
def test_availability_counts_from_ready(facts: dict[str, Any], expected: float | None) -> None:
    """With minReadySeconds 10 a pod is available ten seconds after it became ready."""
    assert available_in(pod("a", **facts), 10, NOW) == expected
