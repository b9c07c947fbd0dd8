"""Splits requests with Traefik, by an IngressRoute that takes precedence over the Ingress."""

from __future__ import annotations

import re
from typing import Any

from harness.controllers.sharing import Act, Create, Merge, RequestShare, Sharing, SplitRule
from harness.kube.custom.traefik import GROUP_VERSION

#: Higher than that of any rule which Traefik derives from an Ingress: their priority is their length.
PRIORITY = 100_000


def match(rule: SplitRule, share: RequestShare) -> str:
    """Return the rule for the split requests, in the form in which Traefik derives rules from an Ingress."""
    path = str(rule.path.get("path") or "/")
    kind = rule.path.get("pathType")
    if kind == "Exact":
        parts = [f"Path(`{path}`)"]
    elif kind == "Prefix" and path != "/":
        bare = path.rstrip("/")
        parts = [f"(Path(`{bare}`) || PathPrefix(`{bare}/`))"]
    else:
        parts = [f"PathPrefix(`{path}`)"]
    if rule.host.startswith("*."):
        parts.insert(0, f"HostRegexp(`^[^.]+{re.escape(rule.host[1:])}$`)")
    elif rule.host:
        parts.insert(0, f"Host(`{rule.host}`)")
    if share.by == "header":
        parts.append(f"Header(`{share.key}`, `{share.value}`)")
    elif share.by == "cookie":
        pair = f"{re.escape(share.key)}={re.escape(share.value)}"
        parts.append(f"HeaderRegexp(`Cookie`, `(^|;\\s*){pair}(;|$)`)")
    return " && ".join(parts)


def _begin(rule: SplitRule, share: RequestShare) -> tuple[Act, ...]:
    weighted = share.by == "weight"
    service: dict[str, Any] = (
        {"name": rule.made, "kind": "TraefikService"} if weighted else {"name": rule.candidate, "port": _port(rule)}
    )
    route = {"match": match(rule, share), "kind": "Rule", "priority": PRIORITY, "services": [service]}
    acts = (Create(_object("TraefikService", rule, _weighted(rule, share))),) if weighted else ()
    return (*acts, Create(_object("IngressRoute", rule, {"routes": [route]})))


def _alter(rule: SplitRule, share: RequestShare) -> Act:
    return Merge("TraefikService", rule.made, {"spec": _weighted(rule, share)}, created=True)


def _object(kind: str, rule: SplitRule, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": {"name": rule.made}, "spec": spec}


def _weighted(rule: SplitRule, share: RequestShare) -> dict[str, Any]:
    shares = ((rule.service, 100 - share.weight), (rule.candidate, share.weight))
    services = [{"name": name, "port": _port(rule), "weight": weight} for name, weight in shares]
    sticky = {"sticky": {"cookie": {"name": share.sticky}}} if share.sticky else {}
    return {"weighted": {"services": services, **sticky}}


def _port(rule: SplitRule) -> int | str:
    port: int | str = rule.port.get("number") or rule.port["name"]
    return port


SHARING = Sharing(_begin, _alter)
