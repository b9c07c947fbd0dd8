"""Canaries and A/B tests: the rule that is split must be there, and both Services must be able to take its requests."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from harness.experiment.naming import Ground
from harness.experiment.objects import at
from harness.experiment.problems import listed, near
from harness.experiment.telling import check_answer, check_leads_to, check_told_apart
from harness.kit.located_yaml import Place
from harness.model.changes import AbTest, Canary

#: The only value by which ingress-nginx's canary cookie sends a request to the candidate.
ALWAYS = "always"


def check_canary(spec: Canary, place: Place, ground: Ground) -> None:
    """The rule, the Services, the route, the steps."""
    routes = ground.routes([spec.route], (*place, "route"))
    check_told_apart(routes, spec.answer, place, ground)
    check_leads_to([spec.service], routes, (*place, "route"), ground)
    _check_split(spec, spec.canary, "canary", place, ground)
    behind = ground.objects.deployments_with(ground.objects.selector(spec.canary))
    retired = spec.retire.deployment if spec.retire else ""
    if retired and ground.has("Deployment", retired, (*place, "retire")) and retired in behind:
        ground.problems.add((*place, "retire"), f"Deployment {retired} is the new version")
    weights = [step.weight for step in spec.steps]
    for index, (before, weight) in enumerate(pairwise(weights), 1):
        if weight == before:
            ground.problems.add((*place, "steps", index), f"this step is {weight}% as the one before: nothing changes")


def check_ab_test(spec: AbTest, place: Place, ground: Ground) -> None:
    """The rule, the Services, the routes of both, and that the requests of B say so."""
    a, b = ground.routes(spec.a, (*place, "a")), ground.routes(spec.b, (*place, "b"))
    check_told_apart([*a, *b], spec.answer, place, ground)
    check_leads_to([spec.service], a, (*place, "a"), ground)
    check_leads_to([spec.service], b, (*place, "b"), ground)
    _check_split(spec, spec.candidate, "candidate", place, ground)
    add = ground.problems.add
    for key in set(spec.a) & set(spec.b):
        add((*place, "b"), f"{key} can't be for both: name its two routes")
    if spec.sticky and spec.by != "weight":
        add((*place, "sticky"), f"sticky is about weights; the {spec.by} decides each request by itself")
    if spec.sticky and not any(route.cookie == spec.sticky and route.sessions for route in a):
        hint = f"give a route of a its sessions: {{cookie: {spec.sticky}, sessions: 20}}"
        add((*place, "sticky"), f"no route of a sends the cookie {spec.sticky} back", hint)
    if spec.by == "weight":
        if spec.b:
            add((*place, "b"), "with a weight either may answer each request: all routes belong under a")
        return
    if not spec.b:
        add(place, f"b is required: the routes whose requests have the {spec.by} {spec.key}")
    if spec.by == "cookie" and spec.value != ALWAYS and ground.ingress != "traefik":
        hint = f"write cookie: {{{spec.key}: {ALWAYS}}}, which every controller understands"
        add((*place, "cookie"), f"ingress-nginx knows a canary's cookie by the value {ALWAYS} alone", hint)
    for route in (*a, *b):
        says = _says(dict(route.headers), spec)
        if says != (route.key in spec.b):
            wants = "has not" if route.key in spec.b else "has"
            add((*place, "b" if route.key in spec.b else "a"), f"{route.key} {wants} the {spec.by} that means B")


def _says(headers: Mapping[str, str], spec: AbTest) -> bool:
    """Whether requests with these headers are B's."""
    lower = {name.lower(): value for name, value in headers.items()}
    if spec.by == "header":
        return lower.get(spec.key.lower()) == spec.value
    pairs = [pair.strip() for pair in lower.get("cookie", "").split(";")]
    return f"{spec.key}={spec.value}" in pairs


def _check_split(spec: Canary | AbTest, other: str, field: str, place: Place, ground: Ground) -> None:
    objects, add = ground.objects, ground.problems.add
    has_both = [ground.has("Service", spec.service, (*place, "service")), ground.has("Service", other, (*place, field))]
    if spec.service == other:
        add((*place, field), f"{other} is the Service that the rule names already: nothing would be split")
    if not ground.has("Ingress", spec.ingress, (*place, "ingress")):
        return
    paths = _paths(objects.find("Ingress", spec.ingress))
    found = [entry for entry in paths if entry.get("path") == spec.path]
    if not found:
        there = [str(entry.get("path")) for entry in paths]
        message = f"Ingress {spec.ingress} has no rule with the path {spec.path}; it has {listed(there)}"
        add((*place, "path"), message, near(spec.path, there))
    elif not any(at(entry, "backend", "service", "name") == spec.service for entry in found):
        named = listed(str(at(entry, "backend", "service", "name")) for entry in found)
        add((*place, "service"), f"the rule {spec.path} of Ingress {spec.ingress} names {named}, not {spec.service}")
    elif all(has_both):
        _check_ports(found, other, (*place, field), ground)
        _check_beside(other, (*place, field), ground)
        behind = objects.deployments_with(objects.selector(other))
        check_answer(spec.answer, behind, (*place, "answer"), ground)


def _check_ports(entries: list[Mapping[str, Any]], other: str, place: Place, ground: Ground) -> None:
    """The rule's port is asked of both Services."""
    port = at(entries[0], "backend", "service", "port") or {}
    ports = at(ground.objects.find("Service", other), "spec", "ports") or []
    if not any(one.get("port") == port.get("number") or one.get("name", "") == port.get("name") for one in ports):
        wanted = port.get("number") or port.get("name")
        ground.problems.add(place, f"Service {other} has no port {wanted}, which the rule asks for")


def _check_beside(other: str, place: Place, ground: Ground) -> None:
    """ingress-nginx gives no share to a Service that some rule names: there is one upstream for both."""
    if ground.ingress == "traefik":
        return
    for ingress in (m for m in ground.objects.manifests if m.get("kind") == "Ingress"):
        annotations = at(ingress, "metadata", "annotations") or {}
        if annotations.get("nginx.ingress.kubernetes.io/canary") == "true":
            continue
        for entry in _paths(ingress):
            if at(entry, "backend", "service", "name") == other:
                message = f"the rule {entry.get('path')} names {other} as well, and ingress-nginx gives no share to it"
                ground.problems.add(place, message, hint="a second Service with the same selector will do")


def _paths(ingress: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [entry for rule in at(ingress, "spec", "rules") or [] for entry in at(rule, "http", "paths") or []]
