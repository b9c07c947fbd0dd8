"""A share of a rule's requests by Traefik: a weighted TraefikService, and an IngressRoute before the Ingress."""

from __future__ import annotations

import re
from typing import Any

from harness.changes.base import Made
from harness.changes.creation import create_with_undo
from harness.changes.splitting import Rule, Splitting, Way, patched
from harness.kube.traefik import GROUP_VERSION

#: Above every rule that Traefik makes of an Ingress: their priority is their length.
PRIORITY = 100_000


def match(way: Way, rule: Rule) -> str:
    """Traefik's rule for the requests that are split, said as it says it of the Ingress."""
    path = str(way.path.get("path") or "/")
    kind = way.path.get("pathType")
    if kind == "Exact":
        parts = [f"Path(`{path}`)"]
    elif kind == "Prefix" and path != "/":
        bare = path.rstrip("/")
        parts = [f"(Path(`{bare}`) || PathPrefix(`{bare}/`))"]
    else:
        parts = [f"PathPrefix(`{path}`)"]
    if way.host.startswith("*."):
        parts.insert(0, f"HostRegexp(`^[^.]+{re.escape(way.host[1:])}$`)")
    elif way.host:
        parts.insert(0, f"Host(`{way.host}`)")
    if rule.by == "header":
        parts.append(f"Header(`{rule.key}`, `{rule.value}`)")
    elif rule.by == "cookie":
        pair = f"{re.escape(rule.key)}={re.escape(rule.value)}"
        parts.append(f"HeaderRegexp(`Cookie`, `(^|;\\s*){pair}(;|$)`)")
    return " && ".join(parts)


class WeightedRoute(Splitting):
    """See ``Splitting``."""

    @property
    def name(self) -> str:
        """Of both objects."""
        return f"{self.way.ingress}-canary"

    def _begin(self, rule: Rule) -> Made:
        way, number = self.way, self.course.number
        if rule.by == "weight":
            self.keep(create_with_undo(self.stage, self._object("TraefikService", self._weighted(rule)), number))
            service: dict[str, Any] = {"name": self.name, "kind": "TraefikService"}
        else:
            service = {"name": way.candidate, "port": _port(way)}
        route = {"match": match(way, rule), "kind": "Rule", "priority": PRIORITY, "services": [service]}
        return self.keep(create_with_undo(self.stage, self._object("IngressRoute", {"routes": [route]}), number))

    def _alter(self, rule: Rule) -> Made:
        patch = {"spec": self._weighted(rule)}
        return patched(self.stage, "TraefikService", self.name, patch, self.course.number)

    def _object(self, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": {"name": self.name}, "spec": spec}

    def _weighted(self, rule: Rule) -> dict[str, Any]:
        shares = ((self.way.service, 100 - rule.weight), (self.way.candidate, rule.weight))
        services = [{"name": name, "port": _port(self.way), "weight": weight} for name, weight in shares]
        sticky = {"sticky": {"cookie": {"name": rule.sticky}}} if rule.sticky else {}
        return {"weighted": {"services": services, **sticky}}


def _port(way: Way) -> int | str:
    port: int | str = way.port.get("number") or way.port["name"]
    return port
