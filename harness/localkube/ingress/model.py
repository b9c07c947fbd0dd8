"""The configuration of nginx in two parts: nginx.conf, and the data that Lua receives while nginx runs.

The split decides the effect of a change. Servers and locations are in nginx.conf, so a change causes a reload that
closes connections. Endpoints and load balancing are sent to Lua, and a change closes no connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from harness.localkube.ingress.global_settings import GlobalSettings
from harness.localkube.ingress.traffic_shaping import Affinity, TrafficShaping

#: Host of rules without one, and of requests that match no other host.
ANY_HOST = "_"


class PathMatch(StrEnum):
    """The ways to compare a location's path with a request's path."""

    PREFIX = "prefix"
    EXACT = "exact"
    REGEX = "regex"


class Balancing(StrEnum):
    """The load balancing algorithms, with ingress-nginx's names."""

    ROUND_ROBIN = "round_robin"
    EWMA = "ewma"


class Redirect(NamedTuple):
    """A redirect, which may name variables of nginx in its target."""

    status: int
    target: str


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """Basic authentication.

    Attributes:
        realm: Text that the client shows.
        users: Content of a password file for nginx: a user and the hash of the password on each line.
    """

    realm: str
    users: bytes = field(repr=False)

    @property
    def file_name(self) -> str:
        """Return a name for the password file, which differs for other users."""
        return f"users-{hashlib.sha256(self.users).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The limits of an Ingress for each client address; 0 or less for none.

    Attributes:
        identifier: Unique for the Ingress, and part of a variable's name.
        connections: Most requests at a time.
        per_second: Requests per second.
        per_minute: Requests per minute.
        burst: Factor of the limits by which requests may exceed the rate for a moment.
        exempt: Addresses and networks without limits.
    """

    identifier: str
    connections: int = 0
    per_second: int = 0
    per_minute: int = 0
    burst: int = 5
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocationSettings:
    """The settings of annotations, with ingress-nginx's defaults.

    Attributes:
        rewrite_target: New path, may use capture groups; empty for no rewrite.
        use_regex: True if paths are regular expressions.
        connect_timeout: Seconds to connect to an endpoint.
        send_timeout: Seconds between two writes to an endpoint.
        read_timeout: Seconds between two reads from an endpoint.
        next_upstream: Conditions for a retry at another endpoint.
        next_upstream_timeout: Seconds for all attempts together; 0 for no limit.
        next_upstream_tries: Number of attempts; 0 for no limit.
        body_size: Largest request body, in nginx's notation.
        buffering: ``on`` if responses are buffered, else ``off``.
        request_buffering: ``on`` if a request is read completely before it is forwarded, else ``off``.
        http_version: HTTP version of connections to endpoints.
        forwarded_prefix: Value of X-Forwarded-Prefix; empty for no such header.
        upstream_vhost: Host header sent to endpoints; empty for the client's.
        ssl_redirect: True to redirect HTTP to HTTPS if the host has a certificate.
        force_ssl_redirect: True to redirect HTTP to HTTPS in any case.
        app_root: Path that requests for / of the whole host are redirected to; empty for no such redirect.
        redirect: Status and target of a redirect of every request; None for none.
        denied: True to answer every request with 503, because an annotation about access is invalid.
        allowed_sources: Addresses and networks of the only clients that are answered; empty for all.
        denied_sources: Addresses and networks of clients that are answered with 403.
        limits: Limits for each client; None for none.
        auth: Basic authentication; None for none.
        default_backend: Name of the Service that serves while the Ingress's own has no endpoints, and that answers in
            place of custom errors; empty for none. A change of it causes a reload only if a location uses it.
        custom_errors: Statuses that the default backend replaces.
        protocol: Protocol of connections to endpoints, one of ingress-nginx's names.
        keep_errors: True to replace only nginx's own responses with these statuses, not those of endpoints.
        preserve_trailing_slash: True to keep a slash at the end of a path in redirects to HTTPS. As in ingress-nginx, a
            change of it alone causes no reload.
        without_effect: Names and values of annotations that have no effect here. As in ingress-nginx, a change of one
            causes a reload.
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
    ssl_redirect: bool = True
    force_ssl_redirect: bool = False
    app_root: str = ""
    redirect: Redirect | None = None
    denied: bool = False
    allowed_sources: tuple[str, ...] = ()
    denied_sources: tuple[str, ...] = ()
    limits: RateLimit | None = None
    auth: BasicAuth | None = None
    default_backend: str = field(default="", compare=False)
    custom_errors: tuple[int, ...] = ()
    keep_errors: bool = False
    protocol: str = "HTTP"
    preserve_trailing_slash: bool = field(default=False, compare=False)
    without_effect: tuple[tuple[str, str], ...] = ()

    @property
    def is_grpc(self) -> bool:
        """Return True if endpoints speak gRPC."""
        return self.protocol in {"GRPC", "GRPCS"}

    def has_access_rules(self) -> bool:
        """Return True if some clients are refused."""
        return bool(self.allowed_sources or self.denied_sources or self.limits or self.auth)


@dataclass(frozen=True, slots=True)
class Location:
    """A path of a server.

    Attributes:
        path: Path to compare requests with.
        match: How to compare it.
        backend: Name of the backend; empty to answer 404.
        ingress: ``namespace/name`` of its Ingress; empty for the default location.
        service: Name of the Service behind it.
        settings: Settings of the Ingress's annotations.
        written: The path as written in the Ingress, for the session cookie.
        port: Port of the Service as written in the Ingress.
        fallback: Backend of the Service that ``default-backend`` names, if it is used; empty for the controller's own
            default backend.
        has_service: True if the Service exists. As in ingress-nginx, its creation and its deletion cause a reload.
    """

    path: str
    match: PathMatch
    backend: str = ""
    ingress: str = ""
    service: str = ""
    settings: LocationSettings = field(default_factory=LocationSettings)
    written: str = ""
    port: str = ""
    fallback: str = ""
    has_service: bool = True


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """A virtual host and its locations, in the order in which regular expressions are matched.

    Attributes:
        host: Its name.
        locations: Its locations.
        aliases: Its further names.
    """

    host: str
    locations: tuple[Location, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backend:
    """The endpoints behind locations, and how requests are distributed over them.

    Attributes:
        endpoints: ``ip:port`` of the ready endpoints, sorted.
        balancing: Load balancing algorithm.
        alternatives: Names of its alternative backends; the first gets the requests that its traffic shaping selects.
        shaping: For a canary's backend, the requests that it gets.
        affinity: Session affinity.
        hash_by: Text with variables of nginx; requests with the same text go to the same endpoint. Empty for no hash.
    """

    endpoints: tuple[str, ...] = ()
    balancing: Balancing = Balancing.ROUND_ROBIN
    alternatives: tuple[str, ...] = ()
    shaping: TrafficShaping | None = None
    affinity: Affinity | None = None
    hash_by: str = ""

    def routing(self) -> tuple[object, ...]:
        """Return the rules that distribute requests between backends, without endpoints."""
        return (self.alternatives, self.shaping, self.affinity, self.hash_by)


@dataclass(frozen=True, slots=True)
class NginxConfiguration:
    """The complete configuration of nginx.

    Attributes:
        servers: Virtual hosts; a difference causes a reload.
        backends: Backends by name; they are sent to Lua.
        certificates: Certificate and key of each host with TLS in PEM form, empty for the default certificate; they are
            sent to Lua.
        everywhere: Settings of all virtual hosts; a difference causes a reload.
        empty: ``namespace/name`` of the Services behind backends without a ready endpoint. They are only logged.
    """

    servers: tuple[VirtualServer, ...]
    backends: Mapping[str, Backend]
    certificates: Mapping[str, str] = field(default_factory=dict)
    everywhere: GlobalSettings = field(default_factory=GlobalSettings)
    empty: tuple[str, ...] = field(default=(), compare=False)

    def needs_reload_after(self, other: NginxConfiguration) -> bool:
        """Return True if nginx.conf differs from that of another configuration."""
        return (self.servers, self.everywhere) != (other.servers, other.everywhere)


@dataclass(frozen=True, slots=True)
class EndpointDiff:
    """The endpoints that a new set of backends adds and removes, as ``ip:port``, unique and sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    @staticmethod
    def between(old: Mapping[str, Backend], new: Mapping[str, Backend]) -> EndpointDiff:
        """Compare two sets of backends; an endpoint that moves to another backend is added and removed."""
        before = {(name, endpoint) for name, backend in old.items() for endpoint in backend.endpoints}
        after = {(name, endpoint) for name, backend in new.items() for endpoint in backend.endpoints}
        added, removed = ({endpoint for _, endpoint in side} for side in (after - before, before - after))
        return EndpointDiff(tuple(sorted(added)), tuple(sorted(removed)))
