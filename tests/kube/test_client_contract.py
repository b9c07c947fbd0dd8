"""What every ``KubeApi`` must do, shown on the one in memory and on the official client with a real API server."""

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
    """The kubeconfig of an API server without controllers."""
    with api_server(tmp_path, ADDRESS) as path:
        yield path


@pytest.fixture(params=["memory", "client"])
def kube(request: pytest.FixtureRequest) -> Iterator[KubeApi]:
    """Each implementation in turn."""
    if request.param == "memory":
        yield FakeKube()
        return
    with Kube(request.getfixturevalue("kubeconfig")) as client:
        yield client


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    """A ConfigMap, the simplest object there is."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels or {}},
        "data": data,
    }


def ingress_class(name: str) -> dict[str, Any]:
    """An IngressClass, which lives outside of namespaces."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name},
        "spec": {"controller": "example.com/nobody"},
    }


def collect(kube: KubeApi, since: str, stop: Callable[[], bool], into: list[WatchEvent]) -> threading.Thread:
    """Watch ConfigMaps in a thread of its own."""

    def work() -> None:
        into.extend(e for e in kube.watch("ConfigMap", NS, since=since, stop=stop) if e.type != "BOOKMARK")

    thread = threading.Thread(target=work, name="watch in test")
    thread.start()
    return thread


def test_what_was_created_is_found(kube: KubeApi) -> None:
    """An object can be got by its name after it was created, with what the server adds."""
    kube.create(config_map("one", a="1"), NS)

    found = kube.get("ConfigMap", "one", NS)

    assert found["data"] == {"a": "1"}
    assert found["metadata"]["uid"]


def test_a_missing_object_is_named(kube: KubeApi) -> None:
    """Getting what is not there says which kind and name."""
    with pytest.raises(NotFoundError) as caught:
        kube.get("ConfigMap", "nobody", NS)

    assert caught.value.status == 404
    assert "ConfigMap" in caught.value.message
    assert "nobody" in caught.value.message


def test_creating_twice_is_a_conflict(kube: KubeApi) -> None:
    """An object that exists is not replaced by create."""
    kube.create(config_map("one", a="1"), NS)

    with pytest.raises(ConflictError):
        kube.create(config_map("one", a="2"), NS)

    assert kube.get("ConfigMap", "one", NS)["data"] == {"a": "1"}


def test_apply_merges_into_what_exists(kube: KubeApi) -> None:
    """Apply creates an object, and merges into one that is there."""
    kube.apply(config_map("one", a="1"), NS)
    kube.apply(config_map("one", b="2"), NS)

    assert kube.get("ConfigMap", "one", NS)["data"] == {"a": "1", "b": "2"}


def test_list_selects_by_label(kube: KubeApi) -> None:
    """A label selector narrows a list."""
    kube.create(config_map("one", {"app": "apple"}), NS)
    kube.create(config_map("two", {"app": "banana"}), NS)

    found = kube.list("ConfigMap", NS, labels="app=banana")

    assert [obj["metadata"]["name"] for obj in found] == ["two"]


def test_a_failed_test_of_a_json_patch_changes_nothing(kube: KubeApi) -> None:
    """A JSON patch whose test does not hold is rejected as a whole."""
    kube.create(config_map("one", a="1", b="1"), NS)
    patch = [
        {"op": "replace", "path": "/data/b", "value": "2"},
        {"op": "test", "path": "/data/a", "value": "other"},
    ]

    with pytest.raises(RejectedError):
        kube.patch("ConfigMap", "one", NS, patch, strategy="json")

    assert kube.get("ConfigMap", "one", NS)["data"] == {"a": "1", "b": "1"}


def test_a_json_patch_is_applied_in_full(kube: KubeApi) -> None:
    """Where the tests hold, all operations are done and the answer is the new object."""
    kube.create(config_map("one", a="1", b="1"), NS)
    patch = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/b"}]

    answer = kube.patch("ConfigMap", "one", NS, patch, strategy="json")

    assert answer["data"] == {"a": "1"}


def test_what_was_deleted_is_gone(kube: KubeApi) -> None:
    """A deleted object is not found any more, and can't be deleted again."""
    kube.create(config_map("one"), NS)
    kube.delete("ConfigMap", "one", NS)

    with pytest.raises(NotFoundError):
        kube.delete("ConfigMap", "one", NS)


def test_a_watch_tells_all_that_happened_since_its_version(kube: KubeApi) -> None:
    """From the version of a list, a watch gives every change once and in order, what came before it opened too."""
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
    """A watch on which nothing happens ends when it is told to, long before its own four minutes."""
    _, version = kube.list_with_version("ConfigMap", NS)
    stop = threading.Event()
    thread = collect(kube, version, stop.is_set, [])
    kube.list("ConfigMap", NS)
    stop.set()
    thread.join(60)

    assert not thread.is_alive()


def test_the_scope_of_a_kind_is_known(kube: KubeApi) -> None:
    """Whether its objects live in namespaces."""
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
    """Whoever names a namespace writes there or nowhere: no such write is sent."""
    kube.create(ingress_class("one"), "")
    before = kube.list_with_version("IngressClass", "")

    with pytest.raises(ScopeError, match="cluster-scoped"):
        WRITES[write](kube, NS)

    assert kube.list_with_version("IngressClass", "") == before


def test_a_write_without_its_namespace_is_not_sent(kube: KubeApi) -> None:
    """An object that lives in a namespace is written into the one that is named."""
    with pytest.raises(ScopeError, match="no namespace is given"):
        kube.create(config_map("one"), "")


@pytest.mark.parametrize(("namespace", "name"), [("..", "one"), (NS, "..")])
def test_a_name_never_leads_elsewhere(kubeconfig: Path, namespace: str, name: str) -> None:
    """Part of a URL that would be another URL is no name."""
    with Kube(kubeconfig) as kube, pytest.raises(ScopeError, match="have this name"):
        kube.delete("ConfigMap", name, namespace)
