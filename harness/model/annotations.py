"""Lists the annotations of Ingresses that a controller reads, and its replacements for those that it does not read.

The lists are those of ingress-nginx 1.11 (its annotation parsers) and Traefik 3.7 (the tags of its ingress-nginx
provider's configuration, the prefixes of its Ingress provider).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness import controller_objects

#: Prefix of each controller's annotations.
NGINX = controller_objects.INGRESS_NGINX.annotations
#: Annotations of a canary that ingress-nginx applies together with endpoints, without a reload (release 1.11,
#: ``TrafficShapingPolicy`` of a backend).
WITHOUT_RELOAD = frozenset(
    f"{NGINX}canary-{name}"
    for name in ("weight", "weight-total", "by-header", "by-header-value", "by-header-pattern", "by-cookie")
)
TRAEFIK = controller_objects.TRAEFIK.annotations


@dataclass(frozen=True, slots=True)
class Replacement:
    """A setting of one controller in place of another's annotation.

    Attributes:
        about: The topic of the annotation.
        instead: The setting to use, as text.
    """

    about: str
    instead: str


# fmt: off
#: Annotations of ingress-nginx that Traefik's ingress-nginx provider reads (3.7.15), without the prefix.
TRAEFIK_READS_OF_NGINX = frozenset({
    "affinity", "affinity-canary-behavior", "allowlist-source-range", "app-root", "auth-method", "auth-realm",
    "auth-response-headers", "auth-secret", "auth-secret-type", "auth-signin", "auth-snippet",
    "auth-tls-pass-certificate-to-upstream", "auth-tls-secret", "auth-tls-verify-client", "auth-type", "auth-url",
    "backend-protocol", "canary", "canary-by-cookie", "canary-by-header", "canary-by-header-pattern",
    "canary-by-header-value", "canary-weight", "canary-weight-total", "client-body-buffer-size",
    "configuration-snippet", "cors-allow-credentials", "cors-allow-headers", "cors-allow-methods",
    "cors-allow-origin", "cors-expose-headers", "cors-max-age", "custom-headers", "custom-http-errors",
    "default-backend", "enable-access-log", "enable-cors", "enable-global-auth", "enable-modsecurity",
    "enable-owasp-core-rules", "force-ssl-redirect", "from-to-www-redirect", "limit-burst-multiplier",
    "limit-connections", "limit-rpm", "limit-rps", "modsecurity-snippet", "modsecurity-transaction-id",
    "permanent-redirect", "permanent-redirect-code", "proxy-body-size", "proxy-buffer-size", "proxy-buffering",
    "proxy-buffers-number", "proxy-connect-timeout", "proxy-http-version", "proxy-max-temp-file-size",
    "proxy-next-upstream", "proxy-next-upstream-timeout", "proxy-next-upstream-tries", "proxy-read-timeout",
    "proxy-request-buffering", "proxy-send-timeout", "proxy-ssl-name", "proxy-ssl-secret", "proxy-ssl-server-name",
    "proxy-ssl-verify", "rewrite-target", "server-alias", "server-snippet", "service-upstream",
    "session-cookie-domain", "session-cookie-expires", "session-cookie-max-age", "session-cookie-name",
    "session-cookie-path", "session-cookie-samesite", "session-cookie-secure", "ssl-passthrough", "ssl-redirect",
    "temporal-redirect", "temporal-redirect-code", "upstream-hash-by", "upstream-vhost", "use-regex",
    "whitelist-source-range", "x-forwarded-prefix",
})
# fmt: on

#: Traefik's replacements for ingress-nginx's annotations, by the beginning of the name without the prefix. The longest
#: matching beginning counts.
_BEHIND_TRAEFIK: Mapping[str, tuple[str, str]] = {
    "rewrite-target": ("rewriting", "a Middleware: stripPrefix, replacePathRegex"),
    "use-regex": ("rewriting", "an IngressRoute with PathRegexp(...)"),
    "app-root": ("rewriting", "a Middleware: redirectRegex"),
    "x-forwarded-prefix": ("rewriting", "a Middleware: headers, or stripPrefix, which sets it"),
    "upstream-vhost": ("rewriting", "a Middleware: headers with customRequestHeaders Host"),
    "proxy-connect-timeout": ("timeouts", "a ServersTransport: forwardingTimeouts.dialTimeout"),
    "proxy-read-timeout": ("timeouts", "a ServersTransport: forwardingTimeouts.responseHeaderTimeout"),
    "proxy-send-timeout": ("timeouts", "respondingTimeouts.writeTimeout of the entry point"),
    "proxy-next-upstream": ("retries", "a Middleware: retry"),
    "affinity": ("sticky sessions", f"annotations on the Service: {TRAEFIK}service.sticky.cookie"),
    "session-cookie": ("sticky sessions", f"annotations on the Service: {TRAEFIK}service.sticky.cookie.*"),
    "upstream-hash-by": ("sticky sessions", "an IngressRoute whose service has strategy hrw, or a sticky cookie"),
    "canary": ("canary", "a TraefikService with weights, an IngressRoute with Header(...)"),
    "load-balance": ("balancing", "an IngressRoute whose service has a strategy (wrr, p2c, hrw, leasttime)"),
    "proxy-body-size": ("buffering", "a Middleware: buffering with maxRequestBodyBytes"),
    "client-body-buffer-size": ("buffering", "a Middleware: buffering with memRequestBodyBytes"),
    "proxy-buffer": ("buffering", "a Middleware: buffering"),
    "proxy-request-buffering": ("buffering", "a Middleware: buffering; Traefik streams without one"),
    "proxy-http-version": ("protocol", "nothing: HTTP/1.1, or h2c by the Service's port"),
    "backend-protocol": ("protocol", f"annotation on the Service: {TRAEFIK}service.serversscheme"),
    "ssl-redirect": ("redirects", "a Middleware: redirectScheme"),
    "force-ssl-redirect": ("redirects", "a Middleware: redirectScheme"),
    "permanent-redirect": ("redirects", "a Middleware: redirectRegex"),
    "temporal-redirect": ("redirects", "a Middleware: redirectRegex"),
    "from-to-www-redirect": ("redirects", "a Middleware: redirectRegex"),
    "auth": ("authentication", "a Middleware: basicAuth, digestAuth or forwardAuth; TLSOption for client certificates"),
    "cors": ("headers", "a Middleware: headers with accessControl..."),
    "enable-cors": ("headers", "a Middleware: headers with accessControl..."),
    "custom-headers": ("headers", "a Middleware: headers"),
    "limit": ("limits", "a Middleware: rateLimit, inFlightReq"),
    "allowlist-source-range": ("limits", "a Middleware: ipAllowList"),
    "whitelist-source-range": ("limits", "a Middleware: ipAllowList"),
    "mirror": ("mirroring", "a TraefikService with mirroring"),
    "custom-http-errors": ("errors", "a Middleware: errors"),
    "default-backend": ("errors", "a Middleware: errors, or a rule of low priority for everything"),
    "service-upstream": ("balancing", f"annotation on the Service: {TRAEFIK}service.nativelb"),
}
BEHIND_TRAEFIK: Mapping[str, Replacement] = {
    f"{NGINX}{name}": Replacement(*both) for name, both in _BEHIND_TRAEFIK.items()
}
