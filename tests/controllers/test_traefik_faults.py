"""Faults of Traefik's objects: found exactly where the real Traefik 3.7 answers with an error.

The statuses are those of the embedded cluster's Traefik, which had all these objects at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.controllers.base import RoutedRequest, RouteFault, Surroundings
from harness.controllers.registry import faults_on_the_way, in_namespace, without_own_namespace
from harness.problem_codes import ProblemCode as Code

API = "traefik.io/v1alpha1"
PREFIX = "traefik.ingress.kubernetes.io/"
APP: Mapping[str, Any] = {"name": "app", "port": 80}
GONE: Mapping[str, Any] = {"name": "gone", "port": 80}
HERE = Surroundings("traefik")
ELSEWHERE = Surroundings("traefik", settings=False, secrets=False)


def made(kind: str, name: str, spec: Mapping[str, Any], api: str = API, **metadata: Any) -> dict[str, Any]:
    """Return an object."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **metadata}, "spec": dict(spec)}


def weighted(name: str, *services: Mapping[str, Any]) -> dict[str, Any]:
    """Return a TraefikService with weights."""
    return made("TraefikService", name, {"weighted": {"services": list(services)}})


OBJECTS = [
    made("Service", "app", {"ports": [{"name": "http", "port": 80}]}, "v1"),
    made("Service", "outside", {"type": "ExternalName", "ports": [{"port": 80}]}, "v1"),
    made("Middleware", "add", {"addPrefix": {"prefix": "/x"}}),
    made("Middleware", "plug", {"plugin": {"demo": {"a": "b"}}}),
    made("Middleware", "basic", {"basicAuth": {"secret": "gone"}}),
    made("Middleware", "users", {"basicAuth": {"users": ["anna:pear"]}}),
    made("Middleware", "digest", {"digestAuth": {"secret": "gone"}}),
    made("Middleware", "asks", {"forwardAuth": {"address": "http://127.0.0.1:1/", "tls": {"caSecret": "gone"}}}),
    made("Middleware", "pages", {"errors": {"status": ["500"], "query": "/e", "service": GONE}}),
    made("Middleware", "pages-port", {"errors": {"status": ["500"], "query": "/e", "service": {**APP, "port": 81}}}),
    made("Middleware", "chain", {"chain": {"middlewares": [{"name": "gone"}]}}),
    made("Middleware", "loop", {"chain": {"middlewares": [{"name": "loop"}]}}),
    made("Middleware", "two", {"addPrefix": {"prefix": "/x"}, "stripPrefix": {"prefixes": ["/a"]}}),
    made("Middleware", "empty", {}),
    weighted("good", APP),
    weighted("bad", {**APP, "weight": 9}, {**GONE, "weight": 1}),
    weighted("nested", APP, {"name": "gone", "kind": "TraefikService"}),
    made("TraefikService", "mirror", {"mirroring": {**APP, "mirrors": [{**GONE, "percent": 50}]}}),
    made("TraefikService", "failover", {"failover": {"service": APP, "fallback": GONE}}),
    made("TraefikService", "hashed", {"highestRandomWeight": {"services": [APP, GONE]}}),
    made("ServersTransport", "transport", {"rootCAsSecrets": ["gone"]}),
]

#: What the one route of an IngressRoute names -> the status that Traefik answers, and the codes of the faults.
ROUTES: Sequence[tuple[str, Mapping[str, Any], int, list[Code]]] = [
    ("whole", {}, 200, []),
    ("name of the port", {"services": [{**APP, "port": "http"}]}, 200, []),
    ("text as port", {"services": [{**APP, "port": "80"}]}, 404, [Code.WRONG_PORT]),
    ("no port", {"services": [{"name": "app"}]}, 404, [Code.REQUIRED]),
    ("other port", {"services": [{**APP, "port": 81}]}, 404, [Code.WRONG_PORT]),
    ("missing Service", {"services": [GONE]}, 404, [Code.MISSING_REFERENCE]),
    ("second is missing", {"services": [APP, GONE]}, 404, [Code.MISSING_REFERENCE]),
    ("other namespace", {"services": [{**APP, "namespace": "other"}]}, 404, [Code.MISSING_REFERENCE]),
    ("external name", {"services": [{"name": "outside", "port": 80}]}, 404, [Code.NO_ROUTE]),
    ("no Service", {"services": []}, 404, [Code.REQUIRED]),
    ("scheme", {"services": [{**APP, "scheme": "ftp"}]}, 404, [Code.WRONG_VALUE]),
    ("kind of rule", {"kind": "Regel"}, 404, [Code.WRONG_VALUE]),
    ("Middleware", {"middlewares": [{"name": "add"}]}, 200, []),
    ("missing Middleware", {"middlewares": [{"name": "gone"}]}, 404, [Code.MISSING_REFERENCE]),
    ("second Middleware", {"middlewares": [{"name": "add"}, {"name": "gone"}]}, 404, [Code.MISSING_REFERENCE]),
    ("provider", {"middlewares": [{"name": "add@kubernetescrd"}]}, 404, [Code.MISSING_REFERENCE]),
    ("file", {"middlewares": [{"name": "add@file"}]}, 404, [Code.MISSING_REFERENCE]),
    ("its namespace", {"middlewares": [{"name": "add", "namespace": "other"}]}, 404, [Code.MISSING_REFERENCE]),
    ("of a Service", {"services": [{**APP, "middlewares": [{"name": "gone"}]}]}, 404, [Code.MISSING_REFERENCE]),
    ("plugin", {"middlewares": [{"name": "plug"}]}, 404, [Code.FIELD_NOT_IMPLEMENTED]),
    ("basic auth", {"middlewares": [{"name": "basic"}]}, 404, [Code.MISSING_REFERENCE]),
    ("no Secret", {"middlewares": [{"name": "users"}]}, 404, [Code.REQUIRED]),
    ("digest auth", {"middlewares": [{"name": "digest"}]}, 404, [Code.MISSING_REFERENCE]),
    ("forward auth", {"middlewares": [{"name": "asks"}]}, 404, [Code.MISSING_REFERENCE]),
    ("error pages", {"middlewares": [{"name": "pages"}]}, 404, [Code.MISSING_REFERENCE]),
    ("their port", {"middlewares": [{"name": "pages-port"}]}, 404, [Code.WRONG_PORT]),
    ("chain", {"middlewares": [{"name": "chain"}]}, 404, [Code.MISSING_REFERENCE]),
    ("circle", {"middlewares": [{"name": "loop"}]}, 404, [Code.CONFLICT]),
    ("two types", {"middlewares": [{"name": "two"}]}, 404, [Code.CONFLICT]),
    ("no type", {"middlewares": [{"name": "empty"}]}, 404, [Code.REQUIRED]),
    ("weights", {"services": [{"name": "good", "kind": "TraefikService"}]}, 200, []),
    ("missing weights", {"services": [{"name": "gone", "kind": "TraefikService"}]}, 404, [Code.MISSING_REFERENCE]),
    ("one weight", {"services": [{"name": "bad", "kind": "TraefikService"}]}, 404, [Code.MISSING_REFERENCE]),
    ("nested", {"services": [{"name": "nested", "kind": "TraefikService"}]}, 404, [Code.MISSING_REFERENCE]),
    ("mirror", {"services": [{"name": "mirror", "kind": "TraefikService"}]}, 404, [Code.MISSING_REFERENCE]),
    ("fallback", {"services": [{"name": "failover", "kind": "TraefikService"}]}, 404, [Code.MISSING_REFERENCE]),
    ("hashed", {"services": [{"name": "hashed", "kind": "TraefikService"}]}, 404, [Code.MISSING_REFERENCE]),
    ("its own", {"services": [{"name": "api@internal", "kind": "TraefikService"}]}, 404, [Code.MISSING_REFERENCE]),
    ("transport", {"services": [{**APP, "serversTransport": "gone"}]}, 404, [Code.MISSING_REFERENCE]),
    ("its file", {"services": [{**APP, "serversTransport": "gone@file"}]}, 404, [Code.MISSING_REFERENCE]),
    ("its Secret", {"services": [{**APP, "serversTransport": "transport"}]}, 200, []),
]

#: Annotations of an Ingress -> status, and codes of the faults.
INGRESSES: Sequence[tuple[Mapping[str, str], int, list[Code]]] = [
    ({}, 200, []),
    ({"router.middlewares": "NAMESPACE-add@kubernetescrd"}, 200, []),
    ({"router.middlewares": "NAMESPACE-gone@kubernetescrd"}, 404, [Code.MISSING_REFERENCE]),
    ({"router.middlewares": "NAMESPACE-add"}, 404, [Code.MISSING_REFERENCE]),
    ({"router.middlewares": "other-add@kubernetescrd"}, 404, [Code.MISSING_REFERENCE]),
    ({"router.middlewares": "add@kubernetescrd"}, 404, [Code.MISSING_REFERENCE]),
    ({"router.middlewares": "add@file"}, 404, [Code.MISSING_REFERENCE]),
    ({"router.middlewares": "NAMESPACE-chain@kubernetescrd"}, 404, [Code.MISSING_REFERENCE]),
    ({"router.tls": "true"}, 404, [Code.NO_ROUTE]),
    ({"router.tls.certresolver": "x"}, 404, [Code.NO_ROUTE]),
    ({"router.priority": "high"}, 404, [Code.WRONG_VALUE]),
    ({"router.priority": "10"}, 200, []),
]


def faults_of_route(route: Mapping[str, Any], surroundings: Surroundings, **spec: Any) -> list[RouteFault]:
    """Return the faults of a request that the route of an IngressRoute takes."""
    whole = {"kind": "Rule", "match": "PathPrefix(`/`)", "services": [APP], **route}
    manifests = [*OBJECTS, made("IngressRoute", "r", {"routes": [whole], **spec})]
    return faults_on_the_way(manifests, RoutedRequest("/a"), surroundings)


def faults_of_ingress(annotations: Mapping[str, str], surroundings: Surroundings = HERE) -> list[RouteFault]:
    """Return the faults of a request that an Ingress takes."""
    marked = {f"{PREFIX}{name}": value for name, value in annotations.items()}
    ingress = made("Ingress", "i", {}, "networking.k8s.io/v1", annotations=marked)
    return faults_on_the_way([*OBJECTS, ingress], RoutedRequest("/a", ingress=ingress, service="app"), surroundings)


@pytest.mark.parametrize(("route", "status", "codes"), [row[1:] for row in ROUTES], ids=[row[0] for row in ROUTES])
def test_a_route_has_a_fault_if_traefik_answers_an_error(
    route: Mapping[str, Any], status: int, codes: list[Code]
) -> None:
    """Each fault names a field that the object has."""
    found = faults_of_route(route, HERE)

    assert [each.code for each in found] == codes
    assert bool(found) == (status != 200)
    for fault in found:
        value: Any = fault.manifest
        for part in fault.path:
            value = value[part]


@pytest.mark.parametrize(("annotations", "status", "codes"), INGRESSES)
def test_an_ingress_has_a_fault_if_traefik_answers_an_error(
    annotations: Mapping[str, str], status: int, codes: list[Code]
) -> None:
    """By its annotations, which only Traefik's own provider reads."""
    found = faults_of_ingress(annotations)

    assert [each.code for each in found] == codes
    assert bool(found) == (status != 200)
    assert faults_of_ingress(annotations, Surroundings("traefik-nginx")) == []
    assert faults_of_ingress(annotations, Surroundings("ingress-nginx")) == []


@pytest.mark.parametrize(
    ("annotation", "value", "codes"),
    [
        ("serverstransport", "NAMESPACE-gone@kubernetescrd", [Code.MISSING_REFERENCE]),
        ("serverstransport", "NAMESPACE-transport@kubernetescrd", []),
        ("serversscheme", "ftp", [Code.WRONG_VALUE]),
        ("serversscheme", "h2c", []),
    ],
)
def test_the_annotations_of_a_service_count_behind_an_ingress(annotation: str, value: str, codes: list[Code]) -> None:
    """Traefik answered 404 without the transport, and 500 with a scheme that it does not have."""
    service = made(
        "Service", "s", {"ports": [{"port": 80}]}, "v1", annotations={f"{PREFIX}service.{annotation}": value}
    )
    ingress = made("Ingress", "i", {}, "networking.k8s.io/v1")
    found = faults_on_the_way([*OBJECTS, service], RoutedRequest("/", ingress=ingress, service="s"), HERE)

    assert [each.code for each in found] == codes


@pytest.mark.parametrize(
    "route",
    [
        {"middlewares": [{"name": "add@file"}]},
        {"middlewares": [{"name": "add", "namespace": "other"}]},
        {"middlewares": [{"name": "plug"}]},
        {"middlewares": [{"name": "basic"}]},
        {"services": [{**APP, "namespace": "other"}]},
        {"services": [{**APP, "serversTransport": "gone@file"}]},
        {"services": [{"name": "api@internal", "kind": "TraefikService"}]},
    ],
)
def test_the_settings_of_a_users_own_traefik_are_unknown(route: Mapping[str, Any]) -> None:
    """It may have plugins, other providers, other namespaces and Secrets."""
    assert faults_of_route(route, HERE)
    assert faults_of_route(route, ELSEWHERE) == []


@pytest.mark.parametrize(
    ("tls", "here", "elsewhere"),
    [
        ({"secretName": "x"}, [Code.NO_ROUTE], []),
        ({"options": {"name": "gone"}}, [Code.NO_ROUTE], [Code.MISSING_REFERENCE]),
    ],
)
def test_a_route_for_https_serves_no_http(tls: Mapping[str, Any], here: list[Code], elsewhere: list[Code]) -> None:
    """Traefik has no entry point for HTTPS on clusters of the harness."""
    assert [each.code for each in faults_of_route({}, HERE, tls=tls)] == here
    assert [each.code for each in faults_of_route({}, ELSEWHERE, tls=tls)] == elsewhere


def test_only_the_route_that_takes_the_request_counts() -> None:
    """Traefik drops a faulty route alone, and serves the others of the same object."""
    routes = [
        {"match": "Path(`/other`)", "services": [GONE]},
        {"match": "PathPrefix(`/a`)", "services": [APP]},
        {"match": "PathPrefix(`/`)", "services": [GONE]},
    ]
    manifests = [*OBJECTS, made("IngressRoute", "r", {"routes": routes})]

    assert faults_on_the_way(manifests, RoutedRequest("/a"), HERE) == []
    assert len(faults_on_the_way(manifests, RoutedRequest("/b"), HERE)) == 1


def test_a_rule_that_cannot_be_read_counts_if_no_other_takes_the_request() -> None:
    """It may take it; an Ingress that does is preferred."""
    rule = {"match": "HostRegexp(`.+`)", "services": [GONE]}
    manifests = [*OBJECTS, made("IngressRoute", "r", {"routes": [rule]})]
    ingress = made("Ingress", "i", {}, "networking.k8s.io/v1")

    assert len(faults_on_the_way(manifests, RoutedRequest("/a"), HERE)) == 1
    assert faults_on_the_way(manifests, RoutedRequest("/a", ingress=ingress, service="app"), HERE) == []


@pytest.mark.parametrize(
    ("written", "workload", "applied"),
    [
        ("shop-add@kubernetescrd", "shop", "t-1-add@kubernetescrd"),
        ("shop-add@kubernetescrd, shop-gone@kubernetescrd", "shop", "t-1-add@kubernetescrd,t-1-gone@kubernetescrd"),
        ("other-add@kubernetescrd", "shop", "other-add@kubernetescrd"),
        ("any-add@kubernetescrd", "", "t-1-add@kubernetescrd"),
        ("any-gone@kubernetescrd", "", "any-gone@kubernetescrd"),
        ("a-pages-port@kubernetescrd", "", "t-1-pages-port@kubernetescrd"),
        ("NAMESPACE-add@kubernetescrd", "", "t-1-add@kubernetescrd"),
        ("add@file", "shop", "add@file"),
    ],
)
def test_a_reference_to_the_own_namespace_follows_the_trial(written: str, workload: str, applied: str) -> None:
    """Each trial has another namespace; a reference to any other one stays."""
    annotations = {f"{PREFIX}router.middlewares": written}
    ingress = made("Ingress", "i", {}, "networking.k8s.io/v1", annotations=annotations)
    placed = in_namespace(without_own_namespace(ingress, workload, OBJECTS), "t-1")

    assert placed["metadata"]["annotations"][f"{PREFIX}router.middlewares"] == applied


def test_a_reference_with_the_own_namespace_loses_it() -> None:
    """The namespace of an object of Traefik's own kinds is that of the trial; another one stays."""
    names = [{"name": "add", "namespace": "shop"}, {"name": "add", "namespace": "other"}]
    route = made("IngressRoute", "r", {"routes": [{"match": "PathPrefix(`/`)", "middlewares": names}]})

    found = without_own_namespace(route, "shop", [])["spec"]["routes"][0]["middlewares"]

    assert found == [{"name": "add"}, {"name": "add", "namespace": "other"}]
