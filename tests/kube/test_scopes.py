"""Cluster-scoped kinds are known, and a confined run writes only in its own namespaces."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.kube.api import KubeApi
from harness.kube.confined import ConfinedKube
from harness.kube.errors import ScopeError
from harness.kube.scopes import CLUSTER_SCOPED, is_cluster_scoped
from harness.testing.fake_api import FakeKube


def created_cluster_scoped() -> Iterator[tuple[str, str]]:
    """Return (API group, kind) of every creation in the official client without a namespace."""
    from kubernetes import client  # noqa: PLC0415 - costs a third of a second

    for api in (getattr(client, name) for name in dir(client) if re.fullmatch(r"\w+V\d+\w*Api", name)):
        for name in (name for name in dir(api) if re.fullmatch(r"_create_\w+_serialize", name)):
            path = re.search(r"resource_path='(/[^']+)'", inspect.getsource(getattr(api, name)))
            assert path is not None
            if "{namespace}" not in path[1]:
                group = path[1].split("/")[2] if path[1].startswith("/apis/") else ""
                method = getattr(api, name.removeprefix("_").removesuffix("_serialize"))
                model = inspect.signature(method, eval_str=True).parameters["body"].annotation.__name__
                yield group, re.sub(r"^V\d+((alpha|beta)\d+)?", "", model)


def test_every_cluster_scoped_kind_is_known() -> None:
    """The table equals the official client's."""
    found: dict[str, set[str]] = defaultdict(set)
    for group, kind in created_cluster_scoped():
        found[group].add(kind)

    assert {group: set(kinds) for group, kinds in CLUSTER_SCOPED.items()} == found


@pytest.mark.parametrize(
    ("version", "kind", "outside"),
    [
        ("v1", "Namespace", True),
        ("v1", "Pod", False),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", True),
        ("rbac.authorization.k8s.io/v1beta1", "ClusterRole", True),
        ("rbac.authorization.k8s.io/v1", "Role", False),
        ("example.com/v1", "Namespace", False),
    ],
)
def test_a_kind_is_known_in_all_its_versions(version: str, kind: str, outside: bool) -> None:
    """The group counts, and the version does not."""
    assert is_cluster_scoped({"apiVersion": version, "kind": kind}) is outside


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": {}}
PRIORITY = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}

WRITES: dict[str, Callable[[KubeApi, str], Any]] = {
    "create": lambda kube, namespace: kube.create({**SECRET, "metadata": {"name": "new"}}, namespace),
    "apply": lambda kube, namespace: kube.apply(SECRET, namespace),
    "patch": lambda kube, namespace: kube.patch("Secret", "key", namespace, {"data": {"a": "b"}}),
    "delete": lambda kube, namespace: kube.delete("Secret", "key", namespace),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_confined_run_writes_into_its_own_namespace(write: str) -> None:
    """Everything may be written there. A write elsewhere is refused, and the error names the namespace."""
    kube = FakeKube()
    for namespace in ("mine", "theirs"):
        kube.put(SECRET, namespace)
    before = kube.list_with_version("Secret", "theirs")
    confined = ConfinedKube(kube, "mine")

    with pytest.raises(ScopeError, match="namespace theirs, but this run may write only in mine"):
        WRITES[write](confined, "theirs")
    assert kube.list_with_version("Secret", "theirs") == before
    WRITES[write](confined, "mine")
    assert kube.list_with_version("Secret", "mine")[1] > before[1]


@pytest.mark.parametrize("namespace", ["", "mine"])
def test_a_confined_run_writes_no_cluster_scoped_object(namespace: str) -> None:
    """Not even with its own namespace given."""
    kube = FakeKube()

    with pytest.raises(ScopeError):
        ConfinedKube(kube, "mine").apply(PRIORITY, namespace)
    assert kube.list("PriorityClass", "") == []


def test_a_confined_run_reads_everything() -> None:
    """Objects of others may be read."""
    kube = FakeKube()
    kube.put(SECRET, "theirs")
    confined = ConfinedKube(kube, "mine")

    assert confined.get("Secret", "key", "theirs")["metadata"]["name"] == "key"
    assert [found["metadata"]["name"] for found in confined.list("Secret", "theirs")] == ["key"]
