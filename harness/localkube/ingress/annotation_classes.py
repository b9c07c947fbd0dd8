"""The class of every annotation of ingress-nginx v1.11, and of every value that matters.

What ``annotations.RULES`` has is implemented. The tables here hold the rest. A name with ingress-nginx's prefix that is
in neither is unknown, and refused: ingress-nginx ignores a misspelt annotation without a word.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from harness.kube.fieldclasses import Decisive, FieldClass, Harmless, Site
from harness.localkube.ingress.annotations import FALSE, PREFIX, RULES, TRUE, Reading, reading_of
from harness.localkube.ingress.served import is_served
from harness.localkube.system.programs import INGRESS_PROGRAMS


def _text(site: Site) -> str:
    return str(site.value).strip()


def _off(site: Site) -> bool:
    """Treat a switch that is off as harmless; ingress-nginx ignores what is no switch."""
    return _text(site) not in TRUE


def _not_positive(site: Site) -> bool:
    """Treat a limit of zero as harmless; ingress-nginx ignores what is no number."""
    return re.fullmatch(r"\+?0*[1-9]\d*", _text(site)) is None


def _plain_http(site: Site) -> bool:
    """Treat HTTP and whatever ingress-nginx takes for HTTP as harmless."""
    return _text(site).upper() not in {"HTTPS", "GRPC", "GRPCS", "FCGI"}


def _at_least_4k(site: Site) -> bool:
    """Treat a buffer that is not smaller than nginx's default as harmless: the images' heads fit into that."""
    match = re.fullmatch(r"(\d+)([kKmM]?)", _text(site))
    unit = {"k": 1024, "m": 1024 * 1024}
    return match is not None and int(match[1]) * unit.get(match[2].lower(), 1) >= 4096


def _one_of(*texts: str) -> Harmless:
    return lambda site: _text(site).lower() in texts


def _without_cookie(site: Site) -> bool:
    """Treat an attribute of the session's cookie as harmless where no session is kept."""
    return not str(site.holder.get(f"{PREFIX}affinity", "")).strip()


_SWITCH = "false"
_ZERO = "0"
_ACL = "answers 403 to clients outside the list"
_SNIPPET = "puts this text into nginx.conf, which can answer anything"

#: Without the prefix.
DECISIVE: Mapping[str, Decisive] = {
    "allowlist-source-range": Decisive(_ACL),
    "app-root": Decisive("answers / with 302"),
    "auth-tls-secret": Decisive("answers 400 to clients without a certificate"),
    "auth-type": Decisive("answers 401 without a password"),
    "auth-url": Decisive("asks this URL about every request, and answers 401 or 403 as it says"),
    "backend-protocol": Decisive("speaks this protocol to the pods", _plain_http, "HTTP, AUTO_HTTP"),
    "configuration-snippet": Decisive(_SNIPPET),
    "connection-proxy-header": Decisive("sends this Connection header to the pods"),
    "custom-headers": Decisive("adds the headers of this ConfigMap to every answer"),
    "custom-http-errors": Decisive("replaces answers with these statuses by those of the default backend"),
    "default-backend": Decisive("sends requests to this Service while the Ingress's own has no endpoints"),
    "denylist-source-range": Decisive("answers 403 to clients in the list"),
    "enable-cors": Decisive("answers OPTIONS itself and adds headers to every answer", _off, _SWITCH),
    "enable-modsecurity": Decisive("answers 403 to requests that ModSecurity refuses", _off, _SWITCH),
    "force-ssl-redirect": Decisive("answers http with 308", _off, _SWITCH),
    "from-to-www-redirect": Decisive("answers the host with or without www. with 308", _off, _SWITCH),
    "global-rate-limit": Decisive("answers 429 above the limit", _not_positive, _ZERO),
    "limit-connections": Decisive("answers 503 above so many connections of a client", _not_positive, _ZERO),
    "limit-rate": Decisive("sends answers no faster than this", _not_positive, _ZERO),
    "limit-rpm": Decisive("answers 503 above so many requests of a client in a minute", _not_positive, _ZERO),
    "limit-rps": Decisive("answers 503 above so many requests of a client in a second", _not_positive, _ZERO),
    "mirror-target": Decisive("sends every request to this target as well"),
    "modsecurity-snippet": Decisive("answers 403 to requests that these rules refuse"),
    "permanent-redirect": Decisive("answers 301"),
    "proxy-buffer-size": Decisive("answers 502 where an answer's head is larger", _at_least_4k, "4k and more"),
    "proxy-cookie-domain": Decisive("rewrites the domain of cookies", _one_of("off"), "off"),
    "proxy-cookie-path": Decisive("rewrites the path of cookies", _one_of("off"), "off"),
    "proxy-redirect-from": Decisive("rewrites the Location of redirects", _one_of("off"), "off"),
    "server-alias": Decisive("serves these hosts as well"),
    "server-snippet": Decisive(_SNIPPET),
    "service-upstream": Decisive(
        "sends requests to the Service's cluster address, where kube-proxy chooses the pod", _off, _SWITCH
    ),
    "session-cookie-domain": Decisive("gives the cookie a domain", _without_cookie, "any, without affinity"),
    "session-cookie-expires": Decisive("lets the cookie expire", _without_cookie, "any, without affinity"),
    "session-cookie-secure": Decisive("has clients send the cookie by https alone", _without_cookie, "any, without"
                                      " affinity"),
    "ssl-passthrough": Decisive("passes TLS on to the pods", _off, _SWITCH),
    "stream-snippet": Decisive(_SNIPPET),
    "temporal-redirect": Decisive("answers 302"),
    "upstream-hash-by": Decisive("sends requests with the same key to the same pod"),
}  # fmt: skip

_AUTH_URL = "it has no effect without auth-url, which has a class of its own"
_AUTH_TYPE = "it has no effect without auth-type, which has a class of its own"
_AUTH_TLS = "it has no effect without auth-tls-secret, which has a class of its own"
_CORS = "it has no effect without enable-cors, which has a class of its own"
_LIMIT = "it has no effect without a limit, which has a class of its own"
_UPSTREAM_TLS = "it has no effect without backend-protocol HTTPS or GRPCS, which has a class of its own"
_TRACES = "it is about traces and logs"
_TLS = "it has no effect without TLS, which spec.tls decides about"
_BUFFERS = "it is about memory and temporary files of nginx"
_BROWSERS = "it tells browsers what to do with the cookie on other sites"

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
    **dict.fromkeys(("auth-realm", "auth-secret", "auth-secret-type", "satisfy"), _AUTH_TYPE),
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
            "global-rate-limit-ignored-cidrs", "global-rate-limit-key", "global-rate-limit-window", "limit-allowlist",
            "limit-burst-multiplier", "limit-rate-after", "limit-whitelist",
        ),
        _LIMIT,
    ),
    **dict.fromkeys(
        (
            "proxy-ssl-ciphers", "proxy-ssl-name", "proxy-ssl-protocols", "proxy-ssl-secret", "proxy-ssl-server-name",
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
        ("preserve-trailing-slash", "ssl-ciphers", "ssl-prefer-server-ciphers", "ssl-redirect"),
        _TLS,
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
    "disable-proxy-intercept-errors": "it has no effect without custom-http-errors, which has a class of its own",
    "enable-global-auth": "no authentication for all Ingresses is set up",
    "enable-owasp-core-rules": "it has no effect without enable-modsecurity, which has a class of its own",
    "fastcgi-index": "it has no effect without backend-protocol FCGI, which has a class of its own",
    "fastcgi-params-configmap": "it has no effect without backend-protocol FCGI, which has a class of its own",
    "http2-push-preload": "nginx does not push any more",
    "mirror-host": "it has no effect without mirror-target, which has a class of its own",
    "mirror-request-body": "it has no effect without mirror-target, which has a class of its own",
    "modsecurity-transaction-id": "it has no effect without enable-modsecurity, which has a class of its own",
    "permanent-redirect-code": "it has no effect without permanent-redirect, which has a class of its own",
    "proxy-redirect-to": "it has no effect without proxy-redirect-from, which has a class of its own",
    "relative-redirects": "it has no effect without a redirect, which has a class of its own",
    "temporal-redirect-code": "it has no effect without temporal-redirect, which has a class of its own",
    "upstream-hash-by-subset": "it has no effect without upstream-hash-by, which has a class of its own",
    "upstream-hash-by-subset-size": "it has no effect without upstream-hash-by, which has a class of its own",
    "use-port-in-redirects": "it has no effect without a redirect, which has a class of its own",
}  # fmt: skip

#: Another name -> the name in the tables.
ALIASES: Mapping[str, str] = {"whitelist-source-range": "allowlist-source-range"}

#: A genuine program carries out the annotations that it reads by itself, but for what needs more of the cluster.
_NOT_BY_ITSELF = frozenset({"service-upstream"})


def names() -> frozenset[str]:
    """Return every annotation of ingress-nginx, without the prefix."""
    return frozenset({*RULES, *DECISIVE, *INERT, *ALIASES})


def class_of(name: str, site: Site) -> tuple[FieldClass, str, str]:
    """Classify an annotation that begins with ``PREFIX``: its class, the reason, and the likely spelling."""
    program = INGRESS_PROGRAMS.get(site.ingress)
    if program is None or program.annotations != PREFIX:
        return FieldClass.INERT, f"ingress {site.ingress} does not read it", ""
    if not is_served(site.root, site.ingress, site.objects):
        return FieldClass.INERT, "its Ingress has the class of another controller", ""
    short = name.removeprefix(PREFIX)
    if short not in names():
        near = difflib.get_close_matches(short, sorted(names()), n=1)
        hint = f"did you mean {PREFIX}{near[0]}?" if near else ""
        return FieldClass.UNKNOWN, "ingress-nginx knows no such annotation", hint
    if program.is_genuine and short not in _NOT_BY_ITSELF:
        return FieldClass.IMPLEMENTED, "", ""
    return _of_nginx(ALIASES.get(short, short), site)


def _of_nginx(name: str, site: Site) -> tuple[FieldClass, str, str]:
    if not _text(site):
        return FieldClass.INERT, "ingress-nginx ignores an empty annotation", ""
    if name in INERT:
        return FieldClass.INERT, INERT[name], ""
    if name in DECISIVE:
        rule = DECISIVE[name]
        harmless = rule.harmless(site)
        text = "this value has no effect on requests" if harmless else rule.effect
        return (FieldClass.INERT if harmless else FieldClass.DECISIVE), text, ""
    reading = reading_of(name, str(site.value))
    if reading is Reading.IGNORED:
        return FieldClass.INERT, f"ingress-nginx ignores the value {str(site.value)!r}", ""
    if reading is Reading.UNREADABLE:
        return FieldClass.DECISIVE, f"may take the value {str(site.value)!r}, which can't be read here", ""
    return FieldClass.IMPLEMENTED, "", ""


def redirects_to_https(ingress: Mapping[str, Any]) -> bool:
    """Tell whether an Ingress lets ingress-nginx answer http with 308 where its host has TLS, as it does by default."""
    annotations = (ingress.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(f"{PREFIX}ssl-redirect", "")).strip() not in FALSE
