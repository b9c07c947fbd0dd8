"""The settings of the controller's ConfigMap that apply to all of nginx.conf."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GlobalSettings:
    """The settings of all virtual hosts, with ingress-nginx's defaults. Times in seconds.

    Attributes:
        keep_alive: Time for which an idle connection of a client stays open.
        keep_alive_requests: Requests on one connection of a client.
        client_header_timeout: Time to receive the header of a request.
        client_body_timeout: Time between two reads of the body of a request.
        upstream_connections: Idle connections to endpoints that each worker keeps; 0 for none.
        upstream_time: Longest life of a connection to an endpoint, in nginx's notation.
        upstream_timeout: Time for which an idle connection to an endpoint stays open.
        upstream_requests: Requests on one connection to an endpoint.
        shutdown_timeout: Time after which an old worker drops its requests, in nginx's notation.
        request_limit_status: Status of an answer above a rate limit.
        connection_limit_status: Status of an answer above a limit of connections.
        redirect_status: Status of the redirect to HTTPS.
        hsts: True to send the header Strict-Transport-Security over HTTPS.
        hsts_max_age: Seconds for which browsers remember it, as written in the header.
        hsts_subdomains: True to include subdomains in it.
        hsts_preload: True to allow its preloading.
        retry_non_idempotent: True to send a POST again after a failure.
        underscores: True to accept names of headers with underscores.
        ignore_invalid: True to ignore headers with invalid names.
        values: All keys that ingress-nginx reads, with their values, sorted. As in ingress-nginx, any difference causes
            a reload.
    """

    keep_alive: int = 75
    keep_alive_requests: int = 1000
    client_header_timeout: int = 60
    client_body_timeout: int = 60
    upstream_connections: int = 320
    upstream_time: str = "1h"
    upstream_timeout: int = 60
    upstream_requests: int = 10000
    shutdown_timeout: str = "240s"
    request_limit_status: int = 503
    connection_limit_status: int = 503
    redirect_status: int = 308
    hsts: bool = True
    hsts_max_age: str = "31536000"
    hsts_subdomains: bool = True
    hsts_preload: bool = False
    retry_non_idempotent: bool = False
    underscores: bool = False
    ignore_invalid: bool = True
    values: tuple[tuple[str, str], ...] = ()

    @property
    def hsts_header(self) -> str:
        """Return the value of the header Strict-Transport-Security; empty for no header."""
        if not self.hsts:
            return ""
        subdomains = "; includeSubDomains" if self.hsts_subdomains else ""
        return f"max-age={self.hsts_max_age}{subdomains}{'; preload' if self.hsts_preload else ''}"
