"""Use the Services of the annotation ``default-backend``: in place of empty backends, and for custom errors.

As in ingress-nginx, such a Service becomes a backend of its own only while it has endpoints and is needed. A backend
that becomes empty therefore changes its locations, which causes a reload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from harness.localkube.ingress.model import Backend, Location, VirtualServer

PREFIX = "custom-default-backend-"

#: Returns the endpoints of the first port of a Service, given its namespace and name.
Endpoints = Callable[[str, str], tuple[str, ...]]


def use_default_backends(
    servers: Iterable[VirtualServer], backends: dict[str, Backend], endpoints: Endpoints
) -> tuple[VirtualServer, ...]:
    """Return the servers with the default backends that are needed, and add these to ``backends``."""
    return tuple(
        replace(server, locations=tuple(_use(location, backends, endpoints) for location in server.locations))
        for server in servers
    )


def _use(location: Location, backends: dict[str, Backend], endpoints: Endpoints) -> Location:
    own, service = backends.get(location.backend), location.settings.default_backend
    if own is None or not service or (own.endpoints and not location.settings.custom_errors):
        return location
    namespace = location.ingress.partition("/")[0]
    found = endpoints(namespace, service)
    if not found:
        return location
    name = f"{PREFIX}{namespace}-{service}"
    backends[name] = replace(own, endpoints=found)
    return replace(location, fallback=name, backend=location.backend if own.endpoints else name)
