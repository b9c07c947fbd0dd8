"""Render nginx.conf as ingress-nginx v1.11 does, in all parts that affect requests. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.localkube.ingress.controller_log import ACCESS_FORMAT
from harness.localkube.ingress.default_backends import PREFIX as FALLBACK_PREFIX
from harness.localkube.ingress.global_settings import GlobalSettings
from harness.localkube.ingress.model import ANY_HOST, Location, PathMatch, RateLimit, VirtualServer
from harness.localkube.nginx.record import NginxInstall

#: The controller's own default backend, which answers 404.
_DEFAULT_BACKEND = "upstream-default-backend"
#: Paths under which ingress-nginx never redirects to HTTPS and asks for no password.
_ACME = "/.well-known/acme-challenge"
_NON_IDEMPOTENT = "non_idempotent"
_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384"
)
LUA = Path(__file__).parent / "lua"

#: Fields of the access log that the evidence contains: one JSON object per request, named after nginx's variables.
_LOG_FIELDS = (
    ("time", "$msec"),
    ("attempt", '"$http_x_request_id"'),
    ("method", '"$request_method"'),
    ("uri", '"$request_uri"'),
    ("status", "$status"),
    ("upstream_addr", '"$upstream_addr"'),
    ("upstream_status", '"$upstream_status"'),
    ("upstream_response_time", '"$upstream_response_time"'),
    ("upstream_connect_time", '"$upstream_connect_time"'),
    ("request_time", "$request_time"),
    ("bytes_sent", "$bytes_sent"),
    ("connection", "$connection"),
    ("connection_requests", "$connection_requests"),
    ("backend", '"$proxy_upstream_name"'),
)
#: The headers that ingress-nginx sets and that differ from nginx's defaults.
_PROXY_HEADERS = (
    ("X-Request-ID", "$req_id"),
    ("X-Real-IP", "$remote_addr"),
    ("X-Forwarded-For", "$remote_addr"),
    ("X-Forwarded-Host", "$http_host"),
    ("X-Forwarded-Port", "$pass_port"),
    ("X-Forwarded-Proto", "$scheme"),
    ("X-Forwarded-Scheme", "$scheme"),
    ("X-Scheme", "$scheme"),
    ("X-Original-Forwarded-For", "$http_x_forwarded_for"),
    ("Proxy", '""'),
    ("Connection", "$connection_upgrade"),
    ("Upgrade", "$http_upgrade"),
)


@dataclass(frozen=True, slots=True)
class FixedConfig:
    """The part of the configuration that does not change while the controller runs.

    Attributes:
        install: The nginx installation.
        directory: Existing folder for its files.
        access_log: Path of the access log for the evidence.
        container_log: Path of the log of the controller's container, where nginx also logs requests.
        address: Address to listen on.
        port: Port for HTTP.
        tls_port: Port for HTTPS.
        certificate: Path of the default certificate with its key.
        admin_port: Port for the controller.
        timer: Seconds between two reads of the backends by a worker.
        seed: Seed of the load balancer's random choices.
        user: ``user group`` of the workers; empty if nginx is not started by root.
        descriptors: Most open files of a worker.
        workers: Number of workers.
    """

    install: NginxInstall
    directory: Path
    access_log: Path
    container_log: Path
    address: str
    port: int
    tls_port: int
    certificate: Path
    admin_port: int
    timer: float
    seed: int
    user: str = ""
    descriptors: int = 1024
    workers: int = 2


_DEFAULTS = GlobalSettings()


def render(
    fixed: FixedConfig, servers: tuple[VirtualServer, ...], generation: int, everywhere: GlobalSettings = _DEFAULTS
) -> str:
    """Return the complete nginx.conf.

    Args:
        fixed: The fixed part.
        servers: Virtual hosts.
        generation: Number that the workers of this configuration report, to distinguish them from older ones.
        everywhere: Settings of all virtual hosts.
    """
    return _HEAD.format(
        load_modules=fixed.install.load_modules(),
        user=f"user {fixed.user};" if fixed.user else "",
        workers=fixed.workers,
        descriptors=fixed.descriptors,
        connections=min(8192, fixed.descriptors),
        directory=fixed.directory,
        package_paths=fixed.install.package_paths(LUA),
        timer=f"{fixed.timer:g}",
        generation=generation,
        seed=fixed.seed,
        log_format=",".join(f'"{name}":{value}' for name, value in _LOG_FIELDS),
        access_log=fixed.access_log,
        container_log=fixed.container_log,
        default_backend=_DEFAULT_BACKEND,
        container_format=ACCESS_FORMAT.replace('"', '\\"'),
        admin=f"{fixed.address}:{fixed.admin_port}",
        certificate=fixed.certificate,
        tls_port=fixed.tls_port,
        ciphers=_CIPHERS,
        zones="".join(f"    {line}\n" for line in _zones(servers)),
        servers="\n".join(_server(server, fixed, everywhere) for server in servers),
        everywhere=everywhere,
        **_of_everywhere(everywhere),
    )


def _of_everywhere(everywhere: GlobalSettings) -> dict[str, str]:
    """Return the parts of nginx.conf that settings of all virtual hosts decide and that are no plain values."""
    kept = (
        f"keepalive {everywhere.upstream_connections};",
        f"keepalive_time {everywhere.upstream_time};",
        f"keepalive_timeout {everywhere.upstream_timeout}s;",
        f"keepalive_requests {everywhere.upstream_requests};",
    )
    return {
        "kept": "\n        ".join(kept) if everywhere.upstream_connections else "",
        "underscores": "on" if everywhere.underscores else "off",
        "ignore_invalid": "on" if everywhere.ignore_invalid else "off",
    }


def _server(server: VirtualServer, fixed: FixedConfig, everywhere: GlobalSettings) -> str:
    default = server.host == ANY_HOST
    options = " default_server reuseport backlog=4096" if default else ""
    lines = [
        f"    listen {fixed.address}:{fixed.port}{options};",
        f"    listen {fixed.address}:{fixed.tls_port}{options} ssl http2;",
        "    ssl_certificate_by_lua_block { certificate.choose() }",
        f"    server_name {' '.join([_server_name(server.host), *server.aliases])};",
        '    set $proxy_upstream_name "-";',
        '    set $proxy_alternative_upstream_name "";',
    ]
    if default:
        lines.append("    location = /healthz { access_log off; return 200; }")
    roots = dict.fromkeys(location.settings.app_root for location in server.locations)
    lines += [f'    if ($uri = /) {{ return 302 "$scheme://$http_host{root}"; }}' for root in roots if root]
    lines += ["    " + line for line in _error_locations(server)]
    for location in server.locations:
        lines += ["    " + line for line in _location(location, fixed, everywhere)]
    return "\n".join(["server {", *lines, "}"])


def _server_name(host: str) -> str:
    """Return the ``server_name`` of a host.

    In Ingresses ``*.`` matches exactly one label, but nginx's own wildcard would match several.
    """
    if host.startswith("*."):
        return '"~^[\\w-]+\\.' + host.removeprefix("*.").replace(".", "\\.") + '$"'
    return host


def _location(location: Location, fixed: FixedConfig, everywhere: GlobalSettings) -> Iterator[str]:
    opening = {PathMatch.PREFIX: "location", PathMatch.EXACT: "location =", PathMatch.REGEX: "location ~*"}[
        location.match
    ]
    pattern = f"^{location.path}" if location.match is PathMatch.REGEX else location.path
    yield f'{opening} "{pattern}" {{'
    if location.backend:
        for line in _proxying(location, fixed, everywhere):
            yield f"    {line}"
    else:
        yield '    set $proxy_upstream_name "upstream-default-backend";'
        yield "    header_filter_by_lua_block { certificate.header() }"
        yield from (f"    {line}" for line in _answering_404(location, fixed))
    yield "}"


def _answering_404(location: Location, fixed: FixedConfig) -> Iterator[str]:
    """Yield the default backend: it answers 404, after the redirect to HTTPS."""
    yield from _policies(location, fixed)
    if location.settings.has_access_rules() or _redirect_to_https(location):
        redirect = _redirect_to_https(location)
        yield f"rewrite_by_lua_block {{ {redirect} }}"
        yield "content_by_lua_block { ngx.exit(404) }"
    else:
        yield "return 404;"


def _policies(location: Location, fixed: FixedConfig) -> Iterator[str]:
    """Yield what may answer a request before it reaches a backend."""
    settings = location.settings
    if settings.denied:
        yield "return 503;"
        return
    yield from _custom_errors(location)
    yield from (f"deny {each};" for each in settings.denied_sources)
    if settings.allowed_sources:
        yield from (f"allow {each};" for each in settings.allowed_sources)
        yield "deny all;"
    if settings.auth and not location.path.startswith(_ACME):
        yield f'auth_basic "{settings.auth.realm}";'
        yield f'auth_basic_user_file "{fixed.directory / settings.auth.file_name}";'
        yield f'{"grpc_set_header" if settings.is_grpc else "proxy_set_header"} Authorization "";'
    if settings.limits:
        yield from _limits(settings.limits)
    if redirect := settings.redirect:
        yield f'return {redirect.status} "{redirect.target}";'


def _custom_errors(location: Location) -> Iterator[str]:
    """Yield the statuses that the default backend replaces, and what its headers say about the location."""
    settings = location.settings
    if settings.custom_errors or location.backend.startswith(FALLBACK_PREFIX):
        namespace, _, ingress = location.ingress.partition("/")
        for name, value in zip(
            ("namespace", "ingress_name", "service_name", "service_port"),
            (namespace, ingress, location.service, location.port),
            strict=True,
        ):
            yield f'set ${name} "{value}";'
    if settings.custom_errors and not settings.keep_errors:
        yield "proxy_intercept_errors on;"
    for code in settings.custom_errors:
        yield f"error_page {code} = @custom_{location.fallback or _DEFAULT_BACKEND}_{code};"


def _error_locations(server: VirtualServer) -> Iterator[str]:
    """Yield the locations that answer in place of custom errors; the controller's own default backend answers 404."""
    found = sorted({(each.fallback, code) for each in server.locations for code in each.settings.custom_errors})
    for fallback, code in found:
        yield f"location @custom_{fallback or _DEFAULT_BACKEND}_{code} {{"
        yield "    internal;"
        if fallback:
            yield f'    set $proxy_upstream_name "{fallback}";'
            yield "    rewrite_by_lua_block { balancer.rewrite() }"
            yield "    proxy_intercept_errors off;"
            yield from (f"    {line}" for line in _error_headers(str(code)))
            yield "    proxy_set_header X-Original-URI $request_uri;"
            yield "    proxy_set_header X-Forwarded-For $remote_addr;"
            yield "    proxy_set_header Host $best_http_host;"
            yield "    rewrite (.*) / break;"
            yield "    proxy_pass http://upstream_balancer;"
        else:
            yield "    return 404;"
        yield "}"


def _error_headers(code: str) -> Iterator[str]:
    """Yield the headers that tell a default backend why it is asked."""
    yield f"proxy_set_header X-Code {code};"
    yield "proxy_set_header X-Format $http_accept;"
    yield "proxy_set_header X-Namespace $namespace;"
    yield "proxy_set_header X-Ingress-Name $ingress_name;"
    yield "proxy_set_header X-Service-Name $service_name;"
    yield "proxy_set_header X-Service-Port $service_port;"
    yield "proxy_set_header X-Request-ID $req_id;"


def _limits(limits: RateLimit) -> Iterator[str]:
    name = limits.identifier
    if limits.connections > 0:
        yield f"limit_conn {name}_conn {limits.connections};"
    for zone, limit in (("rps", limits.per_second), ("rpm", limits.per_minute)):
        if limit > 0:
            yield f"limit_req zone={name}_{zone} burst={limit * limits.burst} nodelay;"


def _zones(servers: tuple[VirtualServer, ...]) -> Iterator[str]:
    """Yield the counters of the limits; those of one Ingress are shared by its paths."""
    found = {
        limits.identifier: limits
        for server in servers
        for location in server.locations
        if (limits := location.settings.limits)
    }
    for name, limits in sorted(found.items()):
        exempt = "".join(f" {each} 1;" for each in limits.exempt)
        yield f"geo $remote_addr $allowlist_{name} {{ default 0;{exempt} }}"
        yield f'map $allowlist_{name} $limit_{name} {{ 0 $binary_remote_addr; 1 ""; }}'
        if limits.connections > 0:
            yield f"limit_conn_zone $limit_{name} zone={name}_conn:5m;"
        for zone, limit in (("rps", limits.per_second), ("rpm", limits.per_minute)):
            if limit > 0:
                yield f"limit_req_zone $limit_{name} zone={name}_{zone}:5m rate={limit}r/{zone[-1]};"


def _redirect_to_https(location: Location) -> str:
    """Return the Lua statement that redirects to HTTPS; empty if the location never does."""
    settings = location.settings
    if location.path.startswith(_ACME) or not (settings.ssl_redirect or settings.force_ssl_redirect):
        return ""
    always, keep = (str(each).lower() for each in (settings.force_ssl_redirect, settings.preserve_trailing_slash))
    return f"certificate.redirect({{ always = {always}, keep_slash = {keep} }})"


def _proxying(location: Location, fixed: FixedConfig, everywhere: GlobalSettings) -> Iterator[str]:
    settings = location.settings
    yield f'set $proxy_upstream_name "{location.backend}";'
    yield f'set $location_path "{location.written.replace("$", "${literal_dollar}")}";'
    yield f"# {location.ingress} -> {location.service}"
    yield f"rewrite_by_lua_block {{ {_redirect_to_https(location)} balancer.rewrite() }}"
    yield "header_filter_by_lua_block { certificate.header() }"
    yield "log_by_lua_block { balancer.log() }"
    yield from _policies(location, fixed)
    yield f"client_max_body_size {settings.body_size};"
    set_header = "grpc_set_header" if settings.is_grpc else "proxy_set_header"
    yield f"{set_header} Host {settings.upstream_vhost or '$best_http_host'};"
    fallback = location.backend.startswith(FALLBACK_PREFIX)
    for name, value in _PROXY_HEADERS:
        if not (fallback and name == "X-Request-ID"):
            yield f"{set_header} {name} {value};"
    if fallback:
        yield from _error_headers("503")
    if settings.forwarded_prefix:
        yield f'{set_header} X-Forwarded-Prefix "{settings.forwarded_prefix}";'
    yield f"proxy_connect_timeout {settings.connect_timeout}s;"
    yield f"proxy_send_timeout {settings.send_timeout}s;"
    yield f"proxy_read_timeout {settings.read_timeout}s;"
    yield f"proxy_buffering {settings.buffering};"
    yield f"proxy_request_buffering {settings.request_buffering};"
    yield f"proxy_http_version {settings.http_version};"
    yield f"proxy_next_upstream {_next_upstream(settings.next_upstream, everywhere)};"
    yield f"proxy_next_upstream_timeout {settings.next_upstream_timeout};"
    yield f"proxy_next_upstream_tries {settings.next_upstream_tries};"
    if settings.is_grpc:
        yield f"grpc_connect_timeout {settings.connect_timeout}s;"
        yield f"grpc_send_timeout {settings.send_timeout}s;"
        yield f"grpc_read_timeout {settings.read_timeout}s;"
    if settings.rewrite_target and settings.rewrite_target != location.path:
        yield f'rewrite "(?i){location.path}" {settings.rewrite_target} break;'
    yield _PASSES[settings.protocol]
    yield "proxy_redirect off;"


#: The way to the pods by the protocol. As in ingress-nginx, gRPC has no settings of further tries.
_PASSES = {
    "HTTP": "proxy_pass http://upstream_balancer;",
    "AUTO_HTTP": "proxy_pass $scheme://upstream_balancer;",
    "HTTPS": "proxy_pass https://upstream_balancer;",
    "GRPC": "grpc_pass grpc://upstream_balancer;",
    "GRPCS": "grpc_pass grpcs://upstream_balancer;",
}


def _next_upstream(conditions: str, everywhere: GlobalSettings) -> str:
    """Return the conditions of another try; one of them or the ConfigMap may include POST."""
    words = conditions.split()
    if everywhere.retry_non_idempotent and _NON_IDEMPOTENT not in words:
        words.append(_NON_IDEMPOTENT)
    return " ".join(words)


_HEAD = """\
{load_modules}{user}
daemon off;
master_process on;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
worker_shutdown_timeout {everywhere.shutdown_timeout};
pid "{directory}/nginx.pid";
error_log "{directory}/error.log" notice;
events {{
    multi_accept on;
    worker_connections {connections};
    use epoll;
}}
http {{
    client_body_temp_path "{directory}/body";
    proxy_temp_path "{directory}/proxy";
    fastcgi_temp_path "{directory}/fastcgi";
    uwsgi_temp_path "{directory}/uwsgi";
    scgi_temp_path "{directory}/scgi";

    {package_paths}
    lua_shared_dict configuration 4m;
    lua_shared_dict ewma 1m;
    lua_shared_dict ewma_touched 1m;
    lua_shared_dict certificate_servers 5m;
    lua_shared_dict certificate_data 20m;
    init_by_lua_block {{
        balancer = require("balancer")
        configuration = require("configuration")
        certificate = require("certificate")
        certificate.configure({{ hsts = "{everywhere.hsts_header}", redirect_status = {everywhere.redirect_status} }})
    }}
    init_worker_by_lua_block {{
        balancer.init_worker({{ timer = {timer}, generation = {generation}, seed = {seed} }})
    }}

    keepalive_timeout {everywhere.keep_alive}s;
    keepalive_requests {everywhere.keep_alive_requests};
    client_header_timeout {everywhere.client_header_timeout}s;
    client_body_timeout {everywhere.client_body_timeout}s;
    underscores_in_headers {underscores};
    ignore_invalid_headers {ignore_invalid};
    reset_timedout_connection on;
    tcp_nopush on;
    tcp_nodelay on;
    server_tokens off;
    limit_req_status {everywhere.request_limit_status};
    limit_conn_status {everywhere.connection_limit_status};
    default_type text/html;
    proxy_buffer_size 4k;
    proxy_buffers 4 4k;
    proxy_headers_hash_max_size 1024;
    variables_hash_max_size 2048;
    variables_hash_bucket_size 256;
    server_names_hash_bucket_size 256;

    geo $literal_dollar {{ default "$"; }}
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    map $http_x_request_id $req_id {{ default $http_x_request_id; "" $request_id; }}
    map $http_host $best_http_host {{ default $http_host; "" $host; }}

    map $server_port $pass_port {{ default $server_port; {tls_port} 443; }}

    ssl_certificate "{certificate}";
    ssl_certificate_key "{certificate}";
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {ciphers};
    ssl_prefer_server_ciphers on;
    ssl_session_cache shared:SSL:10m;
    ssl_session_timeout 10m;
    ssl_session_tickets off;
    ssl_buffer_size 4k;

    log_format evidence escape=json '{{{log_format}}}';
    log_format container "{container_format}";
    access_log "{access_log}" evidence;
    map $proxy_upstream_name $is_container_logged {{ default 1; "{default_backend}" 0; }}
    access_log "{container_log}" container if=$is_container_logged;

    upstream upstream_balancer {{
        server 0.0.0.1; # never used: the balancer names the peer
        balancer_by_lua_block {{ balancer.balance() }}
        {kept}
    }}

    server {{
        listen {admin};
        access_log off;
        client_max_body_size 20m;
        client_body_buffer_size 1m;
        location / {{ content_by_lua_block {{ configuration.serve() }} }}
    }}

{zones}{servers}
}}
"""
