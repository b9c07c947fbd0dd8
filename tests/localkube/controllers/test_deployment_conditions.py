"""A Deployment's status, which kubectl rollout status and the harness wait for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.localkube.controllers.deployment_status import deployment_status, seconds_to_deadline, with_created
from harness.localkube.controllers.replicaset import conditions_after
from harness.localkube.controllers.rollout import Bounds
from harness.localkube.controllers.template_hash import same_template, template_hash
from harness.localkube.machinery.objects import Object, timestamp

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
BOUNDS = Bounds(1, 1, 0)


def deployment(*, generation: int = 2, observed: int = 2, **facts: Any) -> Object:
    """Build a Deployment of one replica whose rollout last progressed ``since`` seconds ago."""
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
    """Build a ReplicaSet with a number of pods, some of them available."""
    status = {"replicas": replicas, "readyReplicas": available, "availableReplicas": available}
    return {
        "metadata": {"name": "apple-x"},
        "spec": {"replicas": replicas if desired is None else desired},
        "status": status,
    }


def progressing(status: dict[str, Any]) -> tuple[str, str]:
    """Return (status, reason) of the condition Progressing."""
    entry = next(each for each in status["conditions"] if each["type"] == "Progressing")
    return entry["status"], entry["reason"]


def test_a_rollout_is_complete_when_all_pods_are_new_and_available() -> None:
    """There is one available new pod, and no old one."""
    status = deployment_status(deployment(), replica_set(1, 1), [replica_set(0, 0)], BOUNDS, NOW)

    assert progressing(status) == ("True", "NewReplicaSetAvailable")
    assert status["unavailableReplicas"] == 0


def test_a_rollout_with_an_old_pod_left_is_not_complete() -> None:
    """The new pod is available, but an old pod is left."""
    status = deployment_status(deployment(), replica_set(1, 1), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status) == ("True", "ReplicaSetUpdated")
    assert (status["replicas"], status["updatedReplicas"]) == (2, 1)


@pytest.mark.parametrize(("since", "expected"), [(9, "ReplicaSetUpdated"), (11, "ProgressDeadlineExceeded")])
def test_a_rollout_without_progress_fails_at_its_deadline(since: int, expected: str) -> None:
    """Without progress, a rollout with a deadline of 10 s fails after 10 s and not before."""
    status = deployment_status(deployment(since=since), replica_set(1, 0), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status)[1] == expected


def test_progress_extends_the_deadline() -> None:
    """One more available pod than before counts as progress, even after the deadline."""
    late = deployment(since=11, counts={"availableReplicas": 0, "readyReplicas": 0})

    status = deployment_status(late, replica_set(1, 0), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status) == ("True", "ReplicaSetUpdated")
    assert seconds_to_deadline(late, status, NOW) == pytest.approx(11, abs=0.1)


def test_a_new_template_after_a_failed_rollout_starts_the_deadline_again() -> None:
    """Its ReplicaSet is made, which replaces the condition, and no status after that says that it failed."""
    failed = deployment(generation=3, reason="ProgressDeadlineExceeded", since=60)
    failed["status"]["conditions"] = with_created(failed, replica_set(1, 0))

    status = deployment_status(failed, replica_set(1, 0), [replica_set(1, 1)], BOUNDS, datetime.now(UTC))

    assert progressing(status) == ("True", "NewReplicaSetCreated")


@pytest.mark.parametrize(
    ("old", "expected"),
    [(1, ("False", "ProgressDeadlineExceeded")), (0, ("True", "NewReplicaSetAvailable"))],
)
def test_an_earlier_template_after_a_failed_rollout_is_progress_when_a_pod_goes(
    old: int, expected: tuple[str, str]
) -> None:
    """No ReplicaSet is made, so nothing changes until the failed one loses its pod."""
    failed = deployment(generation=3, reason="ProgressDeadlineExceeded", since=60)

    status = deployment_status(failed, replica_set(1, 1), [replica_set(old, 0)], BOUNDS, NOW)

    assert progressing(status) == expected


@pytest.mark.parametrize(
    ("updated", "old", "reason"),
    [(2, 2, "NewReplicaSetAvailable"), (0, 1, "ReplicaSetUpdated"), (0, 0, "NewReplicaSetAvailable")],
)
def test_recreate_is_progress_only_when_it_loses_a_part_of_its_old_pods(updated: int, old: int, reason: str) -> None:
    """Else the condition stays that of the last rollout until the new ReplicaSet is made, even if all pods go."""
    done = deployment(
        generation=3,
        reason="NewReplicaSetAvailable",
        counts={"replicas": 2, "updatedReplicas": updated, "readyReplicas": 2, "availableReplicas": 2},
    )

    status = deployment_status(done, None, [replica_set(old, old, desired=0)], Bounds(2, 0, 2), NOW)

    assert progressing(status)[1] == reason


def test_a_complete_rollout_stays_complete_when_its_pod_dies() -> None:
    """The later replacement of a pod is not a rollout."""
    done = deployment(reason="NewReplicaSetAvailable", since=600, counts={"replicas": 1})

    status = deployment_status(done, replica_set(1, 0), [], BOUNDS, NOW)

    assert progressing(status) == ("True", "NewReplicaSetAvailable")
    assert status["conditions"][0]["status"] == "False"


def test_a_paused_rollout_has_status_unknown() -> None:
    """A paused rollout is neither complete nor failed, and has no deadline."""
    status = deployment_status(deployment(paused=True), replica_set(1, 0), [replica_set(1, 1)], BOUNDS, NOW)

    assert progressing(status) == ("Unknown", "DeploymentPaused")
    assert seconds_to_deadline(deployment(), status, NOW) is None


def test_templates_are_compared_by_their_content() -> None:
    """Nulls, empty parts and the hash label do not matter; an argument does."""
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


def test_a_deployment_shows_that_its_pods_are_rejected() -> None:
    """The condition is that of its newest ReplicaSet that has one, and it goes with the cause."""
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no"}
    sets = [replica_set(0, 0, desired=1), replica_set(1, 1)]
    sets[0]["status"]["conditions"] = [{**failed, "lastTransitionTime": timestamp(NOW)}]

    shown = deployment_status(deployment(), sets[0], sets[1:], BOUNDS, NOW)["conditions"]
    assert shown[-1] == {**failed, "lastTransitionTime": timestamp(NOW), "lastUpdateTime": timestamp(NOW)}

    after = deployment_status(deployment(), sets[1], [], BOUNDS, NOW)["conditions"]
    assert [each["type"] for each in after] == ["Available", "Progressing"]


def test_a_replicaset_keeps_the_first_reason_for_which_its_pods_are_rejected() -> None:
    """Without a rejection the condition goes; other conditions stay."""
    other = {"type": "Other", "status": "True"}
    before: Object = {"status": {"conditions": [other]}}

    first = conditions_after(before, "no PriorityClass with name x was found")
    assert [each["type"] for each in first] == ["Other", "ReplicaFailure"]
    assert (first[1]["reason"], first[1]["message"]) == ("FailedCreate", "no PriorityClass with name x was found")

    failing = {"status": {"conditions": first}}
    assert conditions_after(failing, "another reason") == first
    assert conditions_after(failing, None) == [other]
