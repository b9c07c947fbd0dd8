"""Questions about the manifests of a configuration: objects, routes, the pods behind a Service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.controllers.base import Headers
from harness.controllers.registry import aliases_of, has_regex_paths, is_share, share_takes, taken_by_own_kinds
from harness.kube.manifests import name_of
from harness.kube.nested import at
from harness.model.experiment import Manifest


class WorkloadObjects:
    """The manifests of one configuration.

    Args:
        manifests: The objects.
        entry: Name of the Service that gets all traffic; empty if traffic enters by the ingress.
    """

    def __init__(self, manifests: Sequence[Manifest], entry: str = "") -> None:
        self.manifests = tuple(manifests)
        self.entry = entry

    def names(self, kind: str) -> list[str]:
        """Return the names of all objects of a kind."""
        return [name_of(manifest) for manifest in self.manifests if manifest.get("kind") == kind]

    def find(self, kind: str, name: str) -> Manifest | None:
        """Return the object of a kind and name; None if there is none."""
        return next((m for m in self.manifests if m.get("kind") == kind and name_of(m) == name), None)

    def containers(self, name: str, kind: str = "Deployment") -> list[Mapping[str, Any]]:
        """Return the containers of the pods of a Deployment, or of another kind of object."""
        return list(at(self.find(kind, name), "spec", "template", "spec", "containers") or [])

    def replicas(self, name: str, kind: str = "Deployment") -> int:
        """Return the number of pods that a Deployment asks for, or a StatefulSet; 1 for a DaemonSet."""
        count = at(self.find(kind, name), "spec", "replicas")
        return 1 if count is None else int(count)

    def deployments_with(self, selector: Mapping[str, str]) -> list[str]:
        """Return the Deployments whose pods have all of these labels."""
        return self.named(selector, "Deployment")

    def named(self, selector: Mapping[str, str], kind: str) -> list[str]:
        """Return the names of the objects of a kind whose pods have all of these labels."""
        return [
            name_of(manifest)
            for manifest in self.manifests
            if manifest.get("kind") == kind
            and selector.items() <= (at(manifest, "spec", "template", "metadata", "labels") or {}).items()
        ]

    def selector(self, service: str) -> dict[str, str]:
        """Return the selector of a Service."""
        return dict(at(self.find("Service", service), "spec", "selector") or {})

    def services_of(self, name: str, kind: str = "Deployment") -> list[str]:
        """Return the Services that select the pods of a Deployment, or of another kind of object."""
        return [s for s in self.names("Service") if (found := self.selector(s)) and name in self.named(found, kind)]

    def rule_paths(self, host: str) -> list[str]:
        """Return the paths of all Ingress rules for a host, each once."""
        ingresses = [m for m in self.manifests if m.get("kind") == "Ingress"]
        return list(dict.fromkeys(str(rule.path.get("path") or "/") for m in ingresses for rule in _rules(m, host)))

    def service_at(self, path: str, host: str, headers: Headers = ()) -> str | None:
        """Return the Service that gets a request; None if no rule routes it.

        Args:
            path: Path of the request, with its query if it has one.
            host: Value of its ``Host`` header.
            headers: Its further headers, which a rule may match.
        """
        if self.entry:
            return self.entry
        if service := taken_by_own_kinds(self.manifests, path, host, headers):
            return service
        return self.ingress_at(path, host, headers)[1]

    def ingress_at(self, path: str, host: str, headers: Headers = ()) -> tuple[Manifest | None, str | None]:
        """Return the Ingress that takes a request, and its Service; see ``service_at``. Both are None if none does."""
        ingresses = [m for m in self.manifests if m.get("kind") == "Ingress"]
        shares = [m for m in ingresses if is_share(m) and share_takes(m, headers)]
        rules = [(m, rule) for m in ingresses if not is_share(m) for rule in _rules(m, host)]
        rules.sort(key=lambda found: _precedence(found[1]), reverse=True)
        for ingress, rule in (*((m, rule) for m in shares for rule in _rules(m, host)), *rules):
            if _matches(rule.path, path, regex=has_regex_paths(ingress)):
                return ingress, _service(rule.path.get("backend"))
        defaults = ((m, _service(at(m, "spec", "defaultBackend"))) for m in ingresses)
        return next((found for found in defaults if found[1]), (None, None))


class _Rule(NamedTuple):
    """A path of an Ingress with the host of its rule."""

    host: str
    path: Mapping[str, Any]


def _rules(ingress: Manifest, host: str) -> Iterator[_Rule]:
    """Yield the paths of an Ingress that are for a host."""
    aliases = aliases_of(ingress)
    for rule in at(ingress, "spec", "rules") or []:
        own = str(rule.get("host") or "")
        if any(_host_matches(each, host) for each in (own, *(aliases if own else ()))):
            yield from (_Rule(own, path) for path in at(rule, "http", "paths") or [])


def _precedence(rule: _Rule) -> tuple[int, bool, int]:
    """Return what decides between rules that match: an exact host before a wildcard, then the longest path."""
    host = 0 if not rule.host else 1 if rule.host.startswith("*.") else 2
    return host, rule.path.get("pathType") == "Exact", len(str(rule.path.get("path") or "/"))


def _host_matches(rule: str, host: str) -> bool:
    if rule.startswith("*."):
        return host.partition(".")[2] == rule[2:]
    return rule in ("", host)


def _matches(rule_path: Mapping[str, Any], path: str, *, regex: bool) -> bool:
    """Return whether a rule matches a path; the query does not matter."""
    wanted, path = str(rule_path.get("path") or "/"), path.partition("?")[0]
    if rule_path.get("pathType") == "Exact":
        return path == wanted
    if regex:
        try:
            return re.match(wanted, path, re.IGNORECASE) is not None
        except re.error:
            return False
    if rule_path.get("pathType") == "Prefix":
        return (path.rstrip("/") + "/").startswith(wanted.rstrip("/") + "/")
    return path.startswith(wanted)


def _service(backend: Any) -> str | None:
    name = at(backend, "service", "name")
    return str(name) if name else None
