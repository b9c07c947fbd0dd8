"""Defaults and validation have the paths and messages of a real server."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kube.admission.defaults import apply_defaults
from harness.kube.admission.objects import validate

Object = dict[str, Any]


def deployment(container: Object | None = None, template: Object | None = None, **spec: Any) -> Object:
    """Return a Deployment with fields of its container, pod spec or spec replaced."""
    pods = {"containers": [{"name": "c", "image": "echo:1.0"} | (container or {})]} | (template or {})
    base = {"selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": pods}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": base | spec}


def service(**spec: Any) -> Object:
    """Return a Service with fields replaced."""
    return {"kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]} | spec}


def ingress(**path: Any) -> Object:
    """Return an Ingress with fields of its path replaced."""
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    paths = [{"path": "/a", "pathType": "Prefix", "backend": backend} | path]
    return {"kind": "Ingress", "metadata": {"name": "i"}, "spec": {"rules": [{"http": {"paths": paths}}]}}


def problems(obj: Object) -> list[str]:
    """Return the problems that a server would report for an object."""
    apply_defaults(obj)
    return [str(problem) for problem in validate(obj)]


def fields(obj: Object) -> list[str]:
    """Return the paths of an object's problems."""
    apply_defaults(obj)
    return [problem.field for problem in validate(obj)]


def sleeping(seconds: int, grace: int) -> Object:
    """Return a Deployment with a preStop sleep and a grace period."""
    hook = {"lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}}
    return deployment(hook, {"terminationGracePeriodSeconds": grace})


def test_a_sleep_longer_than_the_grace_period_is_refused() -> None:
    """A preStop sleep may be as long as the grace period. The message is a real server's."""
    assert problems(sleeping(10, 10)) == []
    assert problems(sleeping(0, 10)) == []
    where = "spec.template.spec.containers[0].lifecycle.preStop.sleep"
    what = "must be non-negative and less than terminationGracePeriodSeconds (10)"
    assert problems(sleeping(11, 10)) == [f"{where}: Invalid value: 11: {what}"]


@given(st.integers(-5, 100), st.integers(0, 100))
def test_sleep_against_any_grace_period(seconds: int, grace: int) -> None:
    """Exactly the sleeps from zero to the grace period are valid."""
    assert (problems(sleeping(seconds, grace)) == []) is (0 <= seconds <= grace)


def test_an_exec_hook_is_accepted() -> None:
    """Its length is unknown, so any grace period is accepted."""
    hook = {"lifecycle": {"preStop": {"exec": {"command": ["sleep", "100"]}}}}

    assert problems(deployment(hook, {"terminationGracePeriodSeconds": 1})) == []


C = "spec.template.spec.containers[0]"
PATH = "spec.rules[0].http.paths[0]"


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (deployment(), []),
        (deployment(replicas=0), []),
        (deployment(replicas=-1), ["spec.replicas"]),
        (deployment({"name": "Upper"}), [f"{C}.name"]),
        (deployment({"name": ""}), [f"{C}.name"]),
        (deployment({"image": ""}), [f"{C}.image"]),
        (deployment(template={"containers": []}), ["spec.template.spec.containers"]),
        (
            deployment(template={"containers": [{"name": "c", "image": "i"}] * 2}),
            ["spec.template.spec.containers[1].name"],
        ),
        (deployment({"ports": [{"containerPort": 70000}]}), [f"{C}.ports[0].containerPort"]),
        (deployment({"ports": [{}]}), [f"{C}.ports[0].containerPort"]),
        (deployment({"readinessProbe": {}}), [f"{C}.readinessProbe"]),
        (deployment({"readinessProbe": {"httpGet": {}}}), [f"{C}.readinessProbe.httpGet.port"]),
        (
            deployment({"readinessProbe": {"httpGet": {"port": 1, "httpHeaders": [{"value": "x"}]}}}),
            [f"{C}.readinessProbe.httpGet.httpHeaders"],
        ),
        (
            deployment({"readinessProbe": {"tcpSocket": {"port": 1}, "exec": {"command": ["x"]}}}),
            [f"{C}.readinessProbe.tcpSocket"],
        ),
        (
            deployment({"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}}),
            [f"{C}.livenessProbe.successThreshold"],
        ),
        (deployment({"lifecycle": {"preStop": {"exec": {}}}}), [f"{C}.lifecycle.preStop.exec.command"]),
        (deployment({"volumeMounts": [{"name": "v", "mountPath": "/"}]}), [f"{C}.volumeMounts[0].name"]),
        (deployment(template={"restartPolicy": "Never"}), ["spec.template.spec.restartPolicy"]),
        (deployment(selector=None), ["spec.selector", "spec.template.metadata.labels"]),
        (deployment(selector={}), ["spec.selector"]),
        (deployment(selector={"matchLabels": {"app": "b"}}), ["spec.template.metadata.labels"]),
        (deployment(template=None, strategy={"type": "Wild"}), ["spec.strategy"]),
        (
            deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
            ["spec.strategy.rollingUpdate"],
        ),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
            ["spec.strategy.rollingUpdate.maxUnavailable"],
        ),
        (deployment(strategy={"rollingUpdate": {"maxSurge": "x"}}), ["spec.strategy.rollingUpdate.maxSurge"]),
        (deployment(progressDeadlineSeconds=5, minReadySeconds=5), ["spec.progressDeadlineSeconds"]),
        (service(), []),
        (service(ports=[]), ["spec.ports"]),
        (service(ports=[], clusterIP="None"), []),
        (service(ports=[{"port": 1}, {"port": 2, "name": "b"}]), ["spec.ports[0].name"]),
        (service(ports=[{"port": 0}]), ["spec.ports[0].port", "spec.ports[0].targetPort"]),
        (service(type="Wild"), ["spec.type"]),
        (service(selector={"a b": "c"}), ["spec.selector"]),
        (ingress(), []),
        (ingress(pathType=None), [f"{PATH}.pathType"]),
        (ingress(pathType="Regex"), [f"{PATH}.pathType"]),
        (ingress(path="a"), [f"{PATH}.path"]),
        (ingress(backend={}), [f"{PATH}.backend"]),
        (ingress(backend={"service": {"name": "s"}}), [f"{PATH}.backend"]),
        ({"kind": "Ingress", "metadata": {"name": "i"}, "spec": {}}, ["spec"]),
        ({"kind": "ConfigMap", "metadata": {"name": "Upper"}}, ["metadata.name"]),
        ({"kind": "ConfigMap", "metadata": {"name": "a.b"}}, []),
        ({"kind": "Namespace", "metadata": {"name": "a.b"}}, ["metadata.name"]),
        ({"kind": "ConfigMap", "metadata": {}}, ["metadata.name"]),
        ({"kind": "ConfigMap", "metadata": {"name": "a", "labels": {"k": "a b"}}}, ["metadata.labels"]),
        ({"kind": "EndpointSlice", "metadata": {"name": "a"}}, ["addressType"]),
    ],
)
def test_each_rule_names_its_field(obj: Object, expected: list[str]) -> None:
    """Each rule names the field that violates it, and no other."""
    assert fields(copy.deepcopy(obj)) == expected


def test_every_problem_is_named() -> None:
    """Several problems are reported at once."""
    assert len(problems(deployment({"name": "A", "image": ""}, replicas=-1))) == 3


def test_defaults_of_a_deployment() -> None:
    """Missing fields get the values of a real server."""
    probe = {"readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 3}}
    obj = deployment(probe)
    apply_defaults(obj)

    spec, pods = obj["spec"], obj["spec"]["template"]["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)
    assert (pods["terminationGracePeriodSeconds"], pods["restartPolicy"]) == (30, "Always")
    assert pods["containers"][0]["readinessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "periodSeconds": 3,
        "timeoutSeconds": 1,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [("echo", "Always"), ("echo:latest", "Always"), ("echo:1.0", "IfNotPresent"), ("host:5000/echo", "Always")],
)
def test_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    """An image without a tag, or with ``latest``, is always pulled. A registry's port is not a tag."""
    obj = deployment({"image": image})
    apply_defaults(obj)

    assert obj["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_defaults_of_a_service() -> None:
    """The target port defaults to the port, and the type to ClusterIP."""
    obj = service()
    apply_defaults(obj)

    assert obj["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (obj["spec"]["type"], obj["spec"]["sessionAffinity"]) == ("ClusterIP", "None")


def test_defaults_are_stable() -> None:
    """Setting defaults twice changes nothing. Otherwise every write would look like a change."""
    for obj in (deployment(), service(type="NodePort"), ingress()):
        apply_defaults(obj)
        once = copy.deepcopy(obj)
        apply_defaults(obj)
        assert obj == once
