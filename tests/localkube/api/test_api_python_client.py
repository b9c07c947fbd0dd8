"""The official Python client, which checks the types of responses, works with the API server."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client, watch

TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "echo:1.0"}]}}
DEPLOYMENT = {"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": TEMPLATE}}
POD = {"metadata": {"name": "p"}, "spec": TEMPLATE["spec"]}
SERVICE = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
PATH = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 80}}}}
INGRESS = {"metadata": {"name": "i"}, "spec": {"rules": [{"http": {"paths": [PATH]}}]}}
SLICE = {"metadata": {"name": "e"}, "addressType": "IPv4", "endpoints": []}


@pytest.fixture
def api(server: str) -> Any:
    """Yield a client of the official package."""
    configuration = client.Configuration()
    configuration.host = server
    with client.ApiClient(configuration) as connected:
        yield connected


def test_objects_can_be_created_read_and_deleted(api: Any) -> None:
    """Each kind can be created, read, listed and deleted, and every response has the expected type."""
    core, apps, net = client.CoreV1Api(api), client.AppsV1Api(api), client.NetworkingV1Api(api)
    slices = client.DiscoveryV1Api(api)
    for group, noun, body in (
        (core, "pod", POD),
        (core, "service", SERVICE),
        (core, "config_map", {"metadata": {"name": "m"}, "data": {"k": "v"}}),
        (core, "service_account", {"metadata": {"name": "sa"}}),
        (apps, "deployment", DEPLOYMENT),
        (net, "ingress", INGRESS),
        (slices, "endpoint_slice", SLICE),
    ):
        name = body["metadata"]["name"]  # type: ignore[index]  # a literal above
        created = getattr(group, f"create_namespaced_{noun}")("default", body)
        read = getattr(group, f"read_namespaced_{noun}")(name, "default")
        assert created.metadata.uid == read.metadata.uid
        assert name in [o.metadata.name for o in getattr(group, f"list_namespaced_{noun}")("default").items]
        getattr(group, f"delete_namespaced_{noun}")(name, "default")
        assert getattr(group, f"list_namespaced_{noun}")("default").items == []


def test_patch_and_scale_work(api: Any) -> None:
    """A dict is a strategic patch, a list a JSON patch; scale has its own type."""
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment("default", DEPLOYMENT)

    assert apps.patch_namespaced_deployment("a", "default", {"spec": {"replicas": 2}}).spec.replicas == 2
    operations = [{"op": "replace", "path": "/spec/replicas", "value": 3}]
    assert apps.patch_namespaced_deployment("a", "default", operations).spec.replicas == 3
    assert apps.patch_namespaced_deployment_scale("a", "default", {"spec": {"replicas": 4}}).spec.replicas == 4
    assert apps.read_namespaced_deployment("a", "default").spec.replicas == 4


def test_errors_are_exceptions_and_namespaces_terminate(api: Any) -> None:
    """An error is an ApiException with the status; a deleted namespace is Terminating."""
    core = client.CoreV1Api(api)
    with pytest.raises(client.ApiException) as caught:
        core.read_namespaced_pod("missing", "default")
    assert caught.value.status == 404
    core.create_namespace({"metadata": {"name": "x"}})
    core.delete_namespace("x")
    assert core.read_namespace("x").status.phase == "Terminating"


def test_a_watch_streams_objects(api: Any) -> None:
    """The watch starts with existing objects, and an expired version is an ApiException."""
    core = client.CoreV1Api(api)
    stream = watch.Watch().stream(core.list_namespace, timeout_seconds=1)
    names = []
    for event in stream:
        names.append((event["type"], event["object"].metadata.name))
        if len(names) == 3:
            break

    assert names == [("ADDED", name) for name in ("default", "ingress-nginx", "kube-system")]
    with pytest.raises(client.ApiException) as caught:
        next(watch.Watch().stream(core.list_namespace, resource_version="5", timeout_seconds=1))
    assert caught.value.status == 410
