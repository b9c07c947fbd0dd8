"""Classes of the fields of Traefik's custom kinds.

The real Traefik implements them. Only fields that need what this cluster lacks are not implemented: addresses of
Services on which something listens, and names of Services that can be resolved.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from harness.kube.custom.traefik import MODELS, PLURALS
from harness.kube.fieldclasses import Decisive, Fields, Site, switched_off
from harness.localkube.fieldtables import CONSTANTS

_ADDRESSES = "sends requests to an address of the Service on which nothing listens here"
_BALANCING = {
    "nativeLB": Decisive(_ADDRESSES, switched_off, "false"),
    "nodePortLB": Decisive(_ADDRESSES, switched_off, "false"),
}
#: Model -> its fields that have a table of their own, with the name of its model.
_CHILDREN: Mapping[str, Mapping[str, str]] = {
    "TraefikRoutes": {"routes": "TraefikRoute"},
    "TraefikRoute": {"services": "TraefikBackend"},
    "TraefikBackend": {},
    "TraefikBalancing": {"weighted": "TraefikWeighted", "mirroring": "TraefikMirroring"},
    "TraefikWeighted": {"services": "TraefikBackend"},
    "TraefikMirroring": {"mirrors": "TraefikMirror"},
    "TraefikMirror": {},
    "TraefikMiddlewares": {},
}
#: Kind -> model of its specification.
_SPECS = {"IngressRoute": "TraefikRoutes", "TraefikService": "TraefikBalancing", "Middleware": "TraefikMiddlewares"}


def asks_no_service(site: Site) -> bool:
    """Return True unless an address is the name of a Service, which only the DNS of a real cluster resolves."""
    address = site.value.get("address") if isinstance(site.value, Mapping) else None
    try:
        host = (urlsplit(str(address or "")).hostname or "").rstrip(".")
    except ValueError:
        return True
    first, *rest = host.split(".")
    if not first or host == "localhost" or _is_number(host):
        return True
    services = {(each.get("metadata") or {}).get("name") for each in site.objects if each.get("kind") == "Service"}
    return bool(rest) and "svc" not in rest[1:2] and not (len(rest) == 1 and first in services)


def _is_number(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()


_ASKS = Decisive(
    "asks the pods of this Service before it answers, and no name of a Service is resolved here",
    asks_no_service,
    "any address without the name of a Service",
)


def _table(model: str) -> Fields:
    decisive = {name: rule for name, rule in _BALANCING.items() if name in MODELS[model].openapi_types}
    if "forwardAuth" in MODELS[model].openapi_types:
        decisive["forwardAuth"] = _ASKS
    plain = {name: "" for name in MODELS[model].openapi_types if name not in decisive}
    return Fields(implemented={**plain, **_CHILDREN[model]}, decisive=decisive)


TABLES: Mapping[str, Fields] = {
    **{
        f"Traefik{kind}": Fields(
            implemented={"metadata": "V1ObjectMeta", "spec": _SPECS.get(kind, "")}, inert=CONSTANTS
        )
        for kind in PLURALS
    },
    **{model: _table(model) for model in _CHILDREN},
}
