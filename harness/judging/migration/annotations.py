"""Which annotations of an Ingress each controller reads, and what to use in place of those that it does not.

The lists are those of ingress-nginx 1.11 (its annotation parsers) and Traefik 3.7 (the tags of its ingress-nginx
provider's configuration, the prefixes of its Ingress provider). An annotation outside a controller's list is ignored in
silence by it; that is why it is told here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.model.migration import Difference, DifferenceCode

NGINX = "nginx.ingress.kubernetes.io/"
TRAEFIK = "traefik.ingress.kubernetes.io/"

# fmt: off
#: What Traefik's ingress-nginx provider reads (3.7.15).
_TRAEFIK_NGINX = frozenset({
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

#: By the beginning of an annotation's name, the longest that fits: what it is about, and what Traefik has in its place.
_IN_PLACE: Mapping[str, tuple[str, str]] = {
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


def reads(controller: str, annotation: str) -> bool:
    """Whether a controller heeds an annotation of an Ingress; one that is no controller's is everybody's business."""
    if annotation.startswith(NGINX):
        name = annotation.removeprefix(NGINX)
        return controller == "ingress-nginx" or (controller == "traefik-nginx" and name in _TRAEFIK_NGINX)
    if annotation.startswith(TRAEFIK):
        return controller == "traefik"
    return True


def meaning_of(annotation: str) -> tuple[str, str]:
    """What an annotation is about, and what to use behind Traefik in its place; empty where nothing is known."""
    name = annotation.removeprefix(NGINX)
    fits = [word for word in _IN_PLACE if name == word or name.startswith(word)]
    return _IN_PLACE[max(fits, key=len)] if fits and annotation.startswith(NGINX) else ("", "")


def differing(manifests: Iterable[Mapping[str, Any]], source: str, target: str) -> tuple[Difference, ...]:
    """The annotations that the source heeds and the target does not, each once, with the Ingresses that have it."""
    where: dict[tuple[str, str], set[str]] = {}
    for name, value, ingress in _annotations(manifests):
        if reads(source, name) and not reads(target, name):
            where.setdefault((name, value), set()).add(ingress)
    return tuple(_difference(name, value, sorted(found), target) for (name, value), found in sorted(where.items()))


def _annotations(manifests: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for manifest in manifests:
        if manifest.get("kind") == "Ingress":
            metadata = manifest.get("metadata") or {}
            for name, value in (metadata.get("annotations") or {}).items():
                yield str(name), str(value), str(metadata.get("name", ""))


def _difference(name: str, value: str, ingresses: list[str], target: str) -> Difference:
    about, instead = meaning_of(name)
    provider = target == "traefik" and name.removeprefix(NGINX) in _TRAEFIK_NGINX
    return Difference(
        DifferenceCode.ANNOTATION,
        {
            "annotation": name,
            "value": value,
            "ingresses": ", ".join(ingresses),
            "about": about,
            "instead": instead if target != "ingress-nginx" else "",
            "provider": provider,
        },
    )
