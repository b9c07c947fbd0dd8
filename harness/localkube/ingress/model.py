"""What nginx is told: the part that is written into nginx.conf, and the part that Lua is given while nginx runs.

The split decides what a change costs. Servers and locations are configuration, and a difference there is a reload that
closes connections; endpoints, and how one of them is chosen, go to Lua, and a difference there closes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.localkube.ingress.shaping import Affinity, Shaping

#: The host of rules without one, and of requests that match no other.
ANY_HOST = "_"


class Match(StrEnum):
    """How a location's path is compared with a request's."""

    PREFIX = "prefix"
    EXACT = "exact"
    REGEX = "regex"


class Balancing(StrEnum):
    """How a backend's endpoint is chosen for a request, by ingress-nginx's names."""

    ROUND_ROBIN = "round_robin"
    EWMA = "ewma"


@dataclass(frozen=True, slots=True)
class LocationSettings:
    """What annotations set, with ingress-nginx's defaults.

    Attributes:
        rewrite_target: What the path becomes; may use capture groups; empty for no rewrite.
        use_regex: Whether paths are regular expressions.
        connect_timeout: Seconds to connect to an endpoint.
        send_timeout: Seconds between two writes to an endpoint.
        read_timeout: Seconds between two reads from an endpoint.
        next_upstream: Conditions under which another endpoint is tried.
        next_upstream_timeout: Seconds for all tries together; 0 for no limit.
        next_upstream_tries: Tries in all; 0 for no limit.
        body_size: Largest request body, in nginx's notation.
        buffering: Whether answers are buffered (``on``, ``off``).
        request_buffering: Whether a request is read whole before it is passed on (``on``, ``off``).
        http_version: Protocol towards the endpoints.
        forwarded_prefix: Value of X-Forwarded-Prefix; empty for no such header.
        upstream_vhost: Value of the Host header towards endpoints; empty for the client's.
    """

    rewrite_target: str = ""
    use_regex: bool = False
    connect_timeout: int = 5
    send_timeout: int = 60
    read_timeout: int = 60
    next_upstream: str = "error timeout"
    next_upstream_timeout: int = 0
    next_upstream_tries: int = 3
    body_size: str = "1m"
    buffering: str = "off"
    request_buffering: str = "on"
    http_version: str = "1.1"
    forwarded_prefix: str = ""
    upstream_vhost: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """One path of a server.

    Attributes:
        path: What requests are compared with.
        match: How it is compared.
        backend: Name of the backend; empty for "no such page".
        ingress: ``namespace/name`` of the Ingress it comes from; empty for the default.
        service: Name of the Service behind it.
        settings: From the Ingress's annotations.
        written: The path as in the Ingress, where a session's cookie is good for.
    """

    path: str
    match: Match
    backend: str = ""
    ingress: str = ""
    service: str = ""
    settings: LocationSettings = field(default_factory=LocationSettings)
    written: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """One virtual host and its locations, in the order in which regular expressions are tried."""

    host: str
    locations: tuple[Location, ...]


@dataclass(frozen=True, slots=True)
class Backend:
    """What stands behind locations.

    Attributes:
        endpoints: ``ip:port`` of those that take traffic, sorted.
        balancing: How one of them is chosen.
        alternatives: Names of the backends that stand beside it; the first gets the requests that its shaping says.
        shaping: Of a canary's backend: which requests it gets.
        affinity: What keeps sessions at an endpoint.
    """

    endpoints: tuple[str, ...] = ()
    balancing: Balancing = Balancing.ROUND_ROBIN
    alternatives: tuple[str, ...] = ()
    shaping: Shaping | None = None
    affinity: Affinity | None = None

    def shape(self) -> tuple[object, ...]:
        """Who gets which requests, apart from endpoints."""
        return (self.alternatives, self.shaping, self.affinity)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that nginx is told.

    Attributes:
        servers: Virtual hosts; what makes nginx reload when it differs.
        backends: By name; Lua's part.
    """

    servers: tuple[Server, ...]
    backends: Mapping[str, Backend]


@dataclass(frozen=True, slots=True)
class EndpointDiff:
    """What a new set of backends adds and removes, as ``ip:port``, each once and sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    @staticmethod
    def between(old: Mapping[str, Backend], new: Mapping[str, Backend]) -> EndpointDiff:
        """The difference of two sets of backends; an endpoint that only moves to another backend counts in both."""
        before = {(name, endpoint) for name, backend in old.items() for endpoint in backend.endpoints}
        after = {(name, endpoint) for name, backend in new.items() for endpoint in backend.endpoints}
        added, removed = ({endpoint for _, endpoint in side} for side in (after - before, before - after))
        return EndpointDiff(tuple(sorted(added)), tuple(sorted(removed)))
