"""Changes by hand are distinguished from those of controllers."""

from __future__ import annotations

from typing import Any

from harness.kit.clock import Clock
from harness.kube.api import Object
from harness.observe.event_time import Observation
from harness.play.tracking import HandMadePods, MadeChange, ObjectTracker
from harness.testing.fake_api import FakeKube

NOW = Observation(Clock(0, 0), 5)


def pod(name: str, *, owner: str = "apple-1", marked: bool = False, **spec: Any) -> Object:
    """Return a pod, of a ReplicaSet unless the owner is empty."""
    metadata: dict[str, Any] = {"name": name, "namespace": "default", "labels": {"app": "apple"}}
    if owner:
        metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": owner}]
    if marked:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "spec": spec}


class Pods:
    """A tracker of pods with a ReplicaSet of so many replicas, and what it has reported."""

    def __init__(self, replicas: int) -> None:
        self.texts: list[str] = []
        self.kube = FakeKube()
        manifest = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "apple-1"}}
        self.kube.create({**manifest, "spec": {"replicas": replicas}}, "default")
        self.tracker = HandMadePods(lambda made: self.texts.append(made.text), self.kube)
        list(self.tracker.listed([pod("a"), pod("b")], NOW))

    def changed(self, obj: Object) -> None:
        """Take in a changed pod."""
        list(self.tracker.changed(obj, NOW))


def test_a_pod_deleted_by_hand_is_reported_once() -> None:
    """Its ReplicaSet wants two, and one is left."""
    pods = Pods(replicas=2)
    pods.changed(pod("a", marked=True))
    pods.changed({**pod("a", marked=True), "status": {"phase": "Failed"}})
    list(pods.tracker.deleted(pod("a", marked=True), NOW))

    assert pods.texts == ["Pod a: deleted"]


def test_a_pod_deleted_by_its_replicaset_is_not_reported() -> None:
    """It wants one, and had two."""
    pods = Pods(replicas=1)
    pods.changed(pod("a", marked=True))

    assert pods.texts == []


def test_a_pod_created_by_its_replicaset_is_not_reported() -> None:
    """A bare pod is; a changed label of either is, too."""
    pods = Pods(replicas=2)
    pods.changed(pod("c"))
    pods.changed(pod("bare", owner=""))
    relabelled = pod("c")
    relabelled["metadata"]["labels"] = {}
    pods.changed(relabelled)

    assert pods.texts == ["Pod bare: created", "Pod c: labels app removed"]


def test_objects_that_were_there_before_are_no_changes() -> None:
    """A later list is compared with what is known: a watch may have been interrupted."""
    found: list[MadeChange] = []
    tracker = ObjectTracker("Service", found.append)
    service = {"metadata": {"name": "s", "namespace": "default"}, "spec": {"selector": {"v": "1"}}}
    list(tracker.listed([service], NOW))
    assert found == []
    list(tracker.listed([{**service, "spec": {"selector": {"v": "2"}}}], NOW))
    list(tracker.listed([], NOW))

    assert [made.text for made in found] == ["Service s: selector v 1 to 2", "Service s: deleted"]
