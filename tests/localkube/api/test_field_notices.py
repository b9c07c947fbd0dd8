"""A user who applies an object with a field that is not implemented gets one warning and an Event."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from harness.localkube.machinery.client import COMPONENT_AGENT

Object = dict[str, Any]
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
PODS = "/api/v1/namespaces/default/pods"
LIMIT = "nginx.ingress.kubernetes.io/global-rate-limit"
AUTH = "nginx.ingress.kubernetes.io/auth-url"


def ingress(annotations: dict[str, str] | None = None, name: str = "web", **spec: Any) -> Object:
    """Return an Ingress."""
    rule = {"host": "shop.example", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    ]}}  # fmt: skip
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {"rules": [rule], **spec},
    }


def pod(**spec: Any) -> Object:
    """Return a pod."""
    containers = [{"name": "web", "image": "hashicorp/http-echo:1.0"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers, **spec}}


def send(server: str, *requests: tuple[str, str, Object], agent: str = "curl") -> list[list[str]]:
    """Send requests one after the other; return the warnings of each response."""

    async def main() -> list[list[str]]:
        async with aiohttp.ClientSession(server, headers={"User-Agent": agent}) as session:
            found = []
            for method, path, body in requests:
                kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
                async with session.request(
                    method, path, data=json.dumps(body), headers={"Content-Type": kind}
                ) as answer:
                    assert answer.status in {200, 201}, await answer.text()
                    found.append(answer.headers.getall("Warning", []))
            return found

    return asyncio.run(main())


def events(server: str) -> list[Object]:
    """Return all Events in the namespace ``default``."""

    async def main() -> list[Object]:
        async with aiohttp.ClientSession(server) as session, session.get("/api/v1/namespaces/default/events") as answer:
            return list((await answer.json())["items"])

    return asyncio.run(main())


def test_a_field_that_is_not_implemented_causes_a_warning(server: str) -> None:
    """The header and the Event name the field and its effect on a real cluster."""
    (warnings,) = send(server, ("POST", INGRESSES, ingress({LIMIT: "1", AUTH: "http://auth.example"})))

    assert len(warnings) == 2
    assert all(text.startswith('299 - "') for text in warnings)
    assert LIMIT in warnings[0]
    assert "429" in warnings[0]
    assert AUTH in warnings[1]
    found = events(server)
    assert {(event["type"], event["reason"], event["involvedObject"]["name"]) for event in found} == {
        ("Warning", "FieldNotImplemented", "web")
    }
    assert sorted(event["message"].split()[0] for event in found) == [AUTH, LIMIT]


def test_an_implemented_object_causes_no_warning(server: str) -> None:
    """Defaults that the server adds cause no warning."""
    warnings = send(server, ("POST", INGRESSES, ingress({LIMIT: "0"})), ("POST", PODS, pod()))

    assert warnings == [[], []]
    assert events(server) == []


def test_only_new_fields_cause_a_warning(server: str) -> None:
    """A later write of another field causes no second warning; a new field does."""
    path = f"{INGRESSES}/web"
    first, second, third = send(
        server,
        ("POST", INGRESSES, ingress({LIMIT: "1"})),
        ("PATCH", path, {"metadata": {"labels": {"a": "b"}}}),
        ("PATCH", path, {"metadata": {"annotations": {AUTH: "http://auth.example"}}}),
    )

    assert [len(first), len(second), len(third)] == [1, 0, 1]
    assert AUTH in third[0]
    assert len(events(server)) == 2


def test_a_dry_run_warns_and_records_nothing(server: str) -> None:
    """A dry run returns the warning but creates no Event."""
    (warnings,) = send(server, ("POST", f"{INGRESSES}?dryRun=All", ingress({LIMIT: "1"})))

    assert len(warnings) == 1
    assert events(server) == []


def test_the_clusters_own_components_get_no_warning(server: str) -> None:
    """The node name that the kubelet sets is not a field of the user."""
    assert send(server, ("POST", PODS, pod(nodeName="elsewhere")), agent=f"{COMPONENT_AGENT}kubelet") == [[]]
    assert events(server) == []


def test_a_configmap_in_the_namespace_of_a_controller_causes_a_warning(server: str) -> None:
    """On a real cluster the controller may read it. One in another namespace is stored without a warning."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"ssl-redirect": "false"},
    }
    own, other = send(
        server,
        ("POST", "/api/v1/namespaces/ingress-nginx/configmaps", body),
        ("POST", "/api/v1/namespaces/default/configmaps", body),
    )

    assert (len(own), len(other)) == (1, 0)


@pytest.mark.processes
@pytest.mark.kubectl
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
def test_kubectl_prints_the_warning(kubectl: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A user who applies a manifest sees the warning at once."""
    done = kubectl("apply", "-f", "-", text=json.dumps(pod(schedulingGates=[{"name": "example.com/wait"}])))

    assert "Warning: spec.schedulingGates is not implemented by the embedded cluster" in done.stderr


AUTOSCALERS = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
ROUTES = "/apis/traefik.io/v1alpha1/namespaces/default/ingressroutes"


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (
            AUTOSCALERS,
            {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "spec": {"maxReplicas": 3}},
            "only its bounds have an effect",
        ),
        (
            "/api/v1/namespaces/default/resourcequotas",
            {"kind": "ResourceQuota", "apiVersion": "v1", "spec": {"hard": {"pods": "3"}}},
            "limits no namespace",
        ),
        (
            ROUTES,
            {"kind": "IngressRoute", "apiVersion": "traefik.io/v1alpha1", "spec": {"routes": []}},
            "no controller of this cluster reads it",
        ),
    ],
)
def test_what_is_stored_and_not_executed_says_so(server: str, path: str, body: Object, words: str) -> None:
    """The client gets a warning, and the object an Event; a later change adds none."""
    named = {**body, "metadata": {"name": "web"}}
    first, second = send(server, ("POST", path, named), ("PATCH", f"{path}/web", {"metadata": {"labels": {"a": "b"}}}))

    assert (len(first), words in first[0], second) == (1, True, [])
    (event,) = events(server)
    assert words in event["message"]
    assert event["involvedObject"]["name"] == "web"
