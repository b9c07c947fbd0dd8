"""Manifests of Traefik's custom kinds are checked."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kube.custom.traefik import PLURALS
from harness.kube.kinds import KNOWN_KINDS
from harness.kube.schema import missing_fields, unknown_fields


def route(**fields: Any) -> dict[str, Any]:
    """Return an IngressRoute with one route."""
    match = "PathPrefix(`/apple`)"
    own = {"match": match, "kind": "Rule", "priority": 9, "services": [{"name": "apple", "port": 80, "weight": 3}]}
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "apple"},
        "spec": {"entryPoints": ["web"], "routes": [own | fields]},
    }


def service(**weighted: Any) -> dict[str, Any]:
    """Return a TraefikService that splits requests."""
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "TraefikService",
        "metadata": {"name": "split"},
        "spec": {"weighted": {"services": [{"name": "apple", "port": "web", "weight": 1}], **weighted}},
    }


def test_valid_manifests_are_accepted() -> None:
    """Routes, weights, cookies and middlewares are as in Traefik's documentation."""
    middleware = {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "Middleware",
        "metadata": {"name": "strip"},
        "spec": {"stripPrefix": {"prefixes": ["/apple"]}},
    }
    sticky = service(sticky={"cookie": {"name": "lane", "httpOnly": True}})

    for manifest in (route(), route(middlewares=[{"name": "strip"}]), service(), sticky, middleware):
        assert (unknown_fields(manifest), missing_fields(manifest)) == ([], [])


@pytest.mark.parametrize(
    ("manifest", "path", "message"),
    [
        (route(prioriti=1), "spec.routes[0].prioriti", 'did you mean "priority"?'),
        (route(priority="9"), "spec.routes[0].priority", "expected integer, got string"),
        (route(services=[{"name": "apple", "wait": 1}]), "spec.routes[0].services[0].wait", "unknown field"),
        (service(sticky={"cookies": {}}), "spec.weighted.sticky.cookies", 'did you mean "cookie"?'),
        ({**service(), "spec": {"weigted": {}}}, "spec.weigted", 'did you mean "weighted"?'),
    ],
)
def test_an_unknown_field_is_found(manifest: dict[str, Any], path: str, message: str) -> None:
    """A misspelt field would be dropped silently, and a route or weight with it."""
    [(where, text)] = unknown_fields(manifest)

    assert (where, message in text) == (path, True)


def test_missing_fields_are_found() -> None:
    """A route without a rule, and a reference without a name, are reported."""
    manifest = route(services=[{"port": 80}])
    del manifest["spec"]["routes"][0]["match"]

    assert {violation.message for violation in missing_fields(manifest)} == {
        '"spec.routes[0].match" is required',
        '"spec.routes[0].services[0].name" is required',
    }


def test_every_kind_of_traefik_has_a_path() -> None:
    """Traefik starts only when it can list all its kinds."""
    places = {kind: KNOWN_KINDS[kind].path("fruit", "x") for kind in PLURALS}

    assert len(places) == 10
    assert places["IngressRoute"] == "/apis/traefik.io/v1alpha1/namespaces/fruit/ingressroutes/x"
