"""The output of ``kubectl get -o yaml`` is recognised, and loses what a cluster has added."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kube.dumps import clean

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop"},
    "spec": {"ports": [{"port": 80}]},
}


def obj_of(kind: str, version: str, name: str = "a", **metadata: Any) -> dict[str, Any]:
    """Return an object with nothing but its metadata."""
    return {"kind": kind, "apiVersion": version, "metadata": {"name": name, **metadata}}


def test_a_dump_loses_what_the_server_set() -> None:
    """The rest is as the user applied it, with its namespace."""
    dumped = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "shop",
            "namespace": "prod",
            "uid": "u",
            "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "ports": [{"port": 80, "nodePort": 30080}]},
        "status": {"loadBalancer": {}},
    }

    kept, notices = clean([dumped])

    assert kept == [{**SERVICE, "metadata": {"name": "shop", "namespace": "prod"}}]
    assert notices == []
    assert dumped["status"] == {"loadBalancer": {}}, "the input is not changed"


@pytest.mark.parametrize(
    "spec",
    [
        {"clusterIP": "None", "ports": [{"port": 80}]},
        {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}], "ipFamilyPolicy": "PreferDualStack"},
    ],
)
def test_what_a_person_wrote_stays(spec: dict[str, Any]) -> None:
    """An object without identity and address was never on a cluster."""
    written = {**SERVICE, "spec": spec}

    assert clean([written])[0] == [written]


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (obj_of("Pod", "v1", ownerReferences=[{"kind": "ReplicaSet", "name": "r"}]), "ReplicaSet r makes it"),
        (obj_of("Job", "batch/v1", ownerReferences=[{"kind": "CronJob", "name": "c"}]), "CronJob c makes it"),
        (obj_of("EndpointSlice", "discovery.k8s.io/v1", uid="u"), "makes it from the Service"),
        (obj_of("ConfigMap", "v1", "kube-root-ca.crt"), "every namespace has one"),
        (obj_of("Node", "v1"), "the cluster itself makes it"),
        (obj_of("PersistentVolume", "v1", uid="u"), "belongs to the cluster on which it was"),
    ],
)
def test_what_a_cluster_makes_is_left_out_with_a_reason(obj: dict[str, Any], reason: str) -> None:
    """Nothing is dropped silently."""
    kept, notices = clean([obj, SERVICE])

    assert kept == [SERVICE]
    assert len(notices) == 1
    assert notices[0].startswith(f"{obj['kind']} {obj['metadata']['name']} is left out: ")
    assert reason in notices[0]


@pytest.mark.parametrize(
    "obj",
    [
        obj_of("Pod", "v1", uid="u"),
        obj_of("Endpoints", "v1"),
        obj_of("PersistentVolume", "v1"),
        obj_of("ServiceMonitor", "monitoring.coreos.com/v1"),
    ],
)
def test_what_a_person_applies_stays(obj: dict[str, Any]) -> None:
    """A Pod without an owner, hand-written Endpoints, and kinds that only some clusters have."""
    kept, notices = clean([obj])

    assert [each["kind"] for each in kept] == [obj["kind"]]
    assert notices == []
