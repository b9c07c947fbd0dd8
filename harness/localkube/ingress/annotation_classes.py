"""Classes of all annotations of ingress-nginx v1.11, and of their values that matter.

Annotations in ``annotations.RULES`` are implemented. The tables here contain the rest. A name with ingress-nginx's
prefix that is in neither is unknown and rejected, because ingress-nginx silently ignores a misspelt annotation.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from harness.kube.fieldclasses import Decisive, FieldClass, Site
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import RULES
from harness.localkube.ingress.harmless_values import at_least_4k, not_positive, off, one_of, text_of
from harness.localkube.ingress.ingress_class import is_served
from harness.localkube.ingress.value_classes import ValueClasses
from harness.localkube.ingress.value_rules import annotation_result
from harness.localkube.system.programs import INGRESS_PROGRAMS


def _without_upstream_tls(site: Site) -> bool:
    """Accept settings of TLS to the pods if no location of the Ingress uses it."""
    protocol = str(site.holder.get(f"{PREFIX}backend-protocol", "")).strip().upper()
    return protocol not in {"AUTO_HTTP", "HTTPS", "GRPCS"}


def _without_cookie(site: Site) -> bool:
    """Accept an attribute of the session cookie if there is no session affinity."""
    return not str(site.holder.get(f"{PREFIX}affinity", "")).strip()


def _without_tls(site: Site) -> bool:
    """Accept a setting of TLS if the Ingress has none."""
    return not (site.root.get("spec") or {}).get("tls")


_SWITCH = "false"
_ZERO = "0"
_SNIPPET = "inserts this text into nginx.conf, which can change every response"

#: Without the prefix.
DECISIVE: Mapping[str, Decisive] = {
    "auth-tls-secret": Decisive("answers 400 to clients without a certificate"),
    "auth-url": Decisive("sends a subrequest to this URL for every request, and answers 401 or 403 if it does"),
    "configuration-snippet": Decisive(_SNIPPET),
    "connection-proxy-header": Decisive("sends this Connection header to the pods"),
    "custom-headers": Decisive("adds the headers of this ConfigMap to every response"),
    "enable-cors": Decisive("answers OPTIONS itself and adds headers to every response", off, _SWITCH),
    "enable-modsecurity": Decisive("answers 403 to requests that ModSecurity blocks", off, _SWITCH),
    "from-to-www-redirect": Decisive("answers the host with or without www. with 308", off, _SWITCH),
    "global-rate-limit": Decisive("answers 429 above the limit", not_positive, _ZERO),
    "limit-rate": Decisive("limits the rate of responses", not_positive, _ZERO),
    "mirror-target": Decisive("also sends every request to this target"),
    "modsecurity-snippet": Decisive("answers 403 to requests that these rules block"),
    "proxy-buffer-size": Decisive("answers 502 if a response header is larger", at_least_4k, "4k or more"),
    "proxy-cookie-domain": Decisive("rewrites the domain of cookies", one_of("off"), "off"),
    "proxy-cookie-path": Decisive("rewrites the path of cookies", one_of("off"), "off"),
    "proxy-ssl-secret": Decisive(
        "checks the pods' certificates by this Secret, or sends one", _without_upstream_tls, "any, without TLS to pods"
    ),
    "proxy-redirect-from": Decisive("rewrites the Location of redirects", one_of("off"), "off"),
    "relative-redirects": Decisive("omits the host in redirects", off, _SWITCH),
    "satisfy": Decisive("accepts requests that pass one of the checks of access", one_of("all"), "all"),
    "server-snippet": Decisive(_SNIPPET),
    "service-upstream": Decisive(
        "sends requests to the Service's cluster address, where kube-proxy chooses the pod", off, _SWITCH
    ),
    "session-cookie-domain": Decisive("sets the cookie's domain", _without_cookie, "any, without affinity"),
    "session-cookie-expires": Decisive("sets the cookie's expiry", _without_cookie, "any, without affinity"),
    "session-cookie-secure": Decisive("makes clients send the cookie only over HTTPS", _without_cookie, "any, without"
                                      " affinity"),
    "ssl-ciphers": Decisive("accepts only these ciphers", _without_tls, "any, without spec.tls"),
    "ssl-passthrough": Decisive("passes TLS through to the pods", off, _SWITCH),
    "ssl-prefer-server-ciphers": Decisive(
        "chooses the cipher of TLS connections by this setting", _without_tls, "any, without spec.tls"
    ),
    "stream-snippet": Decisive(_SNIPPET),
    "temporal-redirect-code": Decisive(
        "answers temporal redirects with this status since v1.12", one_of("302"), "302"
    ),
    "use-port-in-redirects": Decisive("names its port in redirects to HTTPS", off, _SWITCH),
    "upstream-hash-by-subset": Decisive("sends requests with the same key to a subset of the pods", off, _SWITCH),
}  # fmt: skip

_AUTH_URL = "it has no effect without auth-url, which has its own class"
_AUTH_TLS = "it has no effect without auth-tls-secret, which has its own class"
_CORS = "it has no effect without enable-cors, which has its own class"
_LIMIT = "it has no effect without a limit, which has its own class"
_UPSTREAM_TLS = "it has no effect without proxy-ssl-secret, which has its own class"
_TRACES = "it affects only traces and logs"
_BUFFERS = "it affects only memory and temporary files of nginx"
_BROWSERS = "it affects only browsers that send the cookie from other sites"

#: Without the prefix, each with the reason.
INERT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "auth-always-set-cookie", "auth-cache-duration", "auth-cache-key", "auth-keepalive",
            "auth-keepalive-requests", "auth-keepalive-share-vars", "auth-keepalive-timeout", "auth-method",
            "auth-proxy-set-headers", "auth-request-redirect", "auth-response-headers", "auth-signin",
            "auth-signin-redirect-param", "auth-snippet",
        ),
        _AUTH_URL,
    ),
    **dict.fromkeys(
        (
            "auth-tls-error-page", "auth-tls-match-cn", "auth-tls-pass-certificate-to-upstream",
            "auth-tls-verify-client", "auth-tls-verify-depth",
        ),
        _AUTH_TLS,
    ),
    **dict.fromkeys(
        (
            "cors-allow-credentials", "cors-allow-headers", "cors-allow-methods", "cors-allow-origin",
            "cors-expose-headers", "cors-max-age",
        ),
        _CORS,
    ),
    **dict.fromkeys(
        (
            "global-rate-limit-ignored-cidrs", "global-rate-limit-key", "global-rate-limit-window",
            "limit-rate-after",
        ),
        _LIMIT,
    ),
    **dict.fromkeys(
        (
            "proxy-ssl-ciphers", "proxy-ssl-name", "proxy-ssl-protocols", "proxy-ssl-server-name",
            "proxy-ssl-verify", "proxy-ssl-verify-depth",
        ),
        _UPSTREAM_TLS,
    ),
    **dict.fromkeys(
        (
            "enable-access-log", "enable-opentelemetry", "enable-rewrite-log", "opentelemetry-operation-name",
            "opentelemetry-trust-incoming-span",
        ),
        _TRACES,
    ),
    **dict.fromkeys(
        (
            "client-body-buffer-size", "proxy-buffers-number", "proxy-busy-buffers-size", "proxy-max-temp-file-size",
        ),
        _BUFFERS,
    ),
    **dict.fromkeys(
        ("session-cookie-conditional-samesite-none", "session-cookie-partitioned", "session-cookie-samesite"),
        _BROWSERS,
    ),
    "enable-global-auth": "no global authentication is configured",
    "enable-owasp-core-rules": "it has no effect without enable-modsecurity, which has a class of its own",
    "fastcgi-index": "it has no effect without backend-protocol FCGI, which has a class of its own",
    "fastcgi-params-configmap": "it has no effect without backend-protocol FCGI, which has a class of its own",
    "http2-push-preload": "nginx no longer supports HTTP/2 push",
    "mirror-host": "it has no effect without mirror-target, which has a class of its own",
    "mirror-request-body": "it has no effect without mirror-target, which has a class of its own",
    "modsecurity-transaction-id": "it has no effect without enable-modsecurity, which has a class of its own",
    "proxy-redirect-to": "it has no effect without proxy-redirect-from, which has a class of its own",
    "upstream-hash-by-subset-size": "it has no effect without upstream-hash-by-subset, which has a class of its own",
}  # fmt: skip

_CLASSES = ValueClasses(RULES, INERT, DECISIVE, annotation_result)

#: Alias -> the name in the tables.
ALIASES: Mapping[str, str] = {"whitelist-source-range": "allowlist-source-range"}

#: With an empty list of clients, ingress-nginx answers every request with 503.
_EMPTY_MATTERS = frozenset({"allowlist-source-range", "denylist-source-range"})

#: A real ingress controller implements the annotations that it reads, except those that need other components.
_NOT_BY_ITSELF = frozenset({"service-upstream"})


def names() -> frozenset[str]:
    """Return every annotation of ingress-nginx, without the prefix."""
    return frozenset({*RULES, *DECISIVE, *INERT, *ALIASES})


def class_of(name: str, site: Site) -> tuple[FieldClass, str, str]:
    """Classify an annotation that begins with ``PREFIX``: its class, the reason, and a suggested spelling."""
    program = INGRESS_PROGRAMS.get(site.ingress)
    if program is None or program.annotations != PREFIX:
        return FieldClass.INERT, f"ingress {site.ingress} does not read it", ""
    if not is_served(site.root, site.ingress, site.objects):
        return FieldClass.INERT, "its Ingress has the class of another controller", ""
    short = name.removeprefix(PREFIX)
    if short not in names():
        near = difflib.get_close_matches(short, sorted(names()), n=1)
        hint = f"did you mean {PREFIX}{near[0]}?" if near else ""
        return FieldClass.UNKNOWN, "ingress-nginx has no such annotation", hint
    if program.is_genuine and short not in _NOT_BY_ITSELF:
        return FieldClass.IMPLEMENTED, "", ""
    return _of_nginx(ALIASES.get(short, short), site)


def _of_nginx(name: str, site: Site) -> tuple[FieldClass, str, str]:
    if not text_of(site) and name not in _EMPTY_MATTERS:
        return FieldClass.INERT, "ingress-nginx ignores an empty annotation", ""
    return (*_CLASSES.class_of(name, site), "")
