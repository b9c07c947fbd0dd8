"""A Deployment's status: what kubectl rollout status and the harness wait for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.localkube.controllers.deployment_status import deployment_status, seconds_to_deadline
from harness.localkube.controllers.rollout import Bounds
from harness.localkube.controllers.template_hash import same_template, template_hash
from harness.localkube.machinery.objects import Object, timestamp

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
BOUNDS = Bounds(1, 1, 0)


def deployment(*, generation: int = 2, observed: int = 2, **facts: Any) -> Object:
    """A Deployment of one replica whose rollout was last seen to move ``since`` seconds ago."""
    reason = facts.get("reason", "ReplicaSetUpdated")
    moved = timestamp(NOW - timedelta(seconds=facts.get("since", 0)))
    progressing = {
        "type": "Progressing",
        "status": "True",
        "reason": reason,
        "message": "",
        "lastUpdateTime": moved,
        "lastTransitionTime": moved,
    }
    counts = {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    return {
        "metadata": {"name": "apple", "generation": generation},
        "spec": {"replicas": 1, "progressDeadlineSeconds": 10, "paused": facts.get("paused", False)},
        "status": {"observedGeneration": observed, "conditions": [progressing], **counts, **facts.get("counts", {})},
    }


def replica_set(replicas: int, available: int, *, desired: int | None = None) -> Object:
    """A ReplicaSet with this many pods, of which so many are available."""
    status = {"replicas": replicas, "readyReplicas": available, "availableReplicas": available}
    return {
        "metadata": {"name": "apple-x"},
        "spec": {"replicas": replicas if desired is None else desired},
        "status": status,
    }


def progressing(status: dict[str, Any]) -> tuple[str, str]:
    """(status, reason) of the condition Progressing."""
    entry = next(each for each in status["conditions"] if each["type"] == "Progressing")
    return entry["status"], entry["reason"]


def test_a_rollout_is_complete_when_all_pods_are_new_and_available() -> None:
    """One new pod, available, and no old one."""
    status = deployment_status(deployment(), replica_set(1, 1), [replica_set(0, 0)], BOUNDS, NOW)

    assert progressing(status) == ("True", "NewReplicaSetAvailable")
    assert status["unavailableReplicas"] == 0


def test_a_rollout_with_an_old_pod_left_is_not_complete() -> None:
    """The new pod is available but the old one still counts."""
    status = deployment_status(deployment(), replica_set(1, 1), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status) == ("True", "ReplicaSetUpdated")
    assert (status["replicas"], status["updatedReplicas"]) == (2, 1)


@pytest.mark.parametrize(("since", "expected"), [(9, "ReplicaSetUpdated"), (11, "ProgressDeadlineExceeded")])
def test_a_rollout_that_stands_still_is_called_failed_at_its_deadline(since: int, expected: str) -> None:
    """Nothing moved: with a deadline of 10 s it fails after them and not before."""
    status = deployment_status(deployment(since=since), replica_set(1, 0), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status)[1] == expected


def test_a_rollout_that_moves_has_its_deadline_put_off() -> None:
    """One more available pod than before counts as progress, however late."""
    late = deployment(since=11, counts={"availableReplicas": 0, "readyReplicas": 0})

    status = deployment_status(late, replica_set(1, 0), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status) == ("True", "ReplicaSetUpdated")
    assert seconds_to_deadline(late, status, NOW) == pytest.approx(11, abs=0.1)


def test_a_new_template_after_a_failed_rollout_starts_the_deadline_again() -> None:
    """The generation is new, so what was failed is progressing."""
    failed = deployment(generation=3, reason="ProgressDeadlineExceeded", since=60)

    status = deployment_status(failed, replica_set(1, 0), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status) == ("True", "ReplicaSetUpdated")


def test_a_complete_rollout_stays_complete_when_its_pod_dies() -> None:
    """A pod that is replaced later is no rollout."""
    done = deployment(reason="NewReplicaSetAvailable", since=600, counts={"replicas": 1})

    status = deployment_status(done, replica_set(1, 0), [], BOUNDS, NOW)

    assert progressing(status) == ("True", "NewReplicaSetAvailable")
    assert status["conditions"][0]["status"] == "False"


def test_a_paused_rollout_is_neither() -> None:
    """Paused is unknown, and has no deadline to run into."""
    status = deployment_status(deployment(paused=True), replica_set(1, 0), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status) == ("Unknown", "DeploymentPaused")
    assert seconds_to_deadline(deployment(), status, NOW) is None


def test_templates_are_told_apart_by_what_they_make() -> None:
    """Nulls, empty parts and the hash label make no difference; an argument does."""
    one = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "args": ["x"]}]}}
    same = {
        "metadata": {"creationTimestamp": None, "labels": {"a": "b", "pod-template-hash": "zzz"}},
        "spec": {"containers": [{"name": "c", "args": ["x"], "resources": {}}]},
    }
    other = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "args": ["y"]}]}}

    assert same_template(one, same)
    assert template_hash(one) == template_hash(same)
    assert not same_template(one, other)
    assert template_hash(one) != template_hash(other)
