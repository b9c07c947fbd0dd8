"""The controller's ConfigMap: its keys have classes, set defaults of annotations, and reload nginx."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tls_parts import careless

from harness.kube.fieldclasses import FieldClass, Site
from harness.localkube.fields import CLASSIFIER
from harness.localkube.ingress import config_map_tables
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import settings_of
from harness.localkube.ingress.config_map import NAMES, RULES, class_of, controller_settings
from harness.localkube.ingress.model import ANY_HOST, Balancing, Location, LocationSettings, PathMatch, VirtualServer
from harness.localkube.ingress.render import render
from harness.localkube.ingress.translate import Snapshot, configuration_of
from harness.localkube.machinery.resources import CONFIGMAPS
from harness.model.experiment import Manifest
from tests.localkube.ingress.test_ingress_render import FIXED

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import StartPlane

#: Every key of ingress-nginx v1.11, as its documentation and its source list them.
_OF_NGINX = """
access-log-params access-log-path add-headers allow-backend-server-header allow-cross-namespace-resources
allow-snippet-annotations annotation-value-word-blocklist annotations-risk-level bind-address block-cidrs block-referers
block-user-agents brotli-level brotli-min-length brotli-types client-body-buffer-size client-body-timeout
client-header-buffer-size client-header-timeout compute-full-forwarded-for custom-http-errors debug-connections
default-type denylist-source-range disable-access-log disable-http-access-log disable-ipv6 disable-ipv6-dns
disable-proxy-intercept-errors disable-stream-access-log enable-access-log-for-default-backend enable-aio-write
enable-auth-access-log enable-brotli enable-modsecurity enable-multi-accept enable-ocsp enable-opentelemetry
enable-owasp-modsecurity-crs enable-real-ip enable-syslog enable-underscores-in-headers error-log-level error-log-path
force-ssl-redirect forwarded-for-header generate-request-id global-auth-always-set-cookie global-auth-cache-duration
global-auth-cache-key global-auth-method global-auth-request-redirect global-auth-response-headers global-auth-signin
global-auth-signin-redirect-param global-auth-snippet global-auth-url global-rate-limit-memcached-connect-timeout
global-rate-limit-memcached-host global-rate-limit-memcached-max-idle-timeout global-rate-limit-memcached-pool-size
global-rate-limit-memcached-port global-rate-limit-status-code gzip-disable gzip-level gzip-min-length gzip-types
hide-headers hsts hsts-include-subdomains hsts-max-age hsts-preload http-access-log-path http-redirect-code http-snippet
http2-max-concurrent-streams http2-max-field-size http2-max-header-size http2-max-requests ignore-invalid-headers
keep-alive keep-alive-requests large-client-header-buffers limit-conn-status-code limit-conn-zone-variable limit-rate
limit-rate-after limit-req-status-code load-balance location-snippet log-format-escape-json log-format-escape-none
log-format-stream log-format-upstream lua-shared-dicts main-snippet map-hash-bucket-size max-worker-connections
max-worker-open-files modsecurity-snippet nginx-status-ipv4-whitelist nginx-status-ipv6-whitelist no-auth-locations
no-tls-redirect-locations opentelemetry-config opentelemetry-operation-name opentelemetry-trust-incoming-span
otel-max-export-batch-size otel-max-queuesize otel-sampler otel-sampler-parent-based otel-sampler-ratio
otel-schedule-delay-millis otel-service-name otlp-collector-host otlp-collector-port plugins preserve-trailing-slash
proxy-add-original-uri-header proxy-body-size proxy-buffer-size proxy-buffering proxy-buffers-number
proxy-connect-timeout proxy-cookie-domain proxy-cookie-path proxy-headers-hash-bucket-size proxy-headers-hash-max-size
proxy-http-version proxy-max-temp-file-size proxy-next-upstream proxy-next-upstream-timeout proxy-next-upstream-tries
proxy-protocol-header-timeout proxy-read-timeout proxy-real-ip-cidr proxy-redirect-from proxy-redirect-to
proxy-request-buffering proxy-send-timeout proxy-set-headers proxy-ssl-location-only proxy-stream-next-upstream
proxy-stream-next-upstream-timeout proxy-stream-next-upstream-tries proxy-stream-responses proxy-stream-timeout
retry-non-idempotent reuse-port server-name-hash-bucket-size server-name-hash-max-size server-snippet server-tokens
service-upstream skip-access-log-urls ssl-buffer-size ssl-ciphers ssl-dh-param ssl-early-data ssl-ecdh-curve
ssl-protocols ssl-redirect ssl-reject-handshake ssl-session-cache ssl-session-cache-size ssl-session-ticket-key
ssl-session-tickets ssl-session-timeout stream-access-log-path stream-snippet strict-validate-path-type syslog-host
syslog-port upstream-hash-by upstream-hash-by-subset upstream-hash-by-subset-size upstream-keepalive-connections
upstream-keepalive-requests upstream-keepalive-time upstream-keepalive-timeout use-forwarded-headers use-geoip2 use-gzip
use-http2 use-port-in-redirects use-proxy-protocol variables-hash-bucket-size variables-hash-max-size
whitelist-source-range worker-cpu-affinity worker-processes worker-shutdown-timeout
"""
OF_NGINX = frozenset(_OF_NGINX.split())
NAME = "ingress-nginx-controller"


def config_map(data: dict[str, str], namespace: str = "", name: str = NAME) -> Manifest:
    """Return a ConfigMap; one of a workload has no namespace."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def class_of_value(key: str, value: str) -> FieldClass:
    """Return the class of a key with this value."""
    return class_of(key, Site(value, (config_map({key: value}),)))[0]


def settings(**data: str) -> LocationSettings:
    """Return the settings of an Ingress without annotations; underscores stand for hyphens."""
    return controller_settings({key.replace("_", "-"): value for key, value in data.items()}).defaults


def test_every_key_has_exactly_one_class() -> None:
    """No key is missing, and none is in two tables."""
    assert sorted(OF_NGINX - NAMES) == []
    assert len(RULES) + len(config_map_tables.DECISIVE) + len(config_map_tables.INERT) == len(NAMES)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("proxy-read-timeout", "30", FieldClass.IMPLEMENTED),
        # ingress-nginx reads numbers with a base: 030 is 24, and 30s is no number.
        ("proxy-read-timeout", "030", FieldClass.DECISIVE),
        ("proxy-read-timeout", "30s", FieldClass.INERT),
        ("proxy-read-timeout", " 30", FieldClass.INERT),
        ("proxy-read-timeout", "", FieldClass.DECISIVE),
        ("ssl-redirect", "false", FieldClass.IMPLEMENTED),
        ("ssl-redirect", "off", FieldClass.INERT),
        ("http-redirect-code", "301", FieldClass.IMPLEMENTED),
        ("http-redirect-code", "300", FieldClass.INERT),
        ("whitelist-source-range", "10.0.0.0/8, 127.0.0.1", FieldClass.IMPLEMENTED),
        ("whitelist-source-range", "home", FieldClass.DECISIVE),
        ("custom-http-errors", "404", FieldClass.DECISIVE),
        ("use-gzip", "true", FieldClass.DECISIVE),
        ("use-gzip", "false", FieldClass.INERT),
        ("use-forwarded-headers", "true", FieldClass.DECISIVE),
        ("http-snippet", "gzip on;", FieldClass.DECISIVE),
        ("log-format-upstream", "$status", FieldClass.INERT),
        ("proxy-read-time-out", "30", FieldClass.UNKNOWN),
    ],
)
def test_values_have_classes(key: str, value: str, found: FieldClass) -> None:
    """A value that ingress-nginx ignores is inert, and one that may have an effect is not."""
    assert class_of_value(key, value) is found


def test_only_the_controllers_config_map_is_read() -> None:
    """The data of a ConfigMap of another name or namespace, or behind another controller, is inert."""
    data = {"use-gzip": "true", "proxy-read-time-out": "30"}

    assert [each.field for each in CLASSIFIER.refused(config_map(data), "ingress-nginx")] == [
        "data.use-gzip",
        "data.proxy-read-time-out",
    ]
    assert CLASSIFIER.refused(config_map(data, "ingress-nginx"), "ingress-nginx")
    assert CLASSIFIER.refused(config_map(data, "ingress-nginx", "tcp-services"), "ingress-nginx")
    for other, ingress in (
        (config_map(data, "shop"), "ingress-nginx"),
        (config_map(data, name="shop"), "ingress-nginx"),
        (config_map(data), "traefik"),
    ):
        assert CLASSIFIER.refused(other, ingress) == []
        assert [each.field for each in CLASSIFIER.classify(other, ingress)].count("data") == 1


def test_keys_are_defaults_and_annotations_override_them() -> None:
    """An annotation with an invalid value leaves the value of the ConfigMap."""
    defaults = settings(proxy_read_timeout="7", proxy_body_size="2m", ssl_redirect="false")
    metadata = {
        "name": "web",
        "annotations": {f"{PREFIX}proxy-read-timeout": "9", f"{PREFIX}proxy-body-size": "two"},
    }
    found = settings_of({"metadata": metadata}, defaults=defaults)

    assert (found.read_timeout, found.body_size, found.ssl_redirect) == (9, "2m", False)
    assert settings(proxy_read_timeout="7s") == LocationSettings()


def test_lists_of_addresses_are_defaults() -> None:
    """An annotation replaces the list."""
    defaults = settings(whitelist_source_range="10.0.0.0/8", denylist_source_range="10.1.0.0/16")
    own = {"name": "web", "annotations": {f"{PREFIX}whitelist-source-range": "127.0.0.1"}}

    assert settings_of({"metadata": {"name": "web"}}, defaults=defaults).allowed_sources == ("10.0.0.0/8",)
    assert settings_of({"metadata": own}, defaults=defaults).allowed_sources == ("127.0.0.1",)
    assert settings_of({"metadata": own}, defaults=defaults).denied_sources == ("10.1.0.0/16",)


def test_every_key_that_is_read_causes_a_reload() -> None:
    """ingress-nginx writes a checksum of the keys that it reads into nginx.conf."""
    plain, logged, unknown, balanced = (
        configuration_of(Snapshot((), (), (), (), settings=data))
        for data in ({}, {"log-format-upstream": "$status"}, {"no-such-key": "1"}, {"load-balance": "ewma"})
    )

    assert logged.needs_reload_after(plain)
    assert not unknown.needs_reload_after(plain)
    assert balanced.needs_reload_after(plain)
    assert controller_settings({"load-balance": "ewma"}).balancing is Balancing.EWMA


def test_global_keys_change_nginx_conf() -> None:
    """Connections, limits, headers and retries of POST."""
    data = {
        "keep-alive": "11",
        "upstream-keepalive-timeout": "12",
        "worker-shutdown-timeout": "13s",
        "limit-req-status-code": "429",
        "retry-non-idempotent": "true",
        "hsts-preload": "true",
        "enable-underscores-in-headers": "true",
    }
    servers = (VirtualServer(ANY_HOST, (Location("/", PathMatch.PREFIX, "default-apple-80"),)),)
    text = render(FIXED, servers, 1, controller_settings(data).everywhere)

    for line in (
        "keepalive_timeout 11s;",
        "keepalive_timeout 12s;",
        "worker_shutdown_timeout 13s;",
        "limit_req_status 429;",
        "proxy_next_upstream error timeout non_idempotent;",
        'hsts = "max-age=31536000; includeSubDomains; preload"',
        "underscores_in_headers on;",
    ):
        assert line in text
    off = render(FIXED, servers, 1, controller_settings({"upstream-keepalive-connections": "0"}).everywhere)
    assert "keepalive 320;" in text
    assert "keepalive 0" not in off
    assert "keepalive_time " not in off


@pytest.mark.nginx
@pytest.mark.processes
def test_a_running_controller_uses_its_config_map(plane: StartPlane) -> None:
    """The status of the redirect, the body size and HSTS change with one reload; a deletion changes nothing."""
    data = {"http-redirect-code": "301", "proxy-body-size": "1", "hsts": "false"}

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.shop({"force-ssl-redirect": "true"})
            await p.gives(308)
            before = await p.exchange(tls=careless())

            await p.client.create(CONFIGMAPS, {"metadata": {"name": NAME}, "data": data}, "ingress-nginx")

            await p.gives(301)
            large = await p.gives(413, tls=careless(), method="POST", body="four")
            plain = await p.gives(200, tls=careless())
            await p.client.delete(CONFIGMAPS, NAME, "ingress-nginx")
            # A further host shows that the controller has synced after the deletion.
            await p.shop({"force-ssl-redirect": "true"}, name="second", host="second.example")
            second = await p.gives(301, host="second.example")

            assert before.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
            assert "strict-transport-security" not in plain.headers
            assert (large.status, second.status) == (413, 301)

    asyncio.run(scenario())
