"""Classes of the keys of ingress-nginx v1.11's ConfigMap that are not implemented here.

``config_map.RULES`` has the implemented keys. A key in none of the tables is unknown, and ingress-nginx ignores it.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.kube.fieldclasses import Decisive, Site
from harness.localkube.ingress.harmless_values import (
    at_least_4k,
    not_positive,
    off,
    on,
    one_of,
    text_of,
)


def _many(site: Site) -> bool:
    """Accept no limit, and a limit that the traffic of a trial does not reach."""
    text = text_of(site)
    return not text.isdigit() or int(text) == 0 or int(text) >= 8192


_SWITCH = "false"
_TRUE = "true"
_SNIPPET = "inserts this text into nginx.conf, which can change every response"
_EMPTY = one_of("")
_ACME = "/.well-known/acme-challenge"
_PROTOCOLS = "TLSv1.2 TLSv1.3"

DECISIVE: Mapping[str, Decisive] = {
    "add-headers": Decisive("adds the headers of this ConfigMap to every response", _EMPTY),
    "allow-cross-namespace-resources": Decisive("ignores annotations that name objects of other namespaces", on, _TRUE),
    "annotation-value-word-blocklist": Decisive("ignores Ingresses whose annotations have these words", _EMPTY),
    "annotations-risk-level": Decisive(
        "ignores Ingresses with annotations above this level", one_of("critical"), "Critical"
    ),
    "app-root": Decisive("redirects requests for / to this path", _EMPTY),
    "bind-address": Decisive("accepts requests only at these addresses", _EMPTY),
    "block-cidrs": Decisive("answers 403 to these clients", _EMPTY),
    "block-referers": Decisive("answers 403 to requests with these referers", _EMPTY),
    "block-user-agents": Decisive("answers 403 to these user agents", _EMPTY),
    "compute-full-forwarded-for": Decisive("sends another X-Forwarded-For to the pods", off, _SWITCH),
    "custom-http-errors": Decisive("replaces these errors, also those of paths without a rule", _EMPTY),
    "disable-proxy-intercept-errors": Decisive("replaces no errors of the pods", off, _SWITCH),
    "enable-brotli": Decisive("compresses responses", off, _SWITCH),
    "enable-modsecurity": Decisive("answers 403 to requests that ModSecurity blocks", off, _SWITCH),
    "enable-real-ip": Decisive("takes the client's address from a header", off, _SWITCH),
    "global-auth-url": Decisive(
        "sends a subrequest to this URL for every request, and answers 401 or 403 if it does", _EMPTY
    ),
    "hide-headers": Decisive("removes these headers from responses", _EMPTY),
    "http-snippet": Decisive(_SNIPPET, _EMPTY),
    "large-client-header-buffers": Decisive("answers 400 to larger headers", one_of("4 8k"), "4 8k"),
    "limit-conn-zone-variable": Decisive(
        "counts connections by this variable", one_of("$binary_remote_addr"), "$binary_remote_addr"
    ),
    "limit-rate": Decisive("limits the rate of responses", not_positive, "0"),
    "location-snippet": Decisive(_SNIPPET, _EMPTY),
    "main-snippet": Decisive(_SNIPPET, _EMPTY),
    "max-worker-connections": Decisive("accepts no more connections than this", _many, "0, or 8192 and more"),
    "max-worker-open-files": Decisive("accepts no more connections than this", _many, "0, or 8192 and more"),
    "no-auth-locations": Decisive("asks for no password under these paths", one_of(_ACME), _ACME),
    "no-tls-redirect-locations": Decisive("does not redirect these paths to HTTPS", one_of(_ACME), _ACME),
    "plugins": Decisive("runs these programs for every request", _EMPTY),
    "proxy-add-original-uri-header": Decisive("sends the header X-Original-Uri to the pods", off, _SWITCH),
    "proxy-buffer-size": Decisive("answers 502 if a response header is larger", at_least_4k, "4k or more"),
    "proxy-cookie-domain": Decisive("rewrites the domain of cookies", one_of("off"), "off"),
    "proxy-cookie-path": Decisive("rewrites the path of cookies", one_of("off"), "off"),
    "proxy-redirect-from": Decisive("rewrites the Location of redirects", one_of("off"), "off"),
    "proxy-set-headers": Decisive("sends the headers of this ConfigMap to the pods", _EMPTY),
    "relative-redirects": Decisive("omits the host in redirects", off, _SWITCH),
    "reuse-port": Decisive("gives all workers one queue of connections", on, _TRUE),
    "server-snippet": Decisive(_SNIPPET, _EMPTY),
    "service-upstream": Decisive(
        "sends requests to the Service's cluster address, where kube-proxy chooses the pod", off, _SWITCH
    ),
    "ssl-ciphers": Decisive("accepts only these ciphers", _EMPTY),
    "ssl-early-data": Decisive("accepts requests in the first packet of a TLS connection", off, _SWITCH),
    "ssl-ecdh-curve": Decisive("accepts only this curve in TLS handshakes", one_of("auto"), "auto"),
    "ssl-protocols": Decisive("accepts only these versions of TLS", one_of(_PROTOCOLS.lower()), _PROTOCOLS),
    "ssl-reject-handshake": Decisive("rejects TLS connections to unknown hosts", off, _SWITCH),
    "stream-snippet": Decisive(_SNIPPET, _EMPTY),
    "strict-validate-path-type": Decisive("ignores Ingresses with unusual paths", off, _SWITCH),
    "upstream-hash-by": Decisive("sends requests with the same key to the same pod", _EMPTY),
    "upstream-hash-by-subset": Decisive("sends requests with the same key to a subset of the pods", off, _SWITCH),
    "use-forwarded-headers": Decisive("takes the client's address and protocol from headers", off, _SWITCH),
    "use-gzip": Decisive("compresses responses", off, _SWITCH),
    "use-port-in-redirects": Decisive("names its port in redirects to HTTPS", off, _SWITCH),
    "use-proxy-protocol": Decisive("accepts only connections that begin with a PROXY header", off, _SWITCH),
}


def _without(other: str) -> str:
    return f"it has no effect without {other}, which has a class of its own"


_LOGS = "it affects only logs and traces"
_MEMORY = "it affects only memory, tables and temporary files of nginx"
_HANDSHAKES = "it affects only the cost of TLS handshakes"
_HTTP2 = "the traffic of trials uses HTTP/1.1"
_STREAMS = "no TCP or UDP ports are configured"
_REMOVED = "ingress-nginx v1.11 no longer reads it"

#: Each with the reason.
INERT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "access-log-params", "access-log-path", "debug-connections", "disable-access-log",
            "disable-http-access-log", "disable-stream-access-log", "enable-access-log-for-default-backend",
            "enable-auth-access-log", "enable-opentelemetry", "enable-syslog", "error-log-level", "error-log-path",
            "http-access-log-path", "log-format-escape-json", "log-format-escape-none", "log-format-stream",
            "log-format-upstream", "opentelemetry-config", "opentelemetry-operation-name",
            "opentelemetry-trust-incoming-span", "otel-max-export-batch-size", "otel-max-queuesize", "otel-sampler",
            "otel-sampler-parent-based", "otel-sampler-ratio", "otel-schedule-delay-millis", "otel-service-name",
            "otlp-collector-host", "otlp-collector-port", "skip-access-log-urls", "stream-access-log-path",
            "syslog-host", "syslog-port",
        ),
        _LOGS,
    ),
    **dict.fromkeys(
        (
            "client-body-buffer-size", "client-header-buffer-size", "enable-aio-write", "lua-shared-dicts",
            "map-hash-bucket-size", "proxy-buffers-number", "proxy-busy-buffers-size", "proxy-headers-hash-bucket-size",
            "proxy-headers-hash-max-size", "proxy-max-temp-file-size", "server-name-hash-bucket-size",
            "server-name-hash-max-size", "variables-hash-bucket-size", "variables-hash-max-size",
        ),
        _MEMORY,
    ),
    **dict.fromkeys(
        (
            "enable-ocsp", "ssl-buffer-size", "ssl-dh-param", "ssl-session-cache", "ssl-session-cache-size",
            "ssl-session-ticket-key", "ssl-session-tickets", "ssl-session-timeout",
        ),
        _HANDSHAKES,
    ),
    **dict.fromkeys(
        (
            "http2-max-concurrent-streams", "http2-max-field-size", "http2-max-header-size", "http2-max-requests",
            "use-http2",
        ),
        _HTTP2,
    ),
    **dict.fromkeys(
        (
            "proxy-stream-next-upstream", "proxy-stream-next-upstream-timeout", "proxy-stream-next-upstream-tries",
            "proxy-stream-responses", "proxy-stream-timeout",
        ),
        _STREAMS,
    ),
    **dict.fromkeys(("brotli-level", "brotli-min-length", "brotli-types"), _without("enable-brotli")),
    **dict.fromkeys(("gzip-disable", "gzip-level", "gzip-min-length", "gzip-types"), _without("use-gzip")),
    **dict.fromkeys(("enable-owasp-modsecurity-crs", "modsecurity-snippet"), _without("enable-modsecurity")),
    **dict.fromkeys(
        (
            "global-auth-always-set-cookie", "global-auth-cache-duration", "global-auth-cache-key",
            "global-auth-method", "global-auth-request-redirect", "global-auth-response-headers",
            "global-auth-signin", "global-auth-signin-redirect-param", "global-auth-snippet",
        ),
        _without("global-auth-url"),
    ),
    **dict.fromkeys(
        (
            "global-rate-limit-memcached-connect-timeout", "global-rate-limit-memcached-host",
            "global-rate-limit-memcached-max-idle-timeout", "global-rate-limit-memcached-pool-size",
            "global-rate-limit-memcached-port", "global-rate-limit-status-code",
        ),
        _without("the annotation global-rate-limit"),
    ),
    **dict.fromkeys(
        (
            "datadog-collector-host", "datadog-collector-port", "datadog-environment",
            "datadog-operation-name-override", "datadog-priority-sampling", "datadog-sample-rate",
            "datadog-service-name", "enable-opentracing", "enable-vts-status", "jaeger-collector-host",
            "jaeger-collector-port", "jaeger-endpoint", "jaeger-propagation-format", "jaeger-sampler-host",
            "jaeger-sampler-param", "jaeger-sampler-port", "jaeger-sampler-type", "jaeger-service-name",
            "opentracing-location-operation-name", "opentracing-operation-name", "use-geoip", "zipkin-collector-host",
            "zipkin-collector-port", "zipkin-sample-rate", "zipkin-service-name",
        ),
        _REMOVED,
    ),
    "allow-backend-server-header": "it affects only the header Server",
    "allow-snippet-annotations": "each snippet has a class of its own",
    "default-type": "it applies only to nginx's own answers",
    "disable-ipv6": "the traffic of trials uses IPv4",
    "disable-ipv6-dns": "the traffic of trials uses IPv4",
    "enable-multi-accept": "it affects only the order in which a worker accepts connections",
    "forwarded-for-header": _without("use-forwarded-headers or enable-real-ip"),
    "generate-request-id": "every request of a trial has an X-Request-ID",
    "limit-rate-after": _without("limit-rate"),
    "nginx-status-ipv4-whitelist": "requests of a trial do not ask for nginx's status",
    "nginx-status-ipv6-whitelist": "requests of a trial do not ask for nginx's status",
    "proxy-protocol-header-timeout": _without("use-proxy-protocol"),
    "proxy-real-ip-cidr": _without("use-forwarded-headers, use-proxy-protocol or enable-real-ip"),
    "proxy-redirect-to": _without("proxy-redirect-from"),
    "proxy-ssl-location-only": "it changes only where nginx.conf has the settings",
    "server-tokens": "it affects only the header Server and the text of error pages",
    "upstream-hash-by-subset-size": _without("upstream-hash-by-subset"),
    "use-geoip2": "it adds only variables for logs and snippets",
    "worker-cpu-affinity": "it affects only the processors that the workers use",
    "worker-processes": "the embedded nginx has two workers, which each read the endpoints on a timer",
}  # fmt: skip
