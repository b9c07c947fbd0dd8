"""Classes of all annotations of Traefik's Ingress provider, which the real Traefik implements.

Only annotations that need components missing in this cluster are not implemented.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from harness.kube.fieldclasses import FieldClass, Site
from harness.localkube.system.programs import INGRESS_PROGRAMS, TRAEFIK

PREFIX = TRAEFIK.annotations

_COOKIE = "service.sticky.cookie"
#: Kind -> the annotations that Traefik reads there, without the prefix and in lower case; N stands for a number.
IMPLEMENTED: Mapping[str, tuple[str, ...]] = {
    "Ingress": (
        "router.entrypoints",
        "router.middlewares",
        "router.observability.accesslogs",
        "router.observability.metrics",
        "router.observability.traceverbosity",
        "router.observability.tracing",
        "router.pathmatcher",
        "router.priority",
        "router.rulesyntax",
        "router.tls",
        "router.tls.certresolver",
        "router.tls.domains.N.main",
        "router.tls.domains.N.sans",
        "router.tls.options",
    ),
    "Service": (
        "service.passhostheader",
        "service.serversscheme",
        "service.serverstransport",
        _COOKIE,
        *(
            f"{_COOKIE}.{part}"
            for part in ("domain", "expires", "httponly", "maxage", "name", "path", "samesite", "secure")
        ),
    ),
}
_ADDRESSES = "sends requests to an address of the Service on which nothing listens here"
#: Kind -> annotations that are decisive unless they are switched off, each with its effect on a real cluster.
DECISIVE: Mapping[str, Mapping[str, str]] = {
    "Service": {"service.nativelb": _ADDRESSES, "service.nodeportlb": _ADDRESSES},
}


def names(kind: str) -> tuple[str, ...]:
    """Return every annotation that Traefik reads from objects of a kind, without the prefix."""
    return (*IMPLEMENTED[kind], *DECISIVE.get(kind, {}))


def class_of(name: str, site: Site, kind: str) -> tuple[FieldClass, str, str]:
    """Classify an annotation that begins with ``PREFIX``: its class, the reason, and a suggested spelling."""
    program = INGRESS_PROGRAMS.get(site.ingress)
    if program is None or program.annotations != PREFIX:
        return FieldClass.INERT, f"ingress {site.ingress} does not read it", ""
    short = re.sub(r"\.\d+\.", ".N.", name.removeprefix(PREFIX).lower())
    other = "Service" if kind == "Ingress" else "Ingress"
    if short in DECISIVE.get(kind, {}):
        is_off = str(site.value).strip().lower() == "false"
        text = "this value has no effect on requests" if is_off else DECISIVE[kind][short]
        return (FieldClass.INERT if is_off else FieldClass.DECISIVE), text, ""
    if short in IMPLEMENTED[kind]:
        return FieldClass.IMPLEMENTED, "", ""
    if short in names(other):
        return FieldClass.UNKNOWN, f"Traefik reads it from a {other}, not from a {kind}", ""
    near = difflib.get_close_matches(short, names(kind), n=1)
    hint = f"did you mean {PREFIX}{near[0]}?" if near else ""
    return FieldClass.UNKNOWN, "Traefik has no such annotation", hint
