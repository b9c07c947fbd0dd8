"""An object that nothing executes here is accepted only if a real cluster would answer requests in the same way."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kube.fieldclasses import FieldClass
from harness.localkube.fields import CLASSIFIER
from harness.localkube.kubelet.scheduling import startable
from harness.localkube.unexecuted import (
    gets_no_requests,
    limits_no_pods,
    only_sets_defaults,
    takes_many_pods,
)

LABELS = {"app": "shop"}
OTHERS = {"app": "shop", "part": "job"}
ALONE = {"app": "db"}


def a_deployment(named: str = "shop", **spec: Any) -> dict[str, Any]:
    """Return a Deployment whose pods have ``LABELS`` and mount the claim ``data``."""
    volumes = [{"name": "cache", "emptyDir": {}}, {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [], "volumes": volumes}}
    return {"kind": "Deployment", "metadata": {"name": named}, "spec": {"template": template, **spec}}


SERVICE = {"kind": "Service", "metadata": {"name": "shop"}, "spec": {"selector": LABELS}}


@pytest.mark.parametrize("name", ["configmaps", "services.nodeports", "count/jobs.batch", "requests.storage"])
def test_a_quota_of_other_objects_limits_no_pods(name: str) -> None:
    """No rollout and no deletion of a pod creates them."""
    assert limits_no_pods({"hard": {name: "1"}})
    assert limits_no_pods({})


@pytest.mark.parametrize(
    "name",
    [
        "pods",
        "count/pods",
        "count/replicasets.apps",
        "cpu",
        "requests.memory",
        "limits.cpu",
        "requests.example.com/gpu",
    ],
)
def test_a_quota_of_pods_or_their_resources_may_keep_a_pod_from_being_created(name: str) -> None:
    """A pod that replaces another one counts too, and a pod without amounts of a limited resource is rejected."""
    assert not limits_no_pods({"hard": {"configmaps": "10", name: "1000"}})


def test_limits_are_accepted_if_they_only_set_defaults() -> None:
    """Everything else rejects pods; a default below what a container needs stops it from starting."""
    fine = {"type": "Container", "default": {"memory": "64Mi"}, "defaultRequest": {"cpu": "100m"}}

    assert only_sets_defaults({"limits": [fine, {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]})
    for rule in ({"max": {"cpu": "1"}}, {"min": {"cpu": "1"}}, {"maxLimitRequestRatio": {"cpu": "2"}}):
        assert not only_sets_defaults({"limits": [fine, {"type": "Pod", **rule}]})
    assert not only_sets_defaults({"limits": [{"type": "Container", "default": {"memory": "64m"}}]})


def test_pods_that_share_a_service_with_pods_that_run_would_get_requests() -> None:
    """Pods that no Service selects, and those of a Service of their own, would not."""
    objects = [a_deployment(), SERVICE, {"kind": "Service", "spec": {"selector": ALONE}}]

    assert not gets_no_requests({"metadata": {"labels": OTHERS}, "spec": {}}, objects)
    assert gets_no_requests({"metadata": {"labels": ALONE}, "spec": {}}, objects)
    assert gets_no_requests({"metadata": {"labels": {"app": "job"}}, "spec": {}}, objects)
    assert gets_no_requests({"metadata": {"labels": OTHERS}, "spec": {}}, [SERVICE])
    assert gets_no_requests(None, objects)


@pytest.mark.parametrize(
    ("kind", "version", "path"),
    [
        ("StatefulSet", "apps/v1", ["template"]),
        ("DaemonSet", "apps/v1", ["template"]),
        ("Job", "batch/v1", ["template"]),
        ("CronJob", "batch/v1", ["jobTemplate", "spec", "template"]),
    ],
)
def test_every_kind_without_pods_is_refused_if_it_would_get_requests(kind: str, version: str, path: list[str]) -> None:
    """The template of its pods is found wherever the kind has it."""
    for labels, refused in ((OTHERS, ["spec"]), (ALONE, [])):
        spec: dict[str, Any] = {"metadata": {"labels": labels}, "spec": {"containers": []}}
        for name in reversed(path):
            spec = {name: spec}
        manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "other"}, "spec": spec}

        found = CLASSIFIER.refused(manifest, "ingress-nginx", [a_deployment(), SERVICE, manifest])

        assert [each.field for each in found] == refused
        assert all(each.found is FieldClass.DECISIVE for each in found)


def test_a_claim_for_one_pod_is_refused_if_a_pod_that_runs_mounts_it() -> None:
    """A new pod would wait for the end of the old one."""
    one = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOncePod"]}}
    many = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}

    assert not takes_many_pods(one, [a_deployment()])
    assert takes_many_pods(many, [a_deployment()])
    assert takes_many_pods({**one, "metadata": {"name": "other"}}, [a_deployment()])
    assert takes_many_pods(one, [{**a_deployment(), "kind": "StatefulSet"}])


@pytest.mark.parametrize(
    ("limits", "starts"),
    [
        ({"memory": "128Mi"}, True),
        ({"memory": "4Mi"}, True),
        ({"cpu": "1"}, True),
        ({"memory": "128m"}, False),
        ({"memory": "1Mi"}, False),
        ({"memory": 128}, False),
        ({"memory": "65Gi"}, False),
    ],
)
def test_a_container_starts_only_with_enough_memory(limits: dict[str, Any], starts: bool) -> None:
    """``128m`` is 0.128 bytes: a frequent mistake for ``128Mi``."""
    assert startable(limits) is starts
