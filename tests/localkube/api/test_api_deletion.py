"""Deletion: grace periods, finalizers, cascades, preconditions, namespaces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.localkube.api.deletion import delete
from harness.localkube.api.errors import StatusError
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import DeleteOptions, RequestInfo
from harness.localkube.machinery.objects import parse_timestamp
from harness.localkube.machinery.resources import DEPLOYMENTS, NAMESPACES, PODS

POD = RequestInfo(PODS, "default", "p")
DEPLOYMENT = RequestInfo(DEPLOYMENTS, "default", "a")


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    """Build a valid Pod; ``spec`` replaces fields."""
    containers = [{"name": "c", "image": "echo:1.0"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers} | spec}


def deployment(**spec: Any) -> dict[str, Any]:
    """Build a valid Deployment; ``spec`` replaces fields."""
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "echo:1.0"}]}}
    base = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": base | spec}


def running(registry: Registry, **spec: Any) -> dict[str, Any]:
    """Create a pod on a node."""
    return registry.create(RequestInfo(PODS, "default"), pod(nodeName="n", terminationGracePeriodSeconds=40, **spec))


def test_a_running_pod_gets_its_grace_period(registry: Registry) -> None:
    """The first DELETE sets the deletion time, and the pod stays until its kubelet deletes it."""
    running(registry)
    before = datetime.now(UTC)

    obj, gone = delete(registry, POD, DeleteOptions())

    due = parse_timestamp(obj["metadata"]["deletionTimestamp"])
    assert (gone, obj["metadata"]["deletionGracePeriodSeconds"]) == (False, 40)
    # The text has whole seconds.
    assert before - timedelta(seconds=1) <= due - timedelta(seconds=40) <= datetime.now(UTC)
    assert delete(registry, POD, DeleteOptions(grace_seconds=0))[1]
    assert registry.storage.get(PODS, POD.key) is None


def test_a_second_delete_shortens_and_never_prolongs(registry: Registry) -> None:
    """A shorter grace period applies, a longer one is ignored."""
    running(registry)
    first, _ = delete(registry, POD, DeleteOptions())
    longer, _ = delete(registry, POD, DeleteOptions(grace_seconds=90))
    shorter, _ = delete(registry, POD, DeleteOptions(grace_seconds=10))

    assert longer == first
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 10
    times = [parse_timestamp(obj["metadata"]["deletionTimestamp"]) for obj in (first, shorter)]
    assert (times[0] - times[1]).total_seconds() == 30


def test_unscheduled_and_ended_pods_get_no_grace_period(registry: Registry) -> None:
    """A pod that was never scheduled or has ended is deleted at once."""
    registry.create(RequestInfo(PODS, "default"), pod())
    assert delete(registry, POD, DeleteOptions())[1]

    running(registry)
    registry.modify(RequestInfo(PODS, "default", "p", "status"), lambda obj: {**obj, "status": {"phase": "Succeeded"}})
    assert delete(registry, POD, DeleteOptions())[1]


def test_preconditions_protect_a_new_object_of_the_same_name(registry: Registry) -> None:
    """A DELETE for an earlier object of the same name is a conflict."""
    obj = running(registry)

    for options in (DeleteOptions(uid="old"), DeleteOptions(version="1")):
        with pytest.raises(StatusError) as caught:
            delete(registry, POD, options)
        assert caught.value.code == 409
    assert delete(registry, POD, DeleteOptions(uid=obj["metadata"]["uid"], grace_seconds=0))[1]


def test_finalizers_delay_the_deletion(registry: Registry) -> None:
    """An object with finalizers stays, marked for deletion, until the last finalizer is removed."""
    body = deployment()
    body["metadata"]["finalizers"] = ["example.com/a", "example.com/b"]
    registry.create(RequestInfo(DEPLOYMENTS, "default"), body)
    obj, gone = delete(registry, DEPLOYMENT, DeleteOptions())
    assert (gone, "deletionTimestamp" in obj["metadata"]) == (False, True)

    def without_first(obj: dict[str, Any]) -> dict[str, Any]:
        return {**obj, "metadata": {**obj["metadata"], "finalizers": obj["metadata"]["finalizers"][1:]}}

    registry.modify(DEPLOYMENT, without_first)
    assert registry.storage.get(DEPLOYMENTS, DEPLOYMENT.key) is not None
    registry.modify(DEPLOYMENT, without_first)
    assert registry.storage.get(DEPLOYMENTS, DEPLOYMENT.key) is None


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_cascades_are_left_to_the_garbage_collector(registry: Registry, policy: str, finalizer: str) -> None:
    """Foreground and orphan deletion add a finalizer for the garbage collector; background deletion does not."""
    registry.create(RequestInfo(DEPLOYMENTS, "default"), deployment())

    obj, gone = delete(registry, DEPLOYMENT, DeleteOptions(propagation=policy))

    assert (gone, obj["metadata"]["finalizers"]) == (False, [finalizer])


def test_background_deletion_is_immediate(registry: Registry) -> None:
    """Without a policy, or with Background, the object is gone at once."""
    for propagation in (None, "Background"):
        registry.create(RequestInfo(DEPLOYMENTS, "default"), deployment())
        assert delete(registry, DEPLOYMENT, DeleteOptions(propagation=propagation))[1]


def test_an_unknown_propagation_policy_is_an_error(registry: Registry) -> None:
    """An unknown propagation policy deletes nothing."""
    registry.create(RequestInfo(DEPLOYMENTS, "default"), deployment())

    with pytest.raises(StatusError):
        delete(registry, DEPLOYMENT, DeleteOptions(propagation="Sideways"))


def test_a_namespace_waits_until_it_is_finalized(registry: Registry) -> None:
    """A deleted namespace is Terminating until the finalize subresource removes its finalizer."""
    registry.create(RequestInfo(NAMESPACES), {"metadata": {"name": "x"}})
    target = RequestInfo(NAMESPACES, None, "x")

    obj, gone = delete(registry, target, DeleteOptions())
    assert (gone, obj["status"]["phase"], obj["spec"]["finalizers"]) == (False, "Terminating", ["kubernetes"])

    finalize = RequestInfo(NAMESPACES, None, "x", "finalize")
    registry.modify(finalize, lambda obj: {**obj, "spec": {"finalizers": []}})
    assert registry.storage.get(NAMESPACES, ("", "x")) is None


def test_the_default_namespace_cannot_be_deleted(registry: Registry) -> None:
    """A DELETE of the namespace default is forbidden."""
    with pytest.raises(StatusError) as caught:
        delete(registry, RequestInfo(NAMESPACES, None, "default"), DeleteOptions())
    assert caught.value.code == 403


def test_a_dry_run_deletes_nothing(registry: Registry) -> None:
    """A dry run answers, and the object is unchanged."""
    obj = running(registry)
    delete(registry, POD, DeleteOptions(dry_run=True))

    assert registry.read(POD) == obj


def test_options_come_from_body_or_query() -> None:
    """The body precedes the query, the old orphanDependents is supported, and invalid values are errors."""
    parse = DeleteOptions.parse
    assert parse({"gracePeriodSeconds": 0}, {"gracePeriodSeconds": "5"}).grace_seconds == 0
    assert parse({}, {"gracePeriodSeconds": "5"}).grace_seconds == 5
    assert parse({"orphanDependents": True}, {}).propagation == "Orphan"
    assert parse({}, {"orphanDependents": "false"}).propagation == "Background"
    with pytest.raises(StatusError):
        parse({}, {"gracePeriodSeconds": "x"})
