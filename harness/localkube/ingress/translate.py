"""From Kubernetes objects to what nginx is told, by ingress-nginx's rules; pure, so that every rule can be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.localkube.ingress.canaries import Placing, placed
from harness.localkube.ingress.model import (
    ANY_HOST,
    Backend,
    Configuration,
    Location,
    Match,
    Server,
)
from harness.localkube.ingress.paths import IngressPath, Object, paths_of, qualified
from harness.localkube.ingress.served import is_ours

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects that a configuration is made from."""

    ingresses: Sequence[Object]
    classes: Sequence[Object]
    services: Sequence[Object]
    slices: Sequence[Object]


def configuration_of(snapshot: Snapshot) -> Configuration:
    """What nginx is told for these objects."""
    ours = [ingress for ingress in snapshot.ingresses if is_ours(ingress, snapshot.classes)]
    # Of two Ingresses with the same host and path the older one counts.
    ours.sort(key=lambda i: (i["metadata"].get("creationTimestamp", ""), qualified(i)))
    placing = placed(path for ingress in ours for path in paths_of(ingress))
    served = list(placing.served.values())
    hosts = sorted({path.host for path in served} | {ANY_HOST})
    servers = tuple(_server(host, [path for path in served if path.host == host]) for host in hosts)
    return Configuration(servers, _backends(placing, snapshot))


def _backends(placing: Placing, snapshot: Snapshot) -> dict[str, Backend]:
    """What stands behind the paths that are served, and beside them, by name."""
    services = {(s["metadata"].get("namespace", ""), s["metadata"]["name"]): s for s in snapshot.services}
    slices: dict[tuple[str, str], list[Object]] = {}
    for piece in snapshot.slices:
        name = (piece["metadata"].get("labels") or {}).get(SERVICE_LABEL, "")
        slices.setdefault((piece["metadata"].get("namespace", ""), name), []).append(piece)
    names = {path.backend for path in placing.served.values()} | {
        name for beside in placing.alternatives.values() for name in beside if name in placing.makers
    }
    return {
        name: Backend(
            _endpoints(services.get(maker.service), maker.port, slices.get(maker.service, ())),
            maker.notes.balancing,
            alternatives=placing.alternatives.get(name, ()),
            shaping=maker.notes.canary,
            affinity=placing.affinity.get(name),
        )
        for name, maker in sorted(placing.makers.items())
        if name in names
    }


def _server(host: str, paths: list[IngressPath]) -> Server:
    """A host's locations: the longest path first, regular expressions for all as soon as one path needs them."""
    regex = any(path.notes.settings.use_regex or _rewrites(path) for path in paths)
    locations: list[Location] = []
    for path in sorted(paths, key=lambda path: (-len(path.path), path.path, path.kind)):
        exact_too = any(other.path == path.path and other.kind == "Exact" for other in paths)
        locations += _locations(path, regex=regex, exact_too=exact_too)
    if not any(location.path == "/" and location.match is not Match.EXACT for location in locations):
        locations.append(Location("/", Match.PREFIX))
    return Server(host, tuple(locations))


def _rewrites(path: IngressPath) -> bool:
    return path.notes.settings.rewrite_target not in {"", path.path}


def _locations(path: IngressPath, *, regex: bool, exact_too: bool) -> Iterator[Location]:
    base = Location(
        path.path,
        Match.PREFIX,
        path.backend,
        ingress=path.ingress,
        service=path.service[1],
        settings=path.notes.settings,
        written=path.path,
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
