"""The registry creates and changes objects: added fields, kept fields and errors."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from harness.localkube.api.errors import StatusError
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import RequestInfo
from harness.localkube.machinery.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICES,
    Resource,
)


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    """Build a valid Pod; ``spec`` replaces fields."""
    containers = [{"name": "c", "image": "echo:1.0"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers} | spec}


def deployment(**spec: Any) -> dict[str, Any]:
    """Build a valid Deployment; ``spec`` replaces fields."""
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "echo:1.0"}]}}
    base = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": base | spec}


def at(resource: Resource, name: str = "", subresource: str = "") -> RequestInfo:
    """Return a target in the namespace default."""
    return RequestInfo(resource, "default", name, subresource)


def service(**spec: Any) -> dict[str, Any]:
    """Build a Service."""
    return {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "a"}} | spec}


def rejected(registry: Registry, target: RequestInfo, body: dict[str, Any]) -> tuple[int, str]:
    """Return code and reason of a rejected creation."""
    with pytest.raises(StatusError) as caught:
        registry.create(target, body)
    return caught.value.code, caught.value.status["reason"]


def test_create_sets_the_servers_fields(registry: Registry) -> None:
    """A new object gets uid, time, version and generation, regardless of the client's values; its status is empty."""
    body = deployment() | {"status": {"replicas": 9}}
    body["metadata"] |= {"uid": "mine", "generation": 7, "resourceVersion": "1"}

    obj = registry.create(at(DEPLOYMENTS), body)

    metadata = obj["metadata"]
    assert metadata["uid"] != "mine"
    assert (metadata["generation"], metadata["resourceVersion"], metadata["namespace"]) == (1, "102", "default")
    assert metadata["creationTimestamp"].endswith("Z")
    assert obj["status"] == {}


def test_a_node_is_created_with_its_status(registry: Registry) -> None:
    """A kubelet creates its node with addresses and conditions, which are kept."""
    node = registry.create(RequestInfo(NODES), {"metadata": {"name": "n"}, "status": {"phase": "x"}})

    assert node["status"] == {"phase": "x"}


def test_names_are_generated(registry: Registry) -> None:
    """Each object with the same generateName gets a different name."""
    bodies = [{"metadata": {"generateName": "p-"}, "spec": pod()["spec"]} for _ in range(2)]

    names = {registry.create(at(PODS), body)["metadata"]["name"] for body in bodies}

    assert len(names) == 2
    assert all(re.fullmatch(r"p-[a-z0-9]{5}", name) for name in names)


def test_create_rejects_invalid_requests(registry: Registry) -> None:
    """Existing names, other namespaces, unknown namespaces, other kinds and values of wrong types are errors."""
    registry.create(at(CONFIGMAPS), {"metadata": {"name": "a"}})
    elsewhere = {"metadata": {"name": "b", "namespace": "other"}}

    assert rejected(registry, at(CONFIGMAPS), {"metadata": {"name": "a"}}) == (409, "AlreadyExists")
    assert rejected(registry, at(CONFIGMAPS), elsewhere) == (400, "BadRequest")
    assert rejected(registry, RequestInfo(CONFIGMAPS, "nowhere"), {"metadata": {"name": "a"}}) == (404, "NotFound")
    assert rejected(registry, at(CONFIGMAPS), pod()) == (400, "BadRequest")
    assert rejected(registry, at(DEPLOYMENTS), deployment(strategy="Recreate")) == (400, "BadRequest")
    assert rejected(registry, at(DEPLOYMENTS), deployment(template={"spec": {"containers": "x"}})) == (
        400,
        "BadRequest",
    )


def test_a_dry_run_changes_nothing(registry: Registry) -> None:
    """A dry run validates and answers, but stores nothing."""
    registry.create(at(PODS), pod(), dry_run=True)

    assert registry.storage.list(PODS) == []


def test_generation_counts_changes_of_the_specification(registry: Registry) -> None:
    """Changes of the spec and of a Deployment's annotations increment the generation; labels and status do not."""
    registry.create(at(DEPLOYMENTS), deployment())

    def change(target: RequestInfo, **fields: Any) -> int:
        def merge(obj: dict[str, Any]) -> dict[str, Any]:
            for name, value in fields.items():
                obj[name] = obj.get(name, {}) | value
            return obj

        generation: int = registry.modify(target, merge)["metadata"]["generation"]
        return generation

    assert change(at(DEPLOYMENTS, "a"), spec={"replicas": 2}) == 2
    assert change(at(DEPLOYMENTS, "a"), metadata={"labels": {"x": "y"}}) == 2
    assert change(at(DEPLOYMENTS, "a", "status"), status={"replicas": 2}) == 2
    assert change(at(DEPLOYMENTS, "a"), metadata={"annotations": {"x": "y"}}) == 3


def test_an_identical_object_is_not_written(registry: Registry) -> None:
    """Writing the same object keeps its version, so that no watch reports it."""
    created = registry.create(at(DEPLOYMENTS), deployment())

    assert registry.modify(at(DEPLOYMENTS, "a"), lambda _: copy.deepcopy(created)) == created
    assert registry.modify(at(DEPLOYMENTS, "a"), lambda _: deployment())["metadata"] == created["metadata"]


def test_a_stale_write_is_a_conflict(registry: Registry) -> None:
    """If two clients read the same version, the second write is rejected."""
    created = registry.create(at(CONFIGMAPS), {"metadata": {"name": "a"}})
    registry.modify(at(CONFIGMAPS, "a"), lambda _: {**copy.deepcopy(created), "data": {"k": "1"}})

    with pytest.raises(StatusError) as caught:
        registry.modify(at(CONFIGMAPS, "a"), lambda _: {**copy.deepcopy(created), "data": {"k": "2"}})

    assert (caught.value.code, caught.value.status["reason"]) == (409, "Conflict")
    assert registry.read(at(CONFIGMAPS, "a"))["data"] == {"k": "1"}


def test_each_subresource_writes_its_own_part(registry: Registry) -> None:
    """A write of the status keeps the spec, and a write of the object keeps the status."""
    registry.create(at(DEPLOYMENTS), deployment(replicas=1))

    def both(obj: dict[str, Any]) -> dict[str, Any]:
        return {**obj, "spec": {**obj["spec"], "replicas": 5}, "status": {"replicas": 5}}

    after_status = registry.modify(at(DEPLOYMENTS, "a", "status"), both)
    assert (after_status["spec"]["replicas"], after_status["status"]) == (1, {"replicas": 5})
    registry.modify(at(DEPLOYMENTS, "a", "status"), lambda obj: {**obj, "status": {}})
    after_spec = registry.modify(at(DEPLOYMENTS, "a"), both)
    assert (after_spec["spec"]["replicas"], after_spec["status"]) == (5, {})


def test_the_selector_of_a_deployment_is_immutable(registry: Registry) -> None:
    """A Deployment's selector cannot be changed, even together with the template's labels."""
    registry.create(at(DEPLOYMENTS), deployment())
    other = deployment(selector={"matchLabels": {"app": "b"}})
    other["spec"]["template"]["metadata"]["labels"] = {"app": "b"}

    with pytest.raises(StatusError) as caught:
        registry.modify(at(DEPLOYMENTS, "a"), lambda _: other)

    assert [cause["field"] for cause in caught.value.status["details"]["causes"]] == ["spec.selector"]


def test_a_pods_spec_is_immutable_except_images_and_node(registry: Registry) -> None:
    """A pod's images may change and its node may be set once; other changes are rejected."""
    registry.create(at(PODS), pod())

    def edit(**spec: Any) -> dict[str, Any]:
        return registry.modify(at(PODS, "p"), lambda obj: {**obj, "spec": obj["spec"] | spec})

    assert edit(nodeName="n")["spec"]["nodeName"] == "n"
    containers = copy.deepcopy(registry.read(at(PODS, "p"))["spec"]["containers"])
    containers[0]["image"] = "echo:2.0"
    assert edit(containers=containers)["spec"]["containers"][0]["image"] == "echo:2.0"
    for change in ({"nodeName": "m"}, {"terminationGracePeriodSeconds": 5}):
        with pytest.raises(StatusError) as caught:
            edit(**change)
        assert caught.value.code == 422


def test_a_service_keeps_its_address(registry: Registry) -> None:
    """A Service gets its own address and keeps it in a write that omits it."""
    first = registry.create(at(SERVICES), service(type="NodePort"))
    second = registry.create(at(SERVICES), service() | {"metadata": {"name": "s2"}})
    again = registry.modify(at(SERVICES, "s"), lambda _: service(type="NodePort", selector={"app": "b"}))

    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]
    assert again["spec"]["clusterIP"] == first["spec"]["clusterIP"]
    assert again["spec"]["ports"] == first["spec"]["ports"]
    assert again["spec"]["selector"] == {"app": "b"}
    with pytest.raises(StatusError):
        registry.modify(at(SERVICES, "s"), lambda _: service(clusterIP="10.96.9.9"))


def test_a_headless_service_stays_headless(registry: Registry) -> None:
    """``clusterIP: None`` is kept."""
    assert registry.create(at(SERVICES), service(clusterIP="None"))["spec"]["clusterIPs"] == ["None"]


def test_plain_secrets_are_encoded(registry: Registry) -> None:
    """A Secret's stringData becomes base64 data."""
    secret = registry.create(at(SECRETS), {"metadata": {"name": "a"}, "stringData": {"k": "v"}})

    assert (secret["data"], "stringData" in secret) == ({"k": "dg=="}, False)


def test_nulls_and_empty_metadata_are_dropped(registry: Registry) -> None:
    """As on a real server, nulls and empty maps of the metadata are not stored."""
    body = {"metadata": {"name": "a", "annotations": {}, "labels": {"x": None}}, "data": {"k": "v", "n": None}}

    obj = registry.create(at(CONFIGMAPS), body)

    assert obj["data"] == {"k": "v"}
    assert not {"annotations", "labels"} & obj["metadata"].keys()


def test_a_terminating_namespace_rejects_new_objects(registry: Registry) -> None:
    """No object can be created in a terminating namespace; the cause lets controllers stop retrying."""
    registry.create(RequestInfo(NAMESPACES), {"metadata": {"name": "old"}})
    live = registry.read(RequestInfo(NAMESPACES, None, "old"))
    gone = {**live, "metadata": {**live["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    registry.storage.put(NAMESPACES, ("", "old"), gone)

    with pytest.raises(StatusError) as caught:
        registry.create(RequestInfo(PODS, "old"), pod())

    assert caught.value.code == 403
    assert [cause["reason"] for cause in caught.value.status["details"]["causes"]] == ["NamespaceTerminating"]
