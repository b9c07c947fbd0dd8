"""Models of stand-ins for unknown images, on pods and on a small cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.kube.fieldclasses import REFUSED
from harness.localkube.apps.orders import Orders, StopMode
from harness.localkube.fields import CLASSIFIER
from harness.localkube.kubelet.images import find_image, has_stand_in
from harness.localkube.kubelet.models import (
    ANNOTATION,
    LABEL,
    StandInModel,
    encode,
    identity,
    model_of,
    orders,
    ports_of,
    unavailable_program,
)
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import PODS

OnCluster = Callable[..., Any]
SHOP = "registry.example/shop:1.2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (SHOP, True),
        ("nginx", True),
        ("quay.io:443/a/b_c@sha256:" + "0" * 64, True),
        ("hashicorp/http-echo:1.0", False),
        ("hashicorp/http-echo:0.9", False),
        ("docker.io/hashicorp/http-echo:10", False),
        ("Registry/Upper", False),
        ("", False),
    ],
)
def test_images_of_unknown_repositories_have_a_stand_in(name: str, expected: bool) -> None:
    """An unknown tag of a known repository does not exist, nor does an image with an invalid name."""
    assert has_stand_in(name) is expected
    assert not (expected and find_image(name))


def test_the_first_matching_pattern_applies() -> None:
    """A general pattern after a specific one covers the rest."""
    models = {"*/shop:*": StandInModel(StopMode.DRAINS, 0.5), "*": StandInModel(StopMode.IGNORES_SIGTERM)}
    metadata = {"annotations": {ANNOTATION: encode(models)}}

    assert model_of(metadata, SHOP) == models["*/shop:*"]
    assert model_of(metadata, "redis:7") == models["*"]
    assert model_of({}, "redis:7") == StandInModel(StopMode.CLOSES_AT_ONCE)


def test_the_label_sets_only_the_ending() -> None:
    """The label is for users without an Experiment."""
    metadata = {"labels": {LABEL: "drains"}, "annotations": {ANNOTATION: encode({"*": StandInModel(ready=3.0)})}}

    assert model_of(metadata, SHOP) == StandInModel(StopMode.DRAINS, 3.0)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"labels": {LABEL: "drain"}}, "expected one of drains, closes-at-once, ignores-sigterm, exits-late"),
        ({"annotations": {ANNOTATION: "{"}}, "annotation localkube/models"),
        ({"annotations": {ANNOTATION: json.dumps({"*": {"ending": "drains"}})}}, "ready"),
    ],
)
def test_an_invalid_model_is_an_error(metadata: Object, message: str) -> None:
    """A misspelt model does not become the default."""
    with pytest.raises(ValueError, match=message):
        model_of(metadata, SHOP)


@pytest.mark.parametrize(
    ("container", "model", "expected"),
    [
        ({"ports": [{"containerPort": 80}, {"containerPort": 90, "protocol": "UDP"}]}, StandInModel(), [80]),
        ({"ports": [{"containerPort": 80}]}, StandInModel(ports=(80, 81)), [80, 81]),
        (
            {"readinessProbe": {"httpGet": {"port": 8080}}, "livenessProbe": {"grpc": {"port": 9}}},
            StandInModel(),
            [8080, 9],
        ),
        ({"ports": [{"containerPort": 80}], "readinessProbe": {"tcpSocket": {"port": 9}}}, StandInModel(), [80]),
        ({}, StandInModel(), []),
    ],
)
def test_a_stand_in_listens_on_declared_ports(container: Object, model: StandInModel, expected: list[int]) -> None:
    """A container that declares no port is assumed to listen on the ports of its probes."""
    assert list(ports_of(model, container)) == expected


def test_a_response_names_deployment_version_pod_and_container() -> None:
    """The hash of the pod template is not part of the Deployment's name."""
    owners = [{"name": "shop-7c9d", "controller": True}]
    pod = {"metadata": {"name": "shop-7c9d-x", "labels": {"pod-template-hash": "7c9d"}, "ownerReferences": owners}}

    assert identity(pod, {"name": "web", "image": SHOP}) == "app=shop version=1.2 pod=shop-7c9d-x container=web"


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (["sleep", "5"], ""),
        (["/bin/sleep", "5"], ""),
        (["sh", "-c", "sleep 5"], ""),
        (["/bin/sh", "-c", "echo bye && sleep 5; exit 0"], ""),
        (["nginx", "-s", "quit"], "nginx"),
        (["sh", "-c", "sleep 5 && nginx -s quit"], "nginx"),
        (["sh", "-c", "sleep $(cat /tmp/n)"], "sleep $(cat /tmp/n)"),
        (["sh", "-c", "sleep '5"], "sleep '5"),
    ],
)
def test_programs_that_a_stand_in_lacks_are_found(command: list[str], missing: str) -> None:
    """A script that is more than a row of simple commands counts as missing, because its effect is unknown."""
    assert unavailable_program(command) == missing


def test_the_configuration_is_decoded_as_encoded() -> None:
    """It is passed to the process as one argument."""
    orders = Orders(StopMode.EXITS_LATE, 0.25, (80, 81), "app=a")

    assert Orders.decode(orders.encode()) == orders


def rejected(pod: Object, *others: Object) -> list[str]:
    """Return the fields of a Deployment's pod that the cluster rejects."""
    made = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}}, "spec": pod},
        },
    }
    found = CLASSIFIER.classify(made, "ingress-nginx", [made, *others])
    return [each.field.removeprefix("spec.template.spec.") for each in found if each.found in REFUSED]


CHART: Object = {
    "securityContext": {"runAsNonRoot": True, "fsGroup": 1000},
    "initContainers": [{"name": "wait", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 1"]}],
    "containers": [
        {
            "name": "shop",
            "image": SHOP,
            "ports": [{"containerPort": 8080}],
            "securityContext": {"readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
            "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "token"}}}],
            "envFrom": [{"configMapRef": {"name": "shop"}}],
            "readinessProbe": {"grpc": {"port": 8080}},
            "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "sleep 5"]}}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/shop"}],
        }
    ],
    "volumes": [{"name": "config", "configMap": {"name": "shop"}}, {"name": "tmp", "emptyDir": {}}],
}
SOURCES: tuple[Object, ...] = (
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop"}, "stringData": {"token": "x"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}, "data": {}},
)


def test_the_pod_of_a_chart_is_accepted_with_its_sources() -> None:
    """A stand-in does not depend on the real program's user, files and variables."""
    assert rejected(CHART, *SOURCES) == []


@pytest.mark.parametrize(
    ("pod", "field"),
    [
        (
            {"lifecycle": {"preStop": {"exec": {"command": ["nginx", "-s", "quit"]}}}},
            "containers.lifecycle.preStop.exec",
        ),
        (
            {"image": "hashicorp/http-echo:1.0", "lifecycle": {"stopSignal": "SIGINT"}},
            "containers.lifecycle.stopSignal",
        ),
    ],
)
def test_a_stand_in_does_not_make_other_fields_inert(pod: Object, field: str) -> None:
    """A hook with a missing program affects requests, and known images do read their variables."""
    container = {"name": "shop", "image": SHOP, **pod}

    assert rejected({"containers": [container]}, *SOURCES) == [field]


@pytest.mark.parametrize("action", ["httpGet", "tcpSocket"])
@pytest.mark.parametrize(("port", "expected"), [(8080, []), ("web", []), (9090, ["port"])])
def test_a_probe_must_lead_to_a_declared_port(action: str, port: object, expected: list[str]) -> None:
    """Otherwise the stand-in would never become ready, and the rollout would wait without a message."""
    container = {"name": "shop", "image": SHOP, "ports": [{"name": "web", "containerPort": 8080}]}
    found = rejected({"containers": [{**container, "readinessProbe": {action: {"port": port}}}]})

    field = f"containers.readinessProbe.{action}" + (".port" if action == "httpGet" else "")
    assert found == [field] * len(expected)


@pytest.mark.parametrize(("port", "expected"), [(8080, []), (9090, ["spec.ports.targetPort"])])
def test_a_service_must_lead_to_a_declared_port(port: int, expected: list[str]) -> None:
    """The real program may listen on another port, but the stand-in does not and would cause the loss itself."""
    pods = {"metadata": {"labels": {"app": "shop"}}, "spec": CHART}
    made = {"kind": "Deployment", "metadata": {"name": "shop"}, "spec": {"template": pods}}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80, "targetPort": port}]},
    }

    found = CLASSIFIER.classify(service, "ingress-nginx", [made, service])

    assert [each.field for each in found if each.found in REFUSED] == expected


@pytest.mark.processes
def test_a_stand_in_serves_on_the_ports_of_its_container(on_cluster: OnCluster) -> None:
    """Its exec probe checks that it listens, its init container has ended before, and it answers its identity."""

    async def scenario(cluster: Any) -> tuple[str, str, Object]:
        probe = {"exec": {"command": ["pg_isready"]}, "periodSeconds": 1}
        container = {
            "image": SHOP,
            "ports": [{"containerPort": 5678}, {"containerPort": 5679}],
            "readinessProbe": probe,
        }
        init = [{"name": "migrate", "image": "registry.example/migrate:3"}]
        await cluster.deploy(container=container, pod={"initContainers": init})
        pod = await cluster.ready_pod()
        return await cluster.ask(pod), await cluster.ask(pod, port=5679), pod

    first, second, pod = on_cluster(scenario)

    assert first == second
    assert first.startswith("app=apple version=1.2 pod=apple-")
    assert [each["state"]["terminated"]["reason"] for each in pod["status"]["initContainerStatuses"]] == ["Completed"]
    assert pod["status"]["containerStatuses"][0]["image"] == SHOP


@pytest.mark.parametrize(("port", "expected"), [(8080, []), (9090, ["containers.readinessProbe.grpc"])])
def test_a_grpc_probe_must_lead_to_a_declared_port(port: int, expected: list[str]) -> None:
    """The stand-in does not listen elsewhere, and would never become ready."""
    container = {"name": "shop", "image": SHOP, "ports": [{"containerPort": 8080}]}

    assert rejected({"containers": [{**container, "readinessProbe": {"grpc": {"port": port}}}]}) == expected


def test_probes_and_hooks_decide_about_tls() -> None:
    """A port that is asked by HTTPS needs TLS, one that is asked by HTTP has none, and any other accepts both."""
    ports = [{"name": "web", "containerPort": 8080}, {"name": "secure", "containerPort": 8443}, {"containerPort": 9090}]
    container = {
        "name": "shop",
        "image": SHOP,
        "ports": ports,
        "readinessProbe": {"httpGet": {"port": "secure", "scheme": "HTTPS"}},
        "livenessProbe": {"grpc": {"port": 9090}},
        "lifecycle": {"preStop": {"httpGet": {"port": 8080, "path": "/stop"}}},
    }
    found = orders(StandInModel(), {"metadata": {"name": "shop"}}, container, "/pod.pem")

    assert (found.ports, found.secure, found.plain, found.grpc) == ((8080, 8443, 9090), (8443,), (8080,), True)
    assert Orders.decode(found.encode()) == found


@pytest.mark.processes
def test_a_stand_in_answers_probes_by_grpc_and_https(on_cluster: OnCluster) -> None:
    """All three probes succeed, and the port with an HTTPS probe refuses requests without TLS."""

    async def scenario(cluster: Any) -> tuple[str, Object]:
        container = {
            "image": SHOP,
            "ports": [{"containerPort": 5678}, {"containerPort": 5679}],
            "startupProbe": {"grpc": {"port": 5678, "service": "shop"}, "periodSeconds": 1, "failureThreshold": 60},
            "readinessProbe": {"httpGet": {"port": 5679, "scheme": "HTTPS"}, "periodSeconds": 1},
        }
        await cluster.deploy(container=container)
        pod = await cluster.ready_pod()
        return await cluster.ask(pod, port=5679), pod

    answer, pod = on_cluster(scenario)

    assert answer == "Client sent an HTTP request to an HTTPS server.\n"
    assert pod["status"]["containerStatuses"][0]["started"]


@pytest.mark.processes
def test_a_pod_with_a_misspelt_model_does_not_start(on_cluster: OnCluster) -> None:
    """Its status lists the valid words."""

    async def scenario(cluster: Any) -> Object:
        labels = {"app": "apple", LABEL: "x"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "shop", "image": SHOP}]}}
        await cluster.deploy(spec={"template": template})

        def waiting(pods: list[Object]) -> Object | None:
            states = [s["state"] for p in pods for s in p.get("status", {}).get("containerStatuses") or []]
            return next((s["waiting"] for s in states if "message" in s.get("waiting", {})), None)

        found: Object = await cluster.until(PODS, waiting)
        return found

    found = on_cluster(scenario)

    assert found["reason"] == "CreateContainerConfigError"
    assert "expected one of drains" in found["message"]


@pytest.mark.parametrize(
    ("image", "shell"),
    [
        ("traefik/whoami:v1.10", False),
        ("docker.io/traefik/whoami", False),
        ("gcr.io/distroless/static-debian12:nonroot", False),
        ("gcr.io/distroless/java17@sha256:" + "0" * 64, False),
        ("gcr.io/distroless/static:debug-nonroot", None),
        ("registry.example/traefik/whoami-with-shell:1", None),
        (SHOP, None),
    ],
)
def test_an_image_that_is_known_to_have_no_shell_fails_exec_hooks(image: str, shell: bool | None) -> None:
    """Nothing is known about any other image, so it has one unless its model says otherwise."""
    assert model_of({}, image).shell is shell
    assert model_of({"labels": {LABEL: "drains"}}, image) == StandInModel(StopMode.DRAINS, shell=shell)
    assert model_of({}, image).image.shell is (shell is None)


@pytest.mark.parametrize("said", [True, False])
def test_a_model_that_sets_the_shell_takes_precedence(said: bool) -> None:
    """Somebody may have added one to an image of that name."""
    for image in ("traefik/whoami:v1.10", SHOP):
        metadata = {"annotations": {ANNOTATION: encode({"*": StandInModel(shell=said)})}}

        assert model_of(metadata, image).shell is said
