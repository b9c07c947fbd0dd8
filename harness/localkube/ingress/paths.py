"""Split Ingresses into single paths, each with the settings of its Ingress."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.localkube.ingress.annotations import (
    affinity_of,
    balancing_of,
    canary_of,
    has_legacy_affinity,
    hash_of,
    settings_of,
)
from harness.localkube.ingress.basic_auth import Secrets
from harness.localkube.ingress.config_map import ControllerSettings
from harness.localkube.ingress.model import ANY_HOST, Balancing, LocationSettings
from harness.localkube.ingress.traffic_shaping import Affinity, TrafficShaping

_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
#: A path becomes a quoted string in nginx.conf, so it must not contain a quote or a line break.
_PATH = re.compile(r'/[^"\r\n\0]*(?<!\\)')

_log = logging.getLogger(__name__)

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PathAnnotations:
    """The parsed annotations of an Ingress, which apply to each of its paths.

    Attributes:
        settings: Settings of its locations.
        balancing: Load balancing algorithm of its backends.
        canary: Traffic shaping if it is a canary, else None.
        affinity: Session affinity; None for none.
        legacy: True if a canary ignores the sessions of its main Ingress.
        hash_by: Text by which requests are hashed to endpoints; empty for none.
    """

    settings: LocationSettings
    balancing: Balancing
    canary: TrafficShaping | None = None
    affinity: Affinity | None = None
    legacy: bool = False
    hash_by: str = ""

    @classmethod
    def of(cls, ingress: Object, secrets: Secrets, controller: ControllerSettings) -> PathAnnotations:
        """Parse the annotations of an Ingress."""
        return cls(
            settings=settings_of(ingress, secrets, controller.defaults),
            balancing=balancing_of(ingress, controller.balancing),
            canary=canary_of(ingress),
            affinity=affinity_of(ingress),
            legacy=has_legacy_affinity(ingress),
            hash_by=hash_of(ingress),
        )


@dataclass(frozen=True, slots=True)
class IngressPath:
    """One path of one Ingress, with its host.

    Attributes:
        host: The host; ``ANY_HOST`` for a rule without one.
        path: The path as written.
        kind: Its ``pathType``.
        backend: Name of the backend: namespace, Service and port.
        service: Namespace and name of the Service.
        port: Name or number of the Service's port.
        ingress: ``namespace/name`` of the Ingress.
        annotations: The Ingress's annotations.
    """

    host: str
    path: str
    kind: str
    backend: str
    service: tuple[str, str]
    port: str | int
    ingress: str
    annotations: PathAnnotations

    @property
    def key(self) -> tuple[str, str, str]:
        """Return host, path and path type; of two paths with the same key, only one is served."""
        return (self.host, self.path, self.kind)


def qualified(obj: Object) -> str:
    """Return ``namespace/name``."""
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def paths_of(ingress: Object, secrets: Secrets, controller: ControllerSettings) -> Iterator[IngressPath]:
    """Yield an Ingress's paths.

    Its default backend serves the root path of its hosts that define none, or of all other hosts.

    Args:
        ingress: The Ingress.
        secrets: The values of all Secrets.
        controller: The settings of the controller's ConfigMap.
    """
    annotations = PathAnnotations.of(ingress, secrets, controller)
    spec = ingress.get("spec") or {}
    rules = spec.get("rules") or []
    default = spec.get("defaultBackend")
    if default and not rules:
        rules = [{}]
        # ingress-nginx applies neither redirects nor app-root to the Ingress that serves all other hosts.
        settings = replace(
            annotations.settings, ssl_redirect=False, force_ssl_redirect=False, app_root="", redirect=None
        )
        annotations = replace(annotations, settings=settings)
    for rule in rules:
        host = rule.get("host") or ANY_HOST
        if host != ANY_HOST and not _HOST.fullmatch(host):
            _log.warning("ingress %s: host %r cannot be served", qualified(ingress), host)
            continue
        entries = list((rule.get("http") or {}).get("paths") or [])
        if default and not any((entry.get("path") or "/") == "/" for entry in entries):
            entries.append({"path": "/", "pathType": "Prefix", "backend": default})
        for entry in entries:
            path = _path(ingress, host, entry, annotations)
            if path is not None:
                yield path


def _path(ingress: Object, host: str, entry: Object, annotations: PathAnnotations) -> IngressPath | None:
    service = entry.get("backend", {}).get("service")
    text = entry.get("path") or "/"
    if service is None or not _PATH.fullmatch(text):
        _log.warning("ingress %s: path %r cannot be served", qualified(ingress), text)
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
        annotations=annotations,
    )
