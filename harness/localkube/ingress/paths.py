"""The paths of Ingresses, one by one, each with all that its Ingress says of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.localkube.ingress.annotations import (
    affinity_of,
    balancing_of,
    canary_of,
    leaves_affinity,
    settings_of,
)
from harness.localkube.ingress.model import ANY_HOST, Balancing, LocationSettings
from harness.localkube.ingress.shaping import Affinity, Shaping

_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
#: Neither a quote nor a line's end may leave the quoted word of nginx.conf that a path becomes.
_PATH = re.compile(r'/[^"\r\n\0]*(?<!\\)')

_log = logging.getLogger(__name__)

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IngressNotes:
    """What the annotations of an Ingress say of each of its paths.

    Attributes:
        settings: What becomes of its locations.
        balancing: How its backends' endpoints are chosen.
        canary: Which requests it gets beside another Ingress's; None where it is no canary.
        affinity: What keeps sessions at an endpoint; None for nothing.
        legacy: Whether a canary leaves the sessions of its main Ingress alone.
    """

    settings: LocationSettings
    balancing: Balancing
    canary: Shaping | None = None
    affinity: Affinity | None = None
    legacy: bool = False

    @classmethod
    def of(cls, ingress: Object) -> IngressNotes:
        """Read an Ingress."""
        return cls(
            settings=settings_of(ingress),
            balancing=balancing_of(ingress),
            canary=canary_of(ingress),
            affinity=affinity_of(ingress),
            legacy=leaves_affinity(ingress),
        )


@dataclass(frozen=True, slots=True)
class IngressPath:
    """One path of one Ingress, with the host it is for."""

    host: str
    path: str
    kind: str
    backend: str
    service: tuple[str, str]
    port: str | int
    ingress: str
    notes: IngressNotes

    @property
    def place(self) -> tuple[str, str, str]:
        """What a request must be for: of two paths with one place, one counts."""
        return (self.host, self.path, self.kind)


def qualified(obj: Object) -> str:
    """``namespace/name``."""
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def paths_of(ingress: Object) -> Iterator[IngressPath]:
    """An Ingress's paths; its default backend is the root path of the hosts that have none, or of all others."""
    notes = IngressNotes.of(ingress)
    spec = ingress.get("spec") or {}
    rules = spec.get("rules") or []
    default = spec.get("defaultBackend")
    if default and not rules:
        rules = [{}]
    for rule in rules:
        host = rule.get("host") or ANY_HOST
        if host != ANY_HOST and not _HOST.fullmatch(host):
            _log.warning("ingress %s: host %r can't be served", qualified(ingress), host)
            continue
        entries = list((rule.get("http") or {}).get("paths") or [])
        if default and not any((entry.get("path") or "/") == "/" for entry in entries):
            entries.append({"path": "/", "pathType": "Prefix", "backend": default})
        for entry in entries:
            path = _path(ingress, host, entry, notes)
            if path is not None:
                yield path


def _path(ingress: Object, host: str, entry: Object, notes: IngressNotes) -> IngressPath | None:
    service = entry.get("backend", {}).get("service")
    text = entry.get("path") or "/"
    if service is None or not _PATH.fullmatch(text):
        _log.warning("ingress %s: path %r can't be served", qualified(ingress), text)
        return None
    namespace = ingress["metadata"].get("namespace", "")
    port = service.get("port") or {}
    wanted = port.get("name") or port.get("number", 0)
    return IngressPath(
        host=host,
        path=text,
        kind=entry.get("pathType") or "ImplementationSpecific",
        backend=f"{namespace}-{service['name']}-{wanted}",
        service=(namespace, service["name"]),
        port=wanted,
        ingress=qualified(ingress),
        notes=notes,
    )
