"""The text of nginx.conf: required directives, and the settings that change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.localkube.ingress.model import (
    ANY_HOST,
    Backend,
    Balancing,
    EndpointDiff,
    Location,
    LocationSettings,
    PathMatch,
    VirtualServer,
)
from harness.localkube.ingress.render import FixedConfig, render
from harness.localkube.nginx.record import NginxInstall

INSTALL = NginxInstall(Path("/n/nginx"), Path("/n/modules"), ("/n/lua/?.lua",), ("/n/lib/?.so",), "", "1.22.1")
FIXED = FixedConfig(
    install=INSTALL,
    directory=Path("/state/nginx"),
    access_log=Path("/state/logs/access.jsonl"),
    container_log=Path("/state/logs/pods/controller.log"),
    address="127.9.0.2",
    port=8080,
    tls_port=8443,
    certificate=Path("/state/nginx/default.pem"),
    admin_port=10246,
    timer=1.0,
    seed=7,
)


def text_of(*locations: Location, host: str = ANY_HOST) -> str:
    """Return the file for one server."""
    return render(FIXED, (VirtualServer(host, locations),), 1)


def block(text: str, opening: str) -> str:
    """Return the lines from an opening to the closing brace on the same level."""
    start = text.index(opening)
    indent = start - text.rindex("\n", 0, start) - 1
    return text[start : text.index("\n" + " " * indent + "}", start)]


@pytest.mark.parametrize(
    "line",
    [
        "worker_processes 2;",
        "worker_shutdown_timeout 240s;",
        "daemon off;",
        'pid "/state/nginx/nginx.pid";',
        "keepalive_timeout 75s;",
        "keepalive_requests 1000;",
        "balancer_by_lua_block { balancer.balance() }",
        "keepalive 320;",
        "keepalive_timeout 60s;",
        "listen 127.9.0.2:8080 default_server reuseport backlog=4096;",
        "listen 127.9.0.2:10246;",
        'access_log "/state/logs/access.jsonl" evidence;',
        "balancer.init_worker({ timer = 1, generation = 1, seed = 7 })",
    ],
)
def test_the_global_settings_are_those_of_ingress_nginx(line: str) -> None:
    """Timeouts, pools and workers are those of controller v1.11, and all files are in the cluster's folder."""
    assert line in text_of()


def test_a_location_has_its_defaults() -> None:
    """Connect has a timeout of 5 s, read and send of 60 s; errors and timeouts lead to three attempts in all."""
    found = block(text_of(Location("/", PathMatch.PREFIX, "default-apple-80")), 'location "/"')

    for line in (
        'set $proxy_upstream_name "default-apple-80";',
        "proxy_connect_timeout 5s;",
        "proxy_send_timeout 60s;",
        "proxy_read_timeout 60s;",
        "proxy_next_upstream error timeout;",
        "proxy_next_upstream_tries 3;",
        "proxy_set_header X-Request-ID $req_id;",
        "proxy_http_version 1.1;",
        "proxy_pass http://upstream_balancer;",
    ):
        assert line in found
    assert 'rewrite "' not in found


def test_a_rewrite_is_written_with_its_expression() -> None:
    """The path is matched case-insensitively, and the target can use its groups."""
    settings = LocationSettings(rewrite_target="/$2")
    text = text_of(Location("/a(/|$)(.*)", PathMatch.REGEX, "b", settings=settings))

    assert 'rewrite "(?i)/a(/|$)(.*)" /$2 break;' in block(text, 'location ~* "^/a(/|$)(.*)"')


def test_a_path_without_backend_is_not_found() -> None:
    """A path without a rule is answered with 404 and not proxied."""
    found = block(text_of(Location("/", PathMatch.PREFIX)), 'location "/"')

    assert "ngx.exit(404)" in found
    assert "return 404;" in text_of(Location("/", PathMatch.PREFIX, settings=LocationSettings(ssl_redirect=False)))
    assert "proxy_pass" not in found


def test_hosts_become_server_names() -> None:
    """A wildcard matches one label; only the default server sets socket options."""
    assert "server_name a.example;" in text_of(host="a.example")
    assert 'server_name "~^[\\w-]+\\.a\\.example$";' in text_of(host="*.a.example")
    assert "reuseport" not in text_of(host="a.example")


def test_different_settings_give_different_text() -> None:
    """Two different settings never give the same configuration."""
    texts = {
        text_of(Location("/", PathMatch.PREFIX, "b", settings=settings))
        for settings in (
            LocationSettings(),
            LocationSettings(read_timeout=61),
            LocationSettings(send_timeout=61),
            LocationSettings(connect_timeout=1),
            LocationSettings(next_upstream="off"),
            LocationSettings(next_upstream_tries=1),
            LocationSettings(next_upstream_timeout=1),
            LocationSettings(body_size="2m"),
            LocationSettings(buffering="on"),
            LocationSettings(request_buffering="off"),
            LocationSettings(http_version="1.0"),
            LocationSettings(forwarded_prefix="/x"),
            LocationSettings(upstream_vhost="x"),
            LocationSettings(rewrite_target="/x"),
        )
    }

    assert len(texts) == 14


def test_endpoint_differences_are_addresses() -> None:
    """Added and removed endpoints are listed as ``ip:port``, each once, regardless of the backends' names."""
    old = {"a": Backend(("1:1", "2:1")), "b": Backend(("2:1",)), "gone": Backend(("9:1",))}
    new = {"a": Backend(("2:1", "3:1")), "b": Backend(("2:1", "3:1")), "empty": Backend()}

    assert EndpointDiff.between(old, new) == EndpointDiff(added=("3:1",), removed=("1:1", "9:1"))
    assert EndpointDiff.between(new, new) == EndpointDiff((), ())


def test_another_algorithm_is_not_an_endpoint_difference() -> None:
    """Another load balancing algorithm neither adds nor removes an endpoint."""
    old, new = ({"a": Backend(("1:1",), balancing)} for balancing in Balancing)

    assert EndpointDiff.between(old, new) == EndpointDiff((), ())
