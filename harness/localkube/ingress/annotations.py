"""Parse the implemented annotations: a table of the setting, the allowed values and the parser of each.

``annotation_classes`` classifies all other annotations of ingress-nginx.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.localkube.ingress.access import InvalidListError, rate_limit_of, source_lists
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.basic_auth import AuthDeniedError, Secrets, basic_auth_of
from harness.localkube.ingress.model import Balancing, LocationSettings, Redirect
from harness.localkube.ingress.traffic_shaping import Affinity, AffinityMode, TrafficShaping
from harness.localkube.ingress.value_rules import (
    FALSE,
    NUMBER,
    SECONDS,
    TRUE,
    TRUTH,
    ValueRule,
)

_log = logging.getLogger(__name__)

_CONDITIONS = (
    "error|timeout|invalid_header|http_500|http_502|http_503|http_504|http_403|http_404|http_429|non_idempotent|off"
)


#: A part of a URL in nginx.conf, with the variables that nginx has wherever it runs.
_VARIABLE = r"\$(?:request_uri|uri|host|http_host|scheme|args|is_args|query_string|\d)(?![a-z_0-9])"
_URL_PART = rf"(?:[-._~a-zA-Z0-9/:?&=%+@,!*()#]|{_VARIABLE})"
_SWITCH = "on|off"
_NO_SETTINGS = LocationSettings()
_RULES: Mapping[str, ValueRule] = {
    "rewrite-target": ValueRule("rewrite_target", r"/?[-._~a-zA-Z0-9/$:%+=&?@]*"),
    "use-regex": ValueRule("use_regex", TRUTH, TRUE.__contains__),
    "ssl-redirect": ValueRule("ssl_redirect", TRUTH, TRUE.__contains__),
    "force-ssl-redirect": ValueRule("force_ssl_redirect", TRUTH, TRUE.__contains__),
    "preserve-trailing-slash": ValueRule("preserve_trailing_slash", TRUTH, TRUE.__contains__),
    # ParseRequestURI accepts absolute URLs as well, which ingress-nginx then ignores.
    "app-root": ValueRule("app_root", r"/(?:[-._~a-zA-Z0-9/?&=:+@,]|%[0-9a-fA-F]{2})*", ignored=r"[-._~a-zA-Z0-9].*"),
    "default-backend": ValueRule("default_backend", r"[a-z]([-a-z0-9]*[a-z0-9])?"),
    "custom-http-errors": ValueRule(
        "custom_errors",
        r"[345]\d\d(,[345]\d\d)*",
        lambda text: tuple(sorted({int(code) for code in text.split(",")})),
        ignored=r".*(?:[^-+\d,]|,,).*|,.*|.*,",
    ),
    "disable-proxy-intercept-errors": ValueRule("keep_errors", TRUTH, TRUE.__contains__),
    "proxy-connect-timeout": ValueRule("connect_timeout", SECONDS, int),
    "proxy-send-timeout": ValueRule("send_timeout", SECONDS, int),
    "proxy-read-timeout": ValueRule("read_timeout", SECONDS, int),
    "proxy-next-upstream": ValueRule("next_upstream", rf"({_CONDITIONS})( ({_CONDITIONS}))*"),
    "proxy-next-upstream-timeout": ValueRule("next_upstream_timeout", SECONDS, int),
    "proxy-next-upstream-tries": ValueRule("next_upstream_tries", SECONDS, int),
    "proxy-body-size": ValueRule("body_size", r"\d+[kKmMgG]?"),
    "proxy-buffering": ValueRule("buffering", _SWITCH),
    "proxy-request-buffering": ValueRule("request_buffering", _SWITCH),
    "proxy-http-version": ValueRule("http_version", r"1\.0|1\.1"),
    # FastCGI is not implemented; ingress-nginx treats every unknown protocol as HTTP.
    "backend-protocol": ValueRule("protocol", r"(?i:auto_http|https?|grpcs?)", str.upper, ignored=r"(?!(?i:fcgi)$).*"),
    "x-forwarded-prefix": ValueRule("forwarded_prefix", r"[-._~a-zA-Z0-9/]+"),
    "upstream-vhost": ValueRule("upstream_vhost", r"[-.a-zA-Z0-9:]+"),
}
#: ``redirect_of`` reads them together.
_REDIRECT: Mapping[str, ValueRule] = {
    "temporal-redirect": ValueRule(
        "target", rf"(?i:https?):(?:{_URL_PART})*", ignored=r"(?!(?i:http)[-+.a-zA-Z0-9]*:).*"
    ),
    "permanent-redirect": ValueRule("target", rf"(?:{_URL_PART})+"),
    # A value that is no number switches the redirect off.
    "permanent-redirect-code": ValueRule("status", r".*"),
}
#: ``access`` reads them. Every list has an effect: an invalid one denies all requests, or disables the limits.
_ACCESS: Mapping[str, ValueRule] = {
    name: ValueRule(name, r"(?s:.*)")
    for name in ("allowlist-source-range", "denylist-source-range", "limit-allowlist", "limit-whitelist")
} | {
    name: ValueRule(name, r"[-+]?\d+", ignored=r"(?s:.*)")
    for name in ("limit-burst-multiplier", "limit-connections", "limit-rpm", "limit-rps")
}
#: ``basic_auth`` reads them together. Other types with "basic" or "digest" in them need a module that is not here; any
#: further type denies all requests.
_AUTH: Mapping[str, ValueRule] = {
    "auth-type": ValueRule("type", r"basic|(?!.*(?:basic|digest)).+"),
    "auth-secret": ValueRule("secret", r"(?s:.*)"),
    "auth-secret-type": ValueRule("form", r"(?s:.*)"),
    "auth-realm": ValueRule("realm", r"[^\"\\$\r\n\0]*"),
}
_NAME_OF_SERVER = r"\s*(?:\*\.)?[-a-zA-Z0-9.]*\s*"
_SERVERS: Mapping[str, ValueRule] = {"server-alias": ValueRule("aliases", rf"{_NAME_OF_SERVER}(?:,{_NAME_OF_SERVER})*")}
_HASH_VARIABLE = (
    r"(?:request_uri|uri|host|scheme|args|query_string|remote_addr|request_method|(?:http|arg|cookie)_[a-z0-9_]+)"
)
_HASH: Mapping[str, ValueRule] = {
    "upstream-hash-by": ValueRule(
        "hash_by", rf"(?:[-a-zA-Z0-9_.:/]|\$\{{{_HASH_VARIABLE}\}}|\${_HASH_VARIABLE}(?![a-zA-Z0-9_]))+"
    )
}
#: Separate from ``_RULES``, because it applies to backends; in a location's settings it would cause a reload.
_BALANCING: Mapping[str, ValueRule] = {"load-balance": ValueRule("balancing", "|".join(Balancing), Balancing)}
_NAME = r"[-._~a-zA-Z0-9/]+"
_CANARY: Mapping[str, ValueRule] = {
    "canary": ValueRule("enabled", TRUTH, TRUE.__contains__),
    "canary-weight": ValueRule("weight", NUMBER, int),
    # Lua treats a smaller total as 100.
    "canary-weight-total": ValueRule("total", NUMBER, lambda text: max(100, int(text))),
    "canary-by-header": ValueRule("header", _NAME),
    "canary-by-header-value": ValueRule("value", _NAME),
    "canary-by-header-pattern": ValueRule("pattern", r"[^\r\n\0]+"),
    "canary-by-cookie": ValueRule("cookie", _NAME),
}
_BEHAVIOR: Mapping[str, ValueRule] = {"affinity-canary-behavior": ValueRule("legacy", "sticky|legacy", "legacy".__eq__)}
_AFFINITY: Mapping[str, ValueRule] = {
    "affinity": ValueRule("kind", "cookie"),
    "affinity-mode": ValueRule("mode", "|".join(AffinityMode), AffinityMode),
    "session-cookie-name": ValueRule("name", r"[-._~a-zA-Z0-9]+"),
    "session-cookie-path": ValueRule("path", r"/[-._~a-zA-Z0-9/]*"),
    "session-cookie-max-age": ValueRule("max_age", NUMBER),
    "session-cookie-change-on-failure": ValueRule("change_on_failure", TRUTH, TRUE.__contains__),
}

#: Annotations that change nothing of an answer, but are part of a location in ingress-nginx, so that a change of one
#: reloads nginx -> the value that changes nothing.
_WITHOUT_EFFECT: Mapping[str, str] = {
    "client-body-buffer-size": "",
    "cors-allow-credentials": "true",
    "cors-allow-headers": "",
    "cors-allow-methods": "GET, PUT, POST, DELETE, PATCH, OPTIONS",
    "cors-allow-origin": "*",
    "cors-expose-headers": "",
    "cors-max-age": "1728000",
    "enable-access-log": "true",
    "enable-rewrite-log": "false",
    "proxy-buffer-size": "4k",
    "proxy-buffers-number": "4",
    "proxy-max-temp-file-size": "1024m",
}

#: Every implemented annotation, without the prefix.
RULES: Mapping[str, ValueRule] = {
    **_RULES,
    **_REDIRECT,
    **_ACCESS,
    **_AUTH,
    **_SERVERS,
    **_HASH,
    **_BALANCING,
    **_CANARY,
    **_BEHAVIOR,
    **_AFFINITY,
}


def settings_of(
    ingress: Mapping[str, Any], secrets: Secrets | None = None, defaults: LocationSettings = _NO_SETTINGS
) -> LocationSettings:
    """Return the settings of an Ingress's annotations; an invalid value is logged and has no effect.

    Args:
        ingress: The Ingress.
        secrets: The values of all Secrets.
        defaults: The settings of an Ingress without annotations.
    """
    found = replace(
        defaults,
        **_values(ingress, _RULES),
        redirect=redirect_of(ingress),
        limits=rate_limit_of(ingress),
        without_effect=_without_effect(ingress),
    )
    try:
        allowed, denied = source_lists(ingress, defaults)
        auth = basic_auth_of(ingress, secrets or {})
    except (InvalidListError, AuthDeniedError):
        return replace(found, denied=True)
    return replace(found, allowed_sources=allowed, denied_sources=denied, auth=auth)


def _without_effect(ingress: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the annotations of which only a change matters, with their values."""
    annotations = ingress["metadata"].get("annotations") or {}
    found = ((name, str(annotations.get(PREFIX + name, "")).strip()) for name in _WITHOUT_EFFECT)
    return tuple((name, value) for name, value in found if value not in {"", _WITHOUT_EFFECT[name]})


def aliases_of(ingress: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the further names of an Ingress's hosts, sorted."""
    text = _values(ingress, _SERVERS).get("aliases", "")
    return tuple(sorted({word.strip() for word in text.split(",") if word.strip()}))


def hash_of(ingress: Mapping[str, Any]) -> str:
    """Return the text by which requests are hashed to endpoints; empty for none.

    As in ingress-nginx, an invalid value of an annotation about subsets disables the hash.
    """
    annotations = ingress["metadata"].get("annotations") or {}
    subset = annotations.get(f"{PREFIX}upstream-hash-by-subset")
    size = annotations.get(f"{PREFIX}upstream-hash-by-subset-size")
    if (subset is not None and subset not in {*TRUE, *FALSE}) or (
        size is not None and not re.fullmatch(r"[-+]?\d+", size)
    ):
        return ""
    return str(_values(ingress, _HASH).get("hash_by", ""))


def redirect_of(ingress: Mapping[str, Any]) -> Redirect | None:
    """Return the redirect of every request of an Ingress; None for none.

    As in ingress-nginx, an invalid value of one of these annotations disables the redirects of the others.
    """
    annotations = ingress["metadata"].get("annotations") or {}
    www, temporal, permanent, code = (
        annotations.get(PREFIX + name)
        for name in ("from-to-www-redirect", "temporal-redirect", "permanent-redirect", "permanent-redirect-code")
    )
    if www is not None and www not in {*TRUE, *FALSE}:
        return None
    if temporal is not None:
        parsed = _values(ingress, {"temporal-redirect": _REDIRECT["temporal-redirect"]})
        return Redirect(302, parsed["target"]) if parsed else None
    if permanent is None or (code is not None and not re.fullmatch(r"[-+]?\d+", code)):
        return None
    parsed = _values(ingress, {"permanent-redirect": _REDIRECT["permanent-redirect"]})
    status = int(code or 0)
    return Redirect(status if 300 <= status <= 308 else 301, parsed["target"]) if parsed else None


def balancing_of(ingress: Mapping[str, Any], default: Balancing = Balancing.ROUND_ROBIN) -> Balancing:
    """Return an Ingress's load balancing algorithm; the default if it is absent or invalid."""
    balancing: Balancing = _values(ingress, _BALANCING).get("balancing", default)
    return balancing


def canary_of(ingress: Mapping[str, Any]) -> TrafficShaping | None:
    """Return the traffic shaping of a canary Ingress; None if the Ingress is not a canary."""
    values = _values(ingress, _CANARY)
    return TrafficShaping(**values) if values.pop("enabled", False) else None


def affinity_of(ingress: Mapping[str, Any]) -> Affinity | None:
    """Return an Ingress's session affinity; None if it has none."""
    values = _values(ingress, _AFFINITY)
    return Affinity(**values) if values.pop("kind", "") else None


def has_legacy_affinity(ingress: Mapping[str, Any]) -> bool:
    """Return True if a canary Ingress ignores the main Ingress's sessions.

    The annotation is ``affinity-canary-behavior: legacy``.
    """
    return bool(_values(ingress, _BEHAVIOR).get("legacy", False))


def _values(ingress: Mapping[str, Any], rules: Mapping[str, ValueRule]) -> dict[str, Any]:
    metadata = ingress["metadata"]
    found: dict[str, Any] = {}
    for name, value in (metadata.get("annotations") or {}).items():
        rule = rules.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
        if rule is None:
            continue
        text = str(value).strip()
        if re.fullmatch(rule.allowed, text):
            found[rule.setting] = rule.read(text)
        else:
            _log.warning("ingress %s: annotation %s cannot have the value %r", metadata["name"], name, value)
    return found
