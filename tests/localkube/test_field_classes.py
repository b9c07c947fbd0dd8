"""Every field and annotation has exactly one class. The tables are compared with the API's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.kube import schema
from harness.kube.fieldclasses import Decisive, FieldClass, Fields, Site, table_problems
from harness.localkube.field_page import page
from harness.localkube.fields import CLASSIFIER, TABLES
from harness.localkube.ingress import annotation_classes as nginx
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import RULES
from harness.localkube.traefik import annotation_classes as traefik
from harness.model.experiment import Manifest

ROOT = Path(__file__).parents[2]
INGRESS: Manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": {}}

#: Every annotation of ingress-nginx v1.11, without the prefix, as its documentation lists them.
_OF_NGINX = """
affinity affinity-canary-behavior affinity-mode allowlist-source-range app-root auth-always-set-cookie
auth-cache-duration auth-cache-key auth-keepalive auth-keepalive-requests auth-keepalive-share-vars
auth-keepalive-timeout auth-method auth-proxy-set-headers auth-realm auth-request-redirect auth-response-headers
auth-secret auth-secret-type auth-signin auth-signin-redirect-param auth-snippet auth-tls-error-page
auth-tls-match-cn auth-tls-pass-certificate-to-upstream auth-tls-secret auth-tls-verify-client auth-tls-verify-depth
auth-type auth-url backend-protocol canary canary-by-cookie canary-by-header canary-by-header-pattern
canary-by-header-value canary-weight canary-weight-total client-body-buffer-size configuration-snippet
connection-proxy-header cors-allow-credentials cors-allow-headers cors-allow-methods cors-allow-origin
cors-expose-headers cors-max-age custom-headers custom-http-errors default-backend denylist-source-range
disable-proxy-intercept-errors enable-access-log enable-cors enable-global-auth enable-modsecurity
enable-opentelemetry enable-owasp-core-rules enable-rewrite-log fastcgi-index fastcgi-params-configmap
force-ssl-redirect from-to-www-redirect http2-push-preload limit-allowlist limit-burst-multiplier limit-connections
limit-rate limit-rate-after limit-rpm limit-rps limit-whitelist load-balance mirror-host mirror-request-body
mirror-target modsecurity-snippet modsecurity-transaction-id opentelemetry-operation-name
opentelemetry-trust-incoming-span permanent-redirect permanent-redirect-code preserve-trailing-slash proxy-body-size
proxy-buffer-size proxy-buffering proxy-buffers-number proxy-connect-timeout proxy-cookie-domain proxy-cookie-path
proxy-http-version proxy-max-temp-file-size proxy-next-upstream proxy-next-upstream-timeout
proxy-next-upstream-tries proxy-read-timeout proxy-redirect-from proxy-redirect-to proxy-request-buffering
proxy-send-timeout proxy-ssl-ciphers proxy-ssl-name proxy-ssl-protocols proxy-ssl-secret proxy-ssl-server-name
proxy-ssl-verify proxy-ssl-verify-depth rewrite-target satisfy server-alias server-snippet service-upstream
session-cookie-change-on-failure session-cookie-conditional-samesite-none session-cookie-domain
session-cookie-expires session-cookie-max-age session-cookie-name session-cookie-path session-cookie-samesite
session-cookie-secure ssl-ciphers ssl-passthrough ssl-prefer-server-ciphers ssl-redirect stream-snippet
temporal-redirect upstream-hash-by upstream-hash-by-subset upstream-hash-by-subset-size upstream-vhost
use-port-in-redirects use-regex whitelist-source-range x-forwarded-prefix
"""
OF_NGINX = frozenset(_OF_NGINX.split())


def problems(tables: Mapping[str, Fields] = TABLES) -> list[str]:
    """Compare tables with the schema of every kind that ``validate`` accepts."""
    return table_problems(tables, schema.KINDS.values(), schema.field_models)


def site(value: str, ingress: str = "ingress-nginx") -> Site:
    """Return the site of an annotation of an Ingress."""
    return Site(value, (INGRESS,), ingress, (INGRESS,))


def test_every_field_of_every_kind_has_exactly_one_class() -> None:
    """The check covers each kind and all models that are implemented in part."""
    assert problems() == []


@pytest.mark.parametrize(
    ("model", "name"),
    [("V1PodSpec", "schedulingGates"), ("V1Container", "image"), ("V1ServiceSpec", "sessionAffinity")],
)
def test_a_missing_row_is_found(model: str, name: str) -> None:
    """Without its row, a field would be ignored silently."""
    table = TABLES[model]
    spoilt = Fields(
        implemented={field: row for field, row in table.implemented.items() if field != name},
        inert={field: row for field, row in table.inert.items() if field != name},
        decisive={field: row for field, row in table.decisive.items() if field != name},
    )

    assert problems({**TABLES, model: spoilt}) == [f"{model}.{name} is in no class"]


def test_a_duplicate_row_is_found() -> None:
    """A field in two classes would have the class that is checked first."""
    table = TABLES["V1PodSpec"]
    spoilt = replace(table, inert={**table.inert, "volumes": "no reason"})

    assert problems({**TABLES, "V1PodSpec": spoilt}) == [
        "V1PodSpec.volumes is in inert and in decisive but not implemented"
    ]


def test_a_row_for_an_unknown_field_is_found() -> None:
    """A misspelt row is reported, because it classifies no field."""
    table = TABLES["V1PodSpec"]
    spoilt = replace(table, decisive={**table.decisive, "volume": Decisive("waits")})

    assert problems({**TABLES, "V1PodSpec": spoilt}) == ["V1PodSpec.volume is not in the schema"]


def test_a_kind_without_a_table_is_found() -> None:
    """A new kind needs a table for its fields."""
    spoilt = {model: table for model, table in TABLES.items() if model != "V1Secret"}

    assert problems(spoilt) == ["V1Secret has no table"]


def test_every_annotation_of_ingress_nginx_has_exactly_one_class() -> None:
    """The tables of parsed annotations are the implemented class."""
    tables = [set(RULES), set(nginx.DECISIVE), set(nginx.INERT), set(nginx.ALIASES)]

    assert OF_NGINX - nginx.names() == set()
    assert sum(map(len, tables)) == len(nginx.names())


def test_every_annotation_of_traefik_has_exactly_one_class() -> None:
    """No annotation is listed twice for a kind."""
    for kind in traefik.IMPLEMENTED:
        names = traefik.names(kind)
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("kind", "name", "value", "found"),
    [
        ("Ingress", "router.middlewares", "default-strip@kubernetescrd", FieldClass.IMPLEMENTED),
        ("Ingress", "router.tls.domains.0.main", "shop.example", FieldClass.IMPLEMENTED),
        ("Ingress", "router.middleware", "default-strip@kubernetescrd", FieldClass.UNKNOWN),
        ("Ingress", "service.serversscheme", "https", FieldClass.UNKNOWN),
        ("Service", "service.serversscheme", "https", FieldClass.IMPLEMENTED),
        ("Service", "service.sticky.cookie.httpOnly", "true", FieldClass.IMPLEMENTED),
        ("Service", "service.nativelb", "true", FieldClass.DECISIVE),
        ("Service", "service.nativelb", "false", FieldClass.INERT),
    ],
)
def test_annotations_of_traefik_take_effect_with_traefik(kind: str, name: str, value: str, found: FieldClass) -> None:
    """The real Traefik reads them; with ingress-nginx they are inert."""
    full = traefik.PREFIX + name

    assert traefik.class_of(full, site(value, "traefik"), kind)[0] is found
    assert traefik.class_of(full, site(value), kind)[0] is FieldClass.INERT


@pytest.mark.parametrize(
    ("spec", "served"),
    [
        ({"ingressClassName": "nginx"}, True),
        ({}, True),
        ({"ingressClassName": "internal"}, False),
    ],
)
def test_annotations_of_another_ingress_class_are_ignored(spec: dict[str, str], served: bool) -> None:
    """The controller does not serve an Ingress of another class, unless an IngressClass names the controller."""
    name = f"{PREFIX}auth-url"
    ingress = {**INGRESS, "spec": spec, "metadata": {"name": "web", "annotations": {name: "https://new.example"}}}
    own = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "internal"},
        "spec": {"controller": "k8s.io/ingress-nginx"},
    }

    assert bool(CLASSIFIER.refused(ingress, "ingress-nginx", [ingress])) is served
    assert CLASSIFIER.refused(ingress, "ingress-nginx", [ingress, own])
    assert not CLASSIFIER.refused(ingress, "none", [ingress])


def test_values_of_wrong_types_do_not_fail_the_classification() -> None:
    """Another check reports values of wrong types."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": ["a"]},
        "spec": {"template": {"spec": {"containers": "web", "volumes": "none", "affinity": 3, "nodeSelector": []}}},
    }

    assert {each.field for each in CLASSIFIER.refused(deployment, "ingress-nginx")} == {
        "spec.template.spec.volumes",
    }


def test_the_page_is_current() -> None:
    """``python -m harness.localkube.field_page > docs/reference/fields.md`` writes it again."""
    assert (ROOT / "docs" / "reference" / "fields.md").read_text(encoding="utf-8") == page()


def test_the_page_has_every_row() -> None:
    """The page contains every table and every annotation."""
    text = page()

    assert [name for name in nginx.names() if f"| `{name}` |" not in text] == []
    fields = {
        name
        for model, table in TABLES.items()
        if not model.startswith("Traefik")
        for name in (*table.implemented, *table.inert, *table.decisive)
    }
    assert [name for name in fields if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize(
    ("kind", "spec", "refused"),
    [
        (
            "IngressRoute",
            {"routes": [{"services": [{"name": "a", "nativeLB": True}]}]},
            ["spec.routes.services.nativeLB"],
        ),
        ("IngressRoute", {"routes": [{"services": [{"name": "a", "nativeLB": False}]}]}, []),
        ("TraefikService", {"weighted": {"services": [{"nodePortLB": True}]}}, ["spec.weighted.services.nodePortLB"]),
        ("TraefikService", {"mirroring": {"mirrors": [{"nativeLB": True}]}}, ["spec.mirroring.mirrors.nativeLB"]),
        ("Middleware", {"forwardAuth": {"address": "http://auth:80/"}}, ["spec.forwardAuth"]),
        ("Middleware", {"forwardAuth": {"address": "http://auth.default.svc/"}}, ["spec.forwardAuth"]),
        ("Middleware", {"forwardAuth": {"address": "http://auth.shop/"}}, ["spec.forwardAuth"]),
        ("Middleware", {"forwardAuth": {"address": "http://login.example/"}}, []),
        ("Middleware", {"forwardAuth": {"address": "http://127.0.0.1:8080/"}}, []),
        ("Middleware", {"addPrefix": {"prefix": "/x"}}, []),
    ],
)
def test_addresses_and_names_of_services_lead_nowhere_here(kind: str, spec: dict[str, Any], refused: list[str]) -> None:
    """The real Traefik waits at the address of a Service until its timeout, and finds no name of one."""
    manifest = {"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "auth"}}

    assert [each.field for each in CLASSIFIER.refused(manifest, "traefik", [service])] == refused


@pytest.mark.parametrize(("address", "refused"), [("10.1.2.3", ["endpoints.addresses"]), ("127.4.0.9", [])])
def test_only_pods_of_this_cluster_stand_behind_an_endpoint_slice(address: str, refused: list[str]) -> None:
    """A server of the user is elsewhere, and traffic stays on this machine."""
    made: Manifest = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"port": 80}],
    }

    assert [each.field for each in CLASSIFIER.refused(made, "ingress-nginx")] == refused
