"""From Kubernetes objects to what nginx is told, by ingress-nginx's rules; pure, so that every rule can be shown."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.clusters.local.ingress.annotations import balancing_of, settings_of
from harness.clusters.local.ingress.model import (
    ANY_HOST,
    Backend,
    Balancing,
    Configuration,
    Location,
    LocationSettings,
    Match,
    Server,
)

CLASS_NAME = "nginx"
CONTROLLER = "k8s.io/ingress-nginx"

SERVICE_LABEL = "kubernetes.io/service-name"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
#: Neither a quote nor a line's end may leave the quoted word of nginx.conf that a path becomes.
_PATH = re.compile(r'/[^"\r\n\0]*(?<!\\)')

_log = logging.getLogger(__name__)

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects that a configuration is made from."""

    ingresses: Sequence[Object]
    classes: Sequence[Object]
    services: Sequence[Object]
    slices: Sequence[Object]


@dataclass(frozen=True, slots=True)
class _Path:
    """One path of one Ingress, with the host it is for."""

    host: str
    path: str
    kind: str
    backend: str
    service: tuple[str, str]
    port: str | int
    ingress: str
    settings: LocationSettings
    balancing: Balancing


def is_ours(ingress: Object, classes: Iterable[Object]) -> bool:
    """Whether this controller serves an Ingress: its class is ours, or it has none (as in kind's manifest)."""
    annotation = (ingress["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    if annotation is not None:
        return bool(annotation == CLASS_NAME)
    name = ingress.get("spec", {}).get("ingressClassName")
    if name in {None, CLASS_NAME}:
        return True
    return any(c["metadata"]["name"] == name and c.get("spec", {}).get("controller") == CONTROLLER for c in classes)


def configuration_of(snapshot: Snapshot) -> Configuration:
    """What nginx is told for these objects."""
    ours = [ingress for ingress in snapshot.ingresses if is_ours(ingress, snapshot.classes)]
    # Of two Ingresses with the same host and path the older one counts.
    ours.sort(key=lambda i: (i["metadata"].get("creationTimestamp", ""), _qualified(i)))
    chosen: dict[tuple[str, str, str], _Path] = {}
    # A backend is made once: the oldest Ingress that names it says how it is balanced.
    balancing: dict[str, Balancing] = {}
    for path in (path for ingress in ours for path in _paths(ingress)):
        chosen.setdefault((path.host, path.path, path.kind), path)
        balancing.setdefault(path.backend, path.balancing)
    hosts = sorted({path.host for path in chosen.values()} | {ANY_HOST})
    servers = tuple(_server(host, [path for path in chosen.values() if path.host == host]) for host in hosts)
    services = {(s["metadata"].get("namespace", ""), s["metadata"]["name"]): s for s in snapshot.services}
    slices: dict[tuple[str, str], list[Object]] = {}
    for piece in snapshot.slices:
        name = (piece["metadata"].get("labels") or {}).get(SERVICE_LABEL, "")
        slices.setdefault((piece["metadata"].get("namespace", ""), name), []).append(piece)
    backends = {
        path.backend: Backend(
            _endpoints(services.get(path.service), path.port, slices.get(path.service, ())), balancing[path.backend]
        )
        for path in sorted(chosen.values(), key=lambda path: path.backend)
    }
    return Configuration(servers, backends)


def _qualified(obj: Object) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _paths(ingress: Object) -> Iterator[_Path]:
    """An Ingress's paths; its default backend is the root path of the hosts that have none, or of all others."""
    settings, balancing = settings_of(ingress), balancing_of(ingress)
    spec = ingress.get("spec") or {}
    rules = spec.get("rules") or []
    default = spec.get("defaultBackend")
    if default and not rules:
        rules = [{}]
    for rule in rules:
        host = rule.get("host") or ANY_HOST
        if host != ANY_HOST and not _HOST.fullmatch(host):
            _log.warning("ingress %s: host %r can't be served", _qualified(ingress), host)
            continue
        entries = list((rule.get("http") or {}).get("paths") or [])
        if default and not any((entry.get("path") or "/") == "/" for entry in entries):
            entries.append({"path": "/", "pathType": "Prefix", "backend": default})
        for entry in entries:
            path = _path(ingress, host, entry, settings, balancing)
            if path is not None:
                yield path


def _path(ingress: Object, host: str, entry: Object, settings: LocationSettings, balancing: Balancing) -> _Path | None:
    service = entry.get("backend", {}).get("service")
    text = entry.get("path") or "/"
    if service is None or not _PATH.fullmatch(text):
        _log.warning("ingress %s: path %r can't be served", _qualified(ingress), text)
        return None
    namespace = ingress["metadata"].get("namespace", "")
    port = service.get("port") or {}
    wanted = port.get("name") or port.get("number", 0)
    return _Path(
        host=host,
        path=text,
        kind=entry.get("pathType") or "ImplementationSpecific",
        backend=f"{namespace}-{service['name']}-{wanted}",
        service=(namespace, service["name"]),
        port=wanted,
        ingress=_qualified(ingress),
        settings=settings,
        balancing=balancing,
    )


def _server(host: str, paths: list[_Path]) -> Server:
    """A host's locations: the longest path first, regular expressions for all as soon as one path needs them."""
    regex = any(path.settings.use_regex or _rewrites(path) for path in paths)
    locations: list[Location] = []
    for path in sorted(paths, key=lambda path: (-len(path.path), path.path, path.kind)):
        exact_too = any(other.path == path.path and other.kind == "Exact" for other in paths)
        locations += _locations(path, regex=regex, exact_too=exact_too)
    if not any(location.path == "/" and location.match is not Match.EXACT for location in locations):
        locations.append(Location("/", Match.PREFIX))
    return Server(host, tuple(locations))


def _rewrites(path: _Path) -> bool:
    return path.settings.rewrite_target not in {"", path.path}


def _locations(path: _Path, *, regex: bool, exact_too: bool) -> Iterator[Location]:
    base = Location(
        path.path, Match.PREFIX, path.backend, ingress=path.ingress, service=path.service[1], settings=path.settings
    )
    if regex:
        yield replace(base, match=Match.REGEX)
    elif path.kind == "Exact":
        yield replace(base, match=Match.EXACT)
    elif path.kind == "Prefix" and path.path != "/":
        # /apple is for /apple and /apple/pie, not for /applepie.
        yield replace(base, path=path.path.rstrip("/") + "/")
        if not exact_too:
            yield replace(base, path=path.path.rstrip("/"), match=Match.EXACT)
    else:
        yield base


def _endpoints(service: Object | None, wanted: str | int, slices: Iterable[Object]) -> tuple[str, ...]:
    """``ip:port`` of the endpoints that are ready; a terminating one is not, even while it still serves."""
    ports = (service or {}).get("spec", {}).get("ports") or []
    names = {port.get("name") or "" for port in ports if wanted in (port.get("name"), port.get("port"))}
    found = {
        f"{address}:{port['port']}"
        for piece in slices
        for port in piece.get("ports") or []
        if (port.get("name") or "") in names and port.get("port")
        for endpoint in piece.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint.get("addresses") or []
    }
    return tuple(sorted(found))
