"""Fields that the API would refuse are found."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kube.schema import KINDS, missing_fields, unknown_fields, violations
from harness.kube.versions import REMOVED


def deployment(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a Deployment of one container."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "a"}},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "a", **(container or {})}]},
            },
            **spec,
        },
    }


def test_a_valid_manifest_has_no_violation() -> None:
    """Integers, probes, int-or-string, quantities and free maps are known."""
    manifest = deployment(
        {
            "image": "x",
            "ports": [{"containerPort": 80}],
            "readinessProbe": {"httpGet": {"port": "http", "httpHeaders": [{"name": "a", "value": "b"}]}},
            "lifecycle": {"preStop": {"sleep": {"seconds": 6}}},
            "resources": {"requests": {"cpu": 1, "memory": "64Mi"}},
        },
        replicas=1,
        strategy={"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
    )

    assert unknown_fields(manifest) == []
    assert missing_fields(manifest) == []


@pytest.mark.parametrize(
    ("container", "path", "message"),
    [
        ({"imagee": "x"}, "imagee", 'unknown field "{}"; did you mean "image"?'),
        ({"args": "-v"}, "args", "expected list, got string"),
        ({"args": [1]}, "args[0]", "expected string, got integer"),
        ({"ports": [{"containerPort": "80"}]}, "ports[0].containerPort", "expected integer, got string"),
        ({"ports": [{"containerPort": True}]}, "ports[0].containerPort", "expected integer, got boolean"),
        ({"readinessProbe": {"httpGet": {"port": [80]}}}, "readinessProbe.httpGet.port", None),
        ({"lifecycle": {"preStop": {"sleep": 6}}}, "lifecycle.preStop.sleep", "expected map, got integer"),
        ({"env": [{"name": "a", "value": 1}]}, "env[0].value", "expected string, got integer"),
        ({"resources": {"limits": {"cpu": True}}}, "resources.limits.cpu", "expected quantity, got boolean"),
    ],
)
def test_wrong_fields_are_found_where_they_are(container: dict[str, Any], path: str, message: str | None) -> None:
    """An unknown field or a wrong type is reported with its path, at any depth."""
    place = f"spec.template.spec.containers[0].{path}"
    expected = message.format(place) if message else "expected integer or string, got list"

    assert unknown_fields(deployment(container)) == [(place, expected)]


def test_every_violation_is_reported() -> None:
    """All violations are reported at once."""
    found = unknown_fields(deployment({"imagee": "x"}, replica=1, replicas="2"))

    assert [path for path, _ in found] == ["spec.template.spec.containers[0].imagee", "spec.replica", "spec.replicas"]


def test_a_label_must_be_text() -> None:
    """The values of a map of texts are checked. A key with dots is distinguished from a path."""
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"x.io/y": 1}}}

    assert unknown_fields(manifest) == [("metadata.labels[x.io/y]", "expected string, got integer")]


def test_unknown_kinds_and_versions_say_what_to_write() -> None:
    """An unknown kind names the nearest, and a wrong apiVersion the right one."""
    ((path, message),) = unknown_fields({"apiVersion": "apps/v1", "kind": "Deploymant"})
    assert path == "kind"
    assert message.endswith("did you mean Deployment?")

    assert unknown_fields({"apiVersion": "app/v1", "kind": "Ingress"}) == [
        ("apiVersion", "expected networking.k8s.io/v1 for kind Ingress, got 'app/v1'")
    ]
    assert len(unknown_fields({})) == 1


@pytest.mark.parametrize(("version", "kind"), REMOVED)
def test_a_removed_version_is_the_only_violation(version: str, kind: str) -> None:
    """Its fields had other names, so they are not compared with today's."""
    release, successor = REMOVED[version, kind]

    ((path, message),) = unknown_fields({"apiVersion": version, "kind": kind, "spec": {"serviceName": "a"}})

    assert path == "apiVersion"
    assert f"Kubernetes {release} removed {version} of {kind}" in message
    assert f"write {successor}" in message
    assert (successor, kind) in KINDS


@pytest.mark.parametrize(
    ("version", "kind"),
    [("monitoring.coreos.com/v1", "ServiceMonitor"), ("gateway.networking.k8s.io/v1", "HTTPRoute"),
     ("argoproj.io/v1alpha1", "Rollout"), ("storage.k8s.io/v1", "StorageClass")],
)  # fmt: skip
def test_kinds_that_only_a_cluster_knows_have_no_schema(version: str, kind: str) -> None:
    """Their metadata is checked, and nothing else."""
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "a", "label": {}}, "spec": {"any": 1}}

    assert [path for path, _ in unknown_fields(manifest)] == ["metadata.label"]


@pytest.mark.parametrize("version", ["app/v1", "v2", "networking.k8s.io/v2", "apps/v1"])
def test_a_misspelt_group_is_no_custom_kind(version: str) -> None:
    """It is reported, and not left to the cluster."""
    assert [path for path, _ in unknown_fields({"apiVersion": version, "kind": "Nothing"})] == ["kind"]


def test_quantities_may_be_numbers() -> None:
    """In the targets of metrics and in the bounds of a LimitRange, as in resources."""
    target = {"type": "AverageValue", "averageValue": 20, "value": 1.5}
    metric = {"type": "Pods", "pods": {"metric": {"name": "rate"}, "target": target}}
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {"metrics": [metric]}}
    limits = [{"type": "Container", "default": {"cpu": 1}, "min": {"cpu": 0.1}, "max": {"memory": 1024}}]
    bounds = {"apiVersion": "v1", "kind": "LimitRange", "spec": {"limits": limits}}

    assert unknown_fields(scaler) == unknown_fields(bounds) == []


def test_patches_may_have_directives_and_nulls() -> None:
    """A patch may have nulls and directives, and no apiVersion. Unknown fields are still reported."""
    patch = {
        "kind": "Deployment",
        "spec": {
            "strategy": {"$retainKeys": ["type"], "type": "Recreate", "rollingUpdate": None},
            "template": {"spec": {"containers": [{"name": "a", "$patch": "delete"}], "volume": []}},
        },
    }

    assert [v.path[-1] for v in violations(patch, patch=True)] == ["volume"]


def test_required_fields_that_are_missing() -> None:
    """Missing required fields are reported with their path."""
    manifest = deployment()
    del manifest["spec"]["selector"]
    del manifest["spec"]["template"]["spec"]["containers"][0]["name"]

    assert [v.message for v in missing_fields(manifest)] == [
        '"spec.selector" is required',
        '"spec.template.spec.containers[0].name" is required',
    ]


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_every_known_kind_has_a_model(version: str, kind: str) -> None:
    """Each kind of the table can be checked: its metadata is known, and a nonsense field is reported."""
    found = unknown_fields({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, "nonsense": 1})

    assert [path for path, _ in found] == ["nonsense"]
