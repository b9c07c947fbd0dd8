"""A share of a rule's requests by ingress-nginx: a second Ingress with its canary annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.changes.base import Made, patch_with_undo
from harness.changes.creation import create_with_undo
from harness.changes.splitting import Rule, Splitting, patched

PREFIX = "nginx.ingress.kubernetes.io/"


def annotations_of(rule: Rule) -> dict[str, str]:
    """What the second Ingress says.

    ingress-nginx's cookie has no value of one's own: ``always`` means the candidate, ``never`` the other.
    """
    said = {"canary": "true"}
    if rule.by == "header":
        said |= {"canary-by-header": rule.key, "canary-by-header-value": rule.value}
    elif rule.by == "cookie":
        said |= {"canary-by-cookie": rule.key}
    else:
        said |= {"canary-weight": str(rule.weight)}
    return _prefixed(said)


def stickiness(name: str) -> dict[str, str]:
    """What the first Ingress says so that a session stays with its candidate.

    The second one's own affinity counts for nothing: it takes over the first one's.
    """
    return _prefixed({"affinity": "cookie", "session-cookie-name": name, "affinity-canary-behavior": "sticky"})


def _prefixed(said: Mapping[str, str]) -> dict[str, str]:
    return {f"{PREFIX}{name}": value for name, value in said.items()}


class CanaryIngress(Splitting):
    """See ``Splitting``."""

    @property
    def name(self) -> str:
        """The second Ingress's."""
        return f"{self.way.ingress}-canary"

    def _begin(self, rule: Rule) -> Made:
        way = self.way
        backend = {"service": {"name": way.candidate, "port": way.port}}
        entry: dict[str, Any] = {"http": {"paths": [{**way.path, "backend": backend}]}}
        spec: dict[str, Any] = {"rules": [{**({"host": way.host} if way.host else {}), **entry}]}
        if way.ingress_class:
            spec["ingressClassName"] = way.ingress_class
        manifest = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": self.name, "annotations": annotations_of(rule)},
            "spec": spec,
        }
        made = self.keep(create_with_undo(self.stage, manifest, self.course.number))
        if not rule.sticky:
            return made
        # Last: sessions that are given their cookie before the second Ingress is there all stay with the first one.
        said = {"metadata": {"annotations": stickiness(rule.sticky)}}
        return self.keep(patch_with_undo(self.stage, "Ingress", way.ingress, said, "merge", self.course.number))

    def _way_back(self) -> Iterable[Made]:
        """The second Ingress goes first: the next change is taken over seconds later, and would leave it its share."""
        return tuple(self._made)

    def _alter(self, rule: Rule) -> Made:
        patch = {"metadata": {"annotations": annotations_of(rule)}}
        return patched(self.stage, "Ingress", self.name, patch, self.course.number)
