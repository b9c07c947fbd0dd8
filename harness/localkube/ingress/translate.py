"""Translate Kubernetes objects to nginx's configuration by ingress-nginx's rules.

Pure, so that tests cover each rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.localkube.ingress.canaries import MergedPaths, merge_paths
from harness.localkube.ingress.ingress_class import is_ours
from harness.localkube.ingress.model import (
    ANY_HOST,
    Backend,
    Location,
    NginxConfiguration,
    PathMatch,
    VirtualServer,
)
from harness.localkube.ingress.paths import IngressPath, Object, paths_of, qualified

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects from which a configuration is computed."""

    ingresses: Sequence[Object]
    classes: Sequence[Object]
    services: Sequence[Object]
    slices: Sequence[Object]


def configuration_of(snapshot: Snapshot) -> NginxConfiguration:
    """Return nginx's configuration for these objects."""
    ours = [ingress for ingress in snapshot.ingresses if is_ours(ingress, snapshot.classes)]
    # If two Ingresses have the same host and path, the older one is served.
    ours.sort(key=lambda i: (i["metadata"].get("creationTimestamp", ""), qualified(i)))
    merged = merge_paths(path for ingress in ours for path in paths_of(ingress))
    served = list(merged.served.values())
    hosts = sorted({path.host for path in served} | {ANY_HOST})
    servers = tuple(_server(host, [path for path in served if path.host == host]) for host in hosts)
    return NginxConfiguration(servers, _backends(merged, snapshot))


def _backends(merged: MergedPaths, snapshot: Snapshot) -> dict[str, Backend]:
    """Return the backends of the served paths and their alternatives, by name."""
    services = {(s["metadata"].get("namespace", ""), s["metadata"]["name"]): s for s in snapshot.services}
    slices: dict[tuple[str, str], list[Object]] = {}
    for piece in snapshot.slices:
        name = (piece["metadata"].get("labels") or {}).get(SERVICE_LABEL, "")
        slices.setdefault((piece["metadata"].get("namespace", ""), name), []).append(piece)
    names = {path.backend for path in merged.served.values()} | {
        name for alternatives in merged.alternatives.values() for name in alternatives if name in merged.first_paths
    }
    return {
        name: Backend(
            _endpoints(services.get(first.service), first.port, slices.get(first.service, ())),
            first.annotations.balancing,
            alternatives=merged.alternatives.get(name, ()),
            shaping=first.annotations.canary,
            affinity=merged.affinity.get(name),
        )
        for name, first in sorted(merged.first_paths.items())
        if name in names
    }


def _server(host: str, paths: list[IngressPath]) -> VirtualServer:
    """Return a host's locations, the longest path first.

    If one path needs a regular expression, all of them become regular expressions.
    """
    regex = any(path.annotations.settings.use_regex or _rewrites(path) for path in paths)
    locations: list[Location] = []
    for path in sorted(paths, key=lambda path: (-len(path.path), path.path, path.kind)):
        exact_too = any(other.path == path.path and other.kind == "Exact" for other in paths)
        locations += _locations(path, regex=regex, exact_too=exact_too)
    if not any(location.path == "/" and location.match is not PathMatch.EXACT for location in locations):
        locations.append(Location("/", PathMatch.PREFIX))
    return VirtualServer(host, tuple(locations))


def _rewrites(path: IngressPath) -> bool:
    return path.annotations.settings.rewrite_target not in {"", path.path}


def _locations(path: IngressPath, *, regex: bool, exact_too: bool) -> Iterator[Location]:
    base = Location(
        path.path,
        PathMatch.PREFIX,
        path.backend,
        ingress=path.ingress,
        service=path.service[1],
        settings=path.annotations.settings,
        written=path.path,
    )
    if regex:
        yield replace(base, match=PathMatch.REGEX)
    elif path.kind == "Exact":
        yield replace(base, match=PathMatch.EXACT)
    elif path.kind == "Prefix" and path.path != "/":
        # /apple matches /apple and /apple/pie, but not /applepie.
        yield replace(base, path=path.path.rstrip("/") + "/")
        if not exact_too:
            yield replace(base, path=path.path.rstrip("/"), match=PathMatch.EXACT)
    else:
        yield base


def _endpoints(service: Object | None, wanted: str | int, slices: Iterable[Object]) -> tuple[str, ...]:
    """Return ``ip:port`` of the ready endpoints; a terminating endpoint is not ready even if it still serves."""
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
