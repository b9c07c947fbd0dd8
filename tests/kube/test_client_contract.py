"""The contract of every ``KubeApi``, for the one in memory and for the client with a real API server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_server import api_server

from harness.kit.waiting import wait_until
from harness.kube.api import KubeApi, WatchEvent
from harness.kube.client import Kube
from harness.kube.errors import ConflictError, NotFoundError, RejectedError, ScopeError
from harness.testing.fake_api import FakeKube

NS = "default"
ADDRESS = "127.241.0.1"


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Return the kubeconfig of an API server without controllers."""
    with api_server(tmp_path, ADDRESS) as path:
        yield path


@pytest.fixture(params=["memory", "client"])
def kube(request: pytest.FixtureRequest) -> Iterator[KubeApi]:
    """Return each implementation in turn."""
    if request.param == "memory":
        yield FakeKube()
        return
    with Kube(request.getfixturevalue("kubeconfig")) as client:
        yield client


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    """Return a ConfigMap, the simplest object."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels or {}},
        "data": data,
    }


def ingress_class(name: str) -> dict[str, Any]:
    """Return an IngressClass, which is cluster-scoped."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name},
        "spec": {"controller": "example.com/nobody"},
    }


def collect(kube: KubeApi, since: str, stop: Callable[[], bool], into: list[WatchEvent]) -> threading.Thread:
    """Watch ConfigMaps in a thread."""

    def work() -> None:
        into.extend(e for e in kube.watch("ConfigMap", NS, since=since, stop=stop) if e.type != "BOOKMARK")

    thread = threading.Thread(target=work, name="watch in test")
    thread.start()
    return thread


def test_what_was_created_is_found(kube: KubeApi) -> None:
    """A created object can be read by name, with the server's additions."""
    kube.create(config_map("one", a="1"), NS)

    found = kube.get("ConfigMap", "one", NS)

    assert found["data"] == {"a": "1"}
    assert found["metadata"]["uid"]


def test_a_missing_object_is_named(kube: KubeApi) -> None:
    """The error has kind and name."""
    with pytest.raises(NotFoundError) as caught:
        kube.get("ConfigMap", "nobody", NS)

    assert caught.value.status == 404
    assert "ConfigMap" in caught.value.message
    assert "nobody" in caught.value.message


def test_an_evicted_pod_goes(kube: KubeApi) -> None:
    """A pod without a budget is deleted; one that does not exist is named."""
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "x"}]}
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}, NS)

    kube.evict("p", NS)

    assert "deletionTimestamp" in kube.get("Pod", "p", NS)["metadata"]
    with pytest.raises(NotFoundError):
        kube.evict("q", NS)


def test_creating_twice_is_a_conflict(kube: KubeApi) -> None:
    """Create does not replace an existing object."""
    kube.create(config_map("one", a="1"), NS)

    with pytest.raises(ConflictError):
        kube.create(config_map("one", a="2"), NS)

    assert kube.get("ConfigMap", "one", NS)["data"] == {"a": "1"}


def test_apply_merges_into_what_exists(kube: KubeApi) -> None:
    """Apply creates an object, and merges into an existing one."""
    kube.apply(config_map("one", a="1"), NS)
    kube.apply(config_map("one", b="2"), NS)

    assert kube.get("ConfigMap", "one", NS)["data"] == {"a": "1", "b": "2"}


def test_apply_keeps_what_a_cluster_adds_to_a_pod(kube: KubeApi) -> None:
    """A real cluster mounts a token into each container, and refuses to remove the mount."""
    mount = {"name": "token", "mountPath": "/token"}
    written = {"name": "a", "image": "hashicorp/http-echo:1.0"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": {"containers": [written]}}
    volumes = [{"name": "token", "emptyDir": {}}]
    kube.create({**pod, "spec": {"containers": [{**written, "volumeMounts": [mount]}], "volumes": volumes}}, NS)
    kube.apply({**pod, "metadata": {"name": "bare", "labels": {"app": "a"}}}, NS)
    found = kube.get("Pod", "bare", NS)

    assert found["metadata"]["labels"] == {"app": "a"}
    assert mount in found["spec"]["containers"][0]["volumeMounts"]


def test_list_selects_by_label(kube: KubeApi) -> None:
    """A label selector restricts a list."""
    kube.create(config_map("one", {"app": "apple"}), NS)
    kube.create(config_map("two", {"app": "banana"}), NS)

    found = kube.list("ConfigMap", NS, labels="app=banana")

    assert [obj["metadata"]["name"] for obj in found] == ["two"]


def test_a_failed_test_of_a_json_patch_changes_nothing(kube: KubeApi) -> None:
    """A JSON patch with a failed test is rejected as a whole."""
    kube.create(config_map("one", a="1", b="1"), NS)
    patch = [
        {"op": "replace", "path": "/data/b", "value": "2"},
        {"op": "test", "path": "/data/a", "value": "other"},
    ]

    with pytest.raises(RejectedError):
        kube.patch("ConfigMap", "one", NS, patch, strategy="json")

    assert kube.get("ConfigMap", "one", NS)["data"] == {"a": "1", "b": "1"}


def test_a_json_patch_is_applied_in_full(kube: KubeApi) -> None:
    """If the tests hold, all operations are applied, and the answer is the new object."""
    kube.create(config_map("one", a="1", b="1"), NS)
    patch = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/b"}]

    answer = kube.patch("ConfigMap", "one", NS, patch, strategy="json")

    assert answer["data"] == {"a": "1"}


def test_what_was_deleted_is_gone(kube: KubeApi) -> None:
    """A deleted object is not found, and can't be deleted again."""
    kube.create(config_map("one"), NS)
    kube.delete("ConfigMap", "one", NS)

    with pytest.raises(NotFoundError):
        kube.delete("ConfigMap", "one", NS)


def test_a_watch_has_all_changes_since_its_version(kube: KubeApi) -> None:
    """A watch yields every change once and in order, including changes from before it was opened."""
    kube.create(config_map("before"), NS)
    _, version = kube.list_with_version("ConfigMap", NS)
    kube.create(config_map("one", a="1"), NS)
    stop = threading.Event()
    seen: list[WatchEvent] = []
    thread = collect(kube, version, stop.is_set, seen)
    kube.patch("ConfigMap", "one", NS, {"data": {"a": "2"}})
    kube.delete("ConfigMap", "one", NS)

    wait_until(lambda: len(seen) >= 3, timeout=60, what="three events")
    stop.set()
    thread.join()

    assert [(e.type, e.object["metadata"]["name"]) for e in seen] == [
        ("ADDED", "one"),
        ("MODIFIED", "one"),
        ("DELETED", "one"),
    ]


def test_a_quiet_watch_stops_at_once(kube: KubeApi) -> None:
    """A watch without events stops at once, long before its timeout of four minutes."""
    _, version = kube.list_with_version("ConfigMap", NS)
    stop = threading.Event()
    thread = collect(kube, version, stop.is_set, [])
    kube.list("ConfigMap", NS)
    stop.set()
    thread.join(60)

    assert not thread.is_alive()


def test_the_scope_of_a_kind_is_known(kube: KubeApi) -> None:
    """Namespaced and cluster-scoped kinds are distinguished."""
    assert kube.is_namespaced(config_map("one"))
    assert not kube.is_namespaced(ingress_class("one"))


WRITES: dict[str, Callable[[KubeApi, str], object]] = {
    "create": lambda kube, namespace: kube.create(ingress_class("two"), namespace),
    "apply what is new": lambda kube, namespace: kube.apply(ingress_class("two"), namespace),
    "apply what is there": lambda kube, namespace: kube.apply(ingress_class("one"), namespace),
    "patch": lambda kube, namespace: kube.patch("IngressClass", "one", namespace, {"spec": {"controller": "a/b"}}),
    "delete": lambda kube, namespace: kube.delete("IngressClass", "one", namespace),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_for_a_namespace_changes_nothing_outside_of_namespaces(kube: KubeApi, write: str) -> None:
    """A write of a cluster-scoped object with a namespace is not sent."""
    kube.create(ingress_class("one"), "")
    before = kube.list_with_version("IngressClass", "")

    with pytest.raises(ScopeError, match="cluster-scoped"):
        WRITES[write](kube, NS)

    assert kube.list_with_version("IngressClass", "") == before


def test_a_write_without_its_namespace_is_not_sent(kube: KubeApi) -> None:
    """A write of a namespaced object without a namespace is not sent."""
    with pytest.raises(ScopeError, match="no namespace is given"):
        kube.create(config_map("one"), "")


@pytest.mark.parametrize(("namespace", "name"), [("..", "one"), (NS, "..")])
def test_a_name_never_leads_elsewhere(kubeconfig: Path, namespace: str, name: str) -> None:
    """A name that would change the URL's meaning is refused."""
    with Kube(kubeconfig) as kube, pytest.raises(ScopeError, match="have this name"):
        kube.delete("ConfigMap", name, namespace)
