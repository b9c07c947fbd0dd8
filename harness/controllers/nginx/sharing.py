"""Splits requests with ingress-nginx, by a second Ingress with canary annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.controllers.sharing import Act, Create, Merge, RequestShare, Sharing, SplitRule
from harness.model.annotations import NGINX


def annotations_of(share: RequestShare) -> dict[str, str]:
    """Return the annotations of the second Ingress.

    The cookie's value can't be chosen: ``always`` selects the candidate, and ``never`` the other version.
    """
    notes = {"canary": "true"}
    if share.by == "header":
        notes |= {"canary-by-header": share.key, "canary-by-header-value": share.value}
    elif share.by == "cookie":
        notes |= {"canary-by-cookie": share.key}
    else:
        notes |= {"canary-weight": str(share.weight)}
    return _prefixed(notes)


def stickiness(name: str) -> dict[str, str]:
    """Return the annotations of the first Ingress that make sessions sticky.

    The second Ingress uses the affinity of the first one; its own has no effect.
    """
    return _prefixed({"affinity": "cookie", "session-cookie-name": name, "affinity-canary-behavior": "sticky"})


def _prefixed(notes: Mapping[str, str]) -> dict[str, str]:
    return {f"{NGINX}{name}": value for name, value in notes.items()}


def _begin(rule: SplitRule, share: RequestShare) -> tuple[Act, ...]:
    backend = {"service": {"name": rule.candidate, "port": rule.port}}
    entry: dict[str, Any] = {"http": {"paths": [{**rule.path, "backend": backend}]}}
    spec: dict[str, Any] = {"rules": [{**({"host": rule.host} if rule.host else {}), **entry}]}
    if rule.ingress_class:
        spec["ingressClassName"] = rule.ingress_class
    second = Create(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": rule.made, "annotations": annotations_of(share)},
            "spec": spec,
        }
    )
    if not share.sticky:
        return (second,)
    # Last: sessions that get their cookie before the second Ingress exists would all stay with the first one.
    return (second, Merge("Ingress", rule.ingress, {"metadata": {"annotations": stickiness(share.sticky)}}))


def _alter(rule: SplitRule, share: RequestShare) -> Act:
    return Merge("Ingress", rule.made, {"metadata": {"annotations": annotations_of(share)}}, created=True)


#: The second Ingress is removed first. If it were last, the candidate would keep its share for some seconds.
SHARING = Sharing(_begin, _alter, undo_forwards=True)
