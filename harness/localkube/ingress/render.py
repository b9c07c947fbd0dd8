"""Render nginx.conf as ingress-nginx v1.11 does, in all parts that affect requests. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.localkube.ingress.model import ANY_HOST, Location, PathMatch, VirtualServer
from harness.localkube.nginx.record import NginxInstall

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
    ("X-Forwarded-Port", "$server_port"),
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
        access_log: Path of the access log.
        address: Address to listen on.
        port: Port for traffic.
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
    address: str
    port: int
    admin_port: int
    timer: float
    seed: int
    user: str = ""
    descriptors: int = 1024
    workers: int = 2


def render(fixed: FixedConfig, servers: tuple[VirtualServer, ...], generation: int) -> str:
    """Return the complete nginx.conf.

    Args:
        fixed: The fixed part.
        servers: Virtual hosts.
        generation: Number that the workers of this configuration report, to distinguish them from older ones.
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
        admin=f"{fixed.address}:{fixed.admin_port}",
        servers="\n".join(_server(server, f"{fixed.address}:{fixed.port}") for server in servers),
    )


def _server(server: VirtualServer, listen: str) -> str:
    default = server.host == ANY_HOST
    lines = [
        f"    listen {listen}{' default_server reuseport backlog=4096' if default else ''};",
        f"    server_name {_server_name(server.host)};",
        '    set $proxy_upstream_name "-";',
    ]
    if default:
        lines.append("    location = /healthz { access_log off; return 200; }")
    for location in server.locations:
        lines += ["    " + line for line in _location(location)]
    return "\n".join(["server {", *lines, "}"])


def _server_name(host: str) -> str:
    """Return the ``server_name`` of a host.

    In Ingresses ``*.`` matches exactly one label, but nginx's own wildcard would match several.
    """
    if host.startswith("*."):
        return '"~^[\\w-]+\\.' + host.removeprefix("*.").replace(".", "\\.") + '$"'
    return host


def _location(location: Location) -> Iterator[str]:
    opening = {PathMatch.PREFIX: "location", PathMatch.EXACT: "location =", PathMatch.REGEX: "location ~*"}[
        location.match
    ]
    pattern = f"^{location.path}" if location.match is PathMatch.REGEX else location.path
    yield f'{opening} "{pattern}" {{'
    if location.backend:
        for line in _proxying(location):
            yield f"    {line}"
    else:
        yield '    set $proxy_upstream_name "upstream-default-backend";'
        yield "    return 404;"
    yield "}"


def _proxying(location: Location) -> Iterator[str]:
    settings = location.settings
    yield f'set $proxy_upstream_name "{location.backend}";'
    yield f'set $location_path "{location.written.replace("$", "${literal_dollar}")}";'
    yield f"# {location.ingress} -> {location.service}"
    yield "rewrite_by_lua_block { balancer.rewrite() }"
    yield "log_by_lua_block { balancer.log() }"
    yield f"client_max_body_size {settings.body_size};"
    yield f"proxy_set_header Host {settings.upstream_vhost or '$best_http_host'};"
    for name, value in _PROXY_HEADERS:
        yield f"proxy_set_header {name} {value};"
    if settings.forwarded_prefix:
        yield f'proxy_set_header X-Forwarded-Prefix "{settings.forwarded_prefix}";'
    yield f"proxy_connect_timeout {settings.connect_timeout}s;"
    yield f"proxy_send_timeout {settings.send_timeout}s;"
    yield f"proxy_read_timeout {settings.read_timeout}s;"
    yield f"proxy_buffering {settings.buffering};"
    yield f"proxy_request_buffering {settings.request_buffering};"
    yield f"proxy_http_version {settings.http_version};"
    yield f"proxy_next_upstream {settings.next_upstream};"
    yield f"proxy_next_upstream_timeout {settings.next_upstream_timeout};"
    yield f"proxy_next_upstream_tries {settings.next_upstream_tries};"
    if settings.rewrite_target and settings.rewrite_target != location.path:
        yield f'rewrite "(?i){location.path}" {settings.rewrite_target} break;'
    yield "proxy_pass http://upstream_balancer;"
    yield "proxy_redirect off;"


_HEAD = """\
{load_modules}{user}
daemon off;
master_process on;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
worker_shutdown_timeout 240s;
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
    init_by_lua_block {{
        balancer = require("balancer")
        configuration = require("configuration")
    }}
    init_worker_by_lua_block {{
        balancer.init_worker({{ timer = {timer}, generation = {generation}, seed = {seed} }})
    }}

    keepalive_timeout 75s;
    keepalive_requests 1000;
    client_header_timeout 60s;
    client_body_timeout 60s;
    reset_timedout_connection on;
    tcp_nopush on;
    tcp_nodelay on;
    server_tokens off;
    default_type text/html;
    proxy_buffer_size 4k;
    proxy_buffers 4 4k;
    proxy_headers_hash_max_size 1024;
    variables_hash_max_size 2048;

    geo $literal_dollar {{ default "$"; }}
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    map $http_x_request_id $req_id {{ default $http_x_request_id; "" $request_id; }}
    map $http_host $best_http_host {{ default $http_host; "" $host; }}

    log_format evidence escape=json '{{{log_format}}}';
    access_log "{access_log}" evidence;

    upstream upstream_balancer {{
        server 0.0.0.1; # never used: the balancer names the peer
        balancer_by_lua_block {{ balancer.balance() }}
        keepalive 320;
        keepalive_time 1h;
        keepalive_timeout 60s;
        keepalive_requests 10000;
    }}

    server {{
        listen {admin};
        access_log off;
        client_max_body_size 4m;
        client_body_buffer_size 1m;
        location / {{ content_by_lua_block {{ configuration.serve() }} }}
    }}

{servers}
}}
"""
