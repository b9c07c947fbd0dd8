"""Routing rules of Traefik: IngressRoutes, which can match headers, and weighted TraefikServices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.controllers.base import Headers
from harness.controllers.headers import lowered
from harness.model.experiment import Manifest

_MATCHER = re.compile(r"\s*(\w+)\(([^()]*)\)\s*")
_TEXT = re.compile(r"`([^`]*)`|\"([^\"]*)\"")


def taken_by_route(manifests: Iterable[Manifest], path: str, host: str, headers: Headers) -> str | None:
    """Return the Service to which an IngressRoute routes a request; None if none matches."""
    routes = _routes(manifests)
    routes.sort(key=precedence, reverse=True)
    for route in routes:
        if rule_takes(str(route.get("match") or ""), path, host, headers):
            services = route.get("services") or [{}]
            return _behind(services[0], manifests)
    return None


def has_unread_rules(manifests: Iterable[Manifest]) -> bool:
    """Return True if an IngressRoute has a rule that the harness can't evaluate. It may then take any request."""
    return not all(can_read(str(route.get("match") or "")) for route in _routes(manifests))


def can_read(rule: str) -> bool:
    """Return True if the harness can evaluate a rule."""
    return _alternatives(rule) is not None


def precedence(route: Mapping[str, Any]) -> int:
    """Return the priority of a route: the highest takes a request that several match."""
    return int(route.get("priority") or len(str(route.get("match"))))


def requests_of_routes(manifests: Iterable[Manifest]) -> list[tuple[str, str]]:
    """Return a path and a host that each rule of an IngressRoute takes; none for a rule that needs a header."""
    found = []
    for route in _routes(manifests):
        for terms in _alternatives(str(route.get("match") or "")) or ():
            texts = {name: values[0] for name, values in terms if values}
            if "Header" not in texts:
                found.append((texts.get("Path") or texts.get("PathPrefix") or "/", texts.get("Host", "")))
    return found


def _routes(manifests: Iterable[Manifest]) -> list[Mapping[str, Any]]:
    """Return the routes of all IngressRoutes."""
    return [
        route
        for manifest in manifests
        if manifest.get("kind") == "IngressRoute"
        for route in (manifest.get("spec") or {}).get("routes") or ()
    ]


def rule_takes(rule: str, path: str, host: str, headers: Headers) -> bool:
    """Return True if a rule of Traefik matches a request. A rule that can't be evaluated matches none."""
    path, given = path.partition("?")[0], lowered(headers)
    alternatives = _alternatives(rule) or []
    return any(all(_meets(name, texts, path, host, given) for name, texts in terms) for terms in alternatives)


def _alternatives(rule: str) -> list[list[tuple[str, list[str]]]] | None:
    """Return ``A(`x`) && B(`y`) || C(`z`)`` as lists of matchers; None if the rule has another form."""
    found = []
    for alternative in rule.split("||"):
        terms = []
        for term in alternative.split("&&"):
            match = _MATCHER.fullmatch(term)
            if match is None or match[1] not in _KNOWN:
                return None
            terms.append((match[1], [a or b for a, b in _TEXT.findall(match[2])]))
        found.append(terms)
    return found


_KNOWN = frozenset({"Host", "Path", "PathPrefix", "Header"})


def _meets(name: str, texts: list[str], path: str, host: str, given: Mapping[str, str]) -> bool:
    if name == "Host":
        return host.partition(":")[0].lower() in [text.lower() for text in texts]
    if name == "Path":
        return path in texts
    if name == "PathPrefix":
        return any(path.startswith(text) for text in texts)
    return len(texts) == 2 and given.get(texts[0].lower()) == texts[1]


def _behind(
    service: Mapping[str, Any], manifests: Iterable[Manifest], passed: frozenset[str] = frozenset()
) -> str | None:
    """Return the name of the Service that a reference leads to; None if it leads to none.

    A weighted TraefikService leads to its first Service, which is the old version by convention. One with mirrors or a
    fallback leads to the Service that answers if all is well. They may be nested.
    """
    name = str(service.get("name") or "")
    if service.get("kind") != "TraefikService":
        return name or None
    if name in passed:
        return None  # Traefik refuses a TraefikService that leads back to itself.
    for manifest in manifests:
        if manifest.get("kind") == "TraefikService" and (manifest.get("metadata") or {}).get("name") == name:
            inner = _first(manifest.get("spec") or {})
            return _behind(inner, manifests, passed | {name}) if inner else None
    return None


def _first(spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the reference to the first Service of a TraefikService; None if it has none."""
    for shared in (spec.get("weighted"), spec.get("highestRandomWeight")):
        if isinstance(shared, Mapping) and (services := shared.get("services")):
            return services[0] if isinstance(services[0], Mapping) else None
    failover = spec.get("failover")
    main = spec.get("mirroring") or (failover.get("service") if isinstance(failover, Mapping) else None)
    return main if isinstance(main, Mapping) else None
