"""A rollout that can't become ready fails soon, and its error has the reason."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kube.blockers import CRASHES, WAITING, Blocker, BlockerWatch, blockers
from harness.kube.errors import RolloutStuckError
from harness.kube.rollout import wait_rollout
from harness.testing.fake_api import FakeKube


def pod(reason: str = "", *, owner: str = "new", **entry: Any) -> dict[str, Any]:
    """Return a pod with one container that waits for a reason, or runs."""
    state = {"waiting": {"reason": reason, "message": "why"}} if reason else {"running": {}}
    owners = [{"uid": owner, "kind": "ReplicaSet", "name": owner}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "shop-1", "namespace": "demo", "ownerReferences": owners},
        "status": {"containerStatuses": [{"name": "web", "restartCount": 0, "state": state, **entry}]},
    }


@pytest.mark.parametrize("reason", sorted(set(WAITING) - {"CrashLoopBackOff"}))
def test_a_container_that_waits_for_a_reason_is_blocked(reason: str) -> None:
    """The sentence has the container, the pod, the reason and the kubelet's message."""
    assert blockers([pod(reason)], []) == [Blocker(f"container web of pod shop-1: {reason}: why", WAITING[reason])]


@pytest.mark.parametrize("reason", ["", "ContainerCreating", "PodInitializing", "ErrImagePull"])
def test_a_container_that_may_still_start_is_not_blocked(reason: str) -> None:
    """A first failed pull is tried again within seconds."""
    assert blockers([pod(reason)], []) == []


@pytest.mark.parametrize(("restarts", "count"), [(CRASHES - 1, 0), (CRASHES, 1)])
def test_a_crash_counts_once_it_has_happened_again(restarts: int, count: int) -> None:
    """Many applications crash once or twice before their dependencies are ready."""
    last = {"terminated": {"exitCode": 3}}

    found = blockers([pod("CrashLoopBackOff", restartCount=restarts, lastState=last)], [])

    assert [each.sentence for each in found] == [
        "container web of pod shop-1: CrashLoopBackOff: it ended with exit code 3 each time"
    ] * count


def test_a_pod_that_is_being_deleted_does_not_count() -> None:
    """Its replacement counts instead."""
    leaving = pod("InvalidImageName")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert blockers([leaving], []) == []


def test_pods_that_cannot_be_created_or_scheduled_are_blocked() -> None:
    """The reasons are in conditions, of the ReplicaSet and of the pod."""
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    owner = {"kind": "Deployment", "metadata": {"name": "shop"}, "status": {"conditions": [failure]}}
    pending = pod()
    pending["status"] = {"conditions": [{"type": "PodScheduled", "reason": "Unschedulable", "message": "0/1 nodes"}]}

    assert [each.sentence for each in blockers([pending], [owner])] == [
        "Deployment shop cannot create pods: exceeded quota",
        "pod shop-1 cannot be scheduled: 0/1 nodes",
    ]


def test_a_reason_counts_only_while_it_lasts() -> None:
    """A reason that goes away in between starts from zero."""
    watch, reason = BlockerWatch(), [Blocker("no Secret", 5.0)]

    assert [watch.observe(reason, 0.0), watch.observe(reason, 4.9)] == ["", ""]
    assert watch.observe([], 4.95) == ""
    assert [watch.observe(reason, 5.0), watch.observe(reason, 9.9), watch.observe(reason, 10.0)] == [
        "",
        "",
        "no Secret",
    ]


def deployed(*pods: dict[str, Any]) -> FakeKube:
    """Return an API server with a Deployment whose rollout to a second ReplicaSet is under way."""
    kube = FakeKube()
    found = kube.put(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "shop", "uid": "deployment", "generation": 1},
            "spec": {"replicas": 1},
            "status": {"observedGeneration": 1},
        },
        "demo",
    )
    owners = [{"uid": found["metadata"].get("uid"), "kind": "Deployment", "name": "shop"}]
    for number, name in enumerate(("old", "new"), 1):
        annotations = {"deployment.kubernetes.io/revision": str(number)}
        made = {"name": name, "uid": name, "ownerReferences": owners, "annotations": annotations}
        kube.put({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": made}, "demo")
    uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in kube.list("ReplicaSet", "demo")}
    for each in pods:
        owner = each["metadata"]["ownerReferences"][0]
        owner["uid"] = uids[owner["uid"]]
        kube.put(each, "demo")
    return kube


def test_a_rollout_that_cannot_become_ready_ends_at_once() -> None:
    """It does not wait for its timeout."""
    kube = deployed(pod("InvalidImageName"))

    with pytest.raises(RolloutStuckError, match="shop cannot become ready: container web of pod shop-1: InvalidImage"):
        wait_rollout(kube, "shop", "demo", timeout=600)


def test_a_broken_pod_of_the_old_version_does_not_block_the_new_one() -> None:
    """A rollout often repairs a broken version."""
    kube = deployed(pod("InvalidImageName", owner="old"))

    with pytest.raises(Exception, match="to roll out"):
        wait_rollout(kube, "shop", "demo", timeout=0.1)
