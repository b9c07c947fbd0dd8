"""Translate Kubernetes objects to nginx's configuration by ingress-nginx's rules.

Pure, so that tests cover each rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.localkube.ingress.annotations import aliases_of, canary_of, settings_of
from harness.localkube.ingress.basic_auth import Secrets
from harness.localkube.ingress.canaries import MergedPaths, merge_paths
from harness.localkube.ingress.certificates import Certificate, SecretKey, certificates_of
from harness.localkube.ingress.config_map import controller_settings
from harness.localkube.ingress.default_backends import use_default_backends
from harness.localkube.ingress.ingress_class import is_ours
from harness.localkube.ingress.model import (
    ANY_HOST,
    Backend,
    Location,
    LocationSettings,
    NginxConfiguration,
    PathMatch,
    VirtualServer,
)
from harness.localkube.ingress.paths import IngressPath, Object, paths_of, qualified
from harness.localkube.ingress.traffic_shaping import Affinity

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects from which a configuration is computed.

    Attributes:
        ingresses: All Ingresses.
        classes: All IngressClasses.
        services: All Services.
        slices: All EndpointSlices.
        certificates: The valid certificates, by Secret.
        secrets: The values of all Secrets.
        settings: The data of the controller's ConfigMap.
    """

    ingresses: Sequence[Object]
    classes: Sequence[Object]
    services: Sequence[Object]
    slices: Sequence[Object]
    certificates: Mapping[SecretKey, Certificate] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


def configuration_of(snapshot: Snapshot) -> NginxConfiguration:
    """Return nginx's configuration for these objects."""
    ours = [ingress for ingress in snapshot.ingresses if is_ours(ingress, snapshot.classes)]
    # If two Ingresses have the same host and path, the older one is served. Of two made in the same second it is the
    # one whose name comes last, as a real controller was seen to choose.
    ours.sort(key=qualified, reverse=True)
    ours.sort(key=lambda i: i["metadata"].get("creationTimestamp", ""))
    controller = controller_settings(snapshot.settings)
    merged = merge_paths(path for ingress in ours for path in paths_of(ingress, snapshot.secrets, controller))
    served = list(merged.served.values())
    hosts = sorted({path.host for path in served} | {ANY_HOST})
    aliases = _aliases(ours, hosts)
    services = {(each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in snapshot.services}
    servers = tuple(
        replace(
            _server(
                host,
                [path for path in served if path.host == host],
                _first_settings(snapshot, ours, host, controller.defaults),
                services,
            ),
            aliases=aliases.get(host, ()),
        )
        for host in hosts
    )
    certificates = certificates_of(
        [each for each in ours if canary_of(each) is None], hosts, snapshot.certificates, aliases
    )
    backends = _backends(merged, services, snapshot.slices, aliases)
    empty = tuple("/".join(merged.first_paths[name].service) for name, each in backends.items() if not each.endpoints)
    servers = use_default_backends(servers, backends, _FirstPorts(snapshot))
    return NginxConfiguration(servers, backends, certificates, controller.everywhere, empty)


class _FirstPorts:
    """Finds the endpoints of the first port of a Service, given its namespace and name."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __call__(self, namespace: str, name: str) -> tuple[str, ...]:
        services = (each for each in self._snapshot.services if _is(each, namespace, each["metadata"]["name"], name))
        service = next(services, None)
        ports = ((service or {}).get("spec") or {}).get("ports") or []
        if not ports:
            return ()
        slices = [
            each
            for each in self._snapshot.slices
            if _is(each, namespace, (each["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""), name)
        ]
        return _endpoints(service, ports[0].get("name") or ports[0]["port"], slices)


def _is(obj: Object, namespace: str, found: str, name: str) -> bool:
    return obj["metadata"].get("namespace", "") == namespace and found == name


def _aliases(ingresses: Sequence[Object], hosts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the further names of each host, from its oldest main Ingress with such names; hosts are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for ingress in ingresses:
        names = aliases_of(ingress)
        if not names or canary_of(ingress) is not None:
            continue
        for rule in (ingress.get("spec") or {}).get("rules") or []:
            found.setdefault(rule.get("host") or ANY_HOST, tuple(name for name in names if name not in hosts))
    return found


def _with_aliases(affinity: Affinity | None, aliases: Mapping[str, tuple[str, ...]]) -> Affinity | None:
    """Set the cookie for the further names of hosts, too."""
    if affinity is None:
        return None
    split = [place.partition("/") for place in affinity.locations]
    more = [f"{alias}/{path}" for host, _, path in split for alias in aliases.get(host, ())]
    return replace(affinity, locations=(*affinity.locations, *more))


def _backends(
    merged: MergedPaths,
    services: Mapping[tuple[str, str], Object],
    pieces: Iterable[Object],
    aliases: Mapping[str, tuple[str, ...]],
) -> dict[str, Backend]:
    """Return the backends of the served paths and their alternatives, by name."""
    slices: dict[tuple[str, str], list[Object]] = {}
    for piece in pieces:
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
            affinity=_with_aliases(merged.affinity.get(name), aliases),
            hash_by=first.annotations.hash_by,
        )
        for name, first in sorted(merged.first_paths.items())
        if name in names
    }


def _first_settings(
    snapshot: Snapshot, ingresses: Sequence[Object], host: str, defaults: LocationSettings
) -> LocationSettings:
    """Return the settings for the paths of a host that no rule matches: those of the host's oldest main Ingress."""
    for ingress in ingresses if host != ANY_HOST else ():
        rules = (ingress.get("spec") or {}).get("rules") or []
        if canary_of(ingress) is None and any(rule.get("host") == host for rule in rules):
            return settings_of(ingress, snapshot.secrets, defaults)
    return LocationSettings(ssl_redirect=False)


def _server(
    host: str, paths: list[IngressPath], first: LocationSettings, services: Collection[tuple[str, str]]
) -> VirtualServer:
    """Return a host's locations, the longest path first.

    If one path needs a regular expression, all of them become regular expressions.

    Args:
        host: The host.
        paths: Its paths.
        first: Settings of its default location.
        services: Namespace and name of each Service that exists.
    """
    regex = any(path.annotations.settings.use_regex or _rewrites(path) for path in paths)
    locations: list[Location] = []
    for path in sorted(paths, key=lambda path: (-len(path.path), path.path, path.kind)):
        exact_too = any(other.path == path.path and other.kind == "Exact" for other in paths)
        locations += _locations(path, regex=regex, exact_too=exact_too, has_service=path.service in services)
    if not any(location.path == "/" and location.match is not PathMatch.EXACT for location in locations):
        locations.append(Location("/", PathMatch.PREFIX, settings=first))
    return VirtualServer(host, tuple(locations))


def _rewrites(path: IngressPath) -> bool:
    return path.annotations.settings.rewrite_target not in {"", path.path}


def _locations(path: IngressPath, *, regex: bool, exact_too: bool, has_service: bool) -> Iterator[Location]:
    base = Location(
        path.path,
        PathMatch.PREFIX,
        path.backend,
        ingress=path.ingress,
        service=path.service[1],
        settings=path.annotations.settings,
        written=path.path,
        port=str(path.port),
        has_service=has_service,
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
