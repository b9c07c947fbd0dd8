"""Parse the implemented annotations: a table of the setting, the allowed values and the parser of each.

``annotation_classes`` classifies all other annotations of ingress-nginx.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from harness.localkube.ingress.access import InvalidListError, rate_limit_of, source_lists
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.basic_auth import AuthDeniedError, Secrets, basic_auth_of
from harness.localkube.ingress.model import Balancing, LocationSettings, Redirect
from harness.localkube.ingress.traffic_shaping import Affinity, AffinityMode, TrafficShaping

_log = logging.getLogger(__name__)

_CONDITIONS = (
    "error|timeout|invalid_header|http_500|http_502|http_503|http_504|http_403|http_404|http_429|non_idempotent|off"
)


@dataclass(frozen=True, slots=True)
class _AnnotationRule:
    """The setting that an annotation controls, its allowed values, its parser, and the values that have no effect."""

    setting: str
    allowed: str
    read: Callable[[str], Any] = str
    ignored: str = ""


#: Values of Go's strconv.ParseBool, with which ingress-nginx parses switches; it ignores all other values.
TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_TRUTH = "|".join((*TRUE, *FALSE))

#: A part of a URL in nginx.conf, with the variables that nginx has wherever it runs.
_VARIABLE = r"\$(?:request_uri|uri|host|http_host|scheme|args|is_args|query_string|\d)(?![a-z_0-9])"
_URL_PART = rf"(?:[-._~a-zA-Z0-9/:?&=%+@,!*()#]|{_VARIABLE})"
_SECONDS = r"\d{1,6}"
_SWITCH = "on|off"
_RULES: Mapping[str, _AnnotationRule] = {
    "rewrite-target": _AnnotationRule("rewrite_target", r"/?[-._~a-zA-Z0-9/$:%+=&?@]*"),
    "use-regex": _AnnotationRule("use_regex", _TRUTH, TRUE.__contains__),
    "ssl-redirect": _AnnotationRule("ssl_redirect", _TRUTH, TRUE.__contains__),
    "force-ssl-redirect": _AnnotationRule("force_ssl_redirect", _TRUTH, TRUE.__contains__),
    "preserve-trailing-slash": _AnnotationRule("preserve_trailing_slash", _TRUTH, TRUE.__contains__),
    # ParseRequestURI accepts absolute URLs as well, which ingress-nginx then ignores.
    "app-root": _AnnotationRule(
        "app_root", r"/(?:[-._~a-zA-Z0-9/?&=:+@,]|%[0-9a-fA-F]{2})*", ignored=r"[-._~a-zA-Z0-9].*"
    ),
    "default-backend": _AnnotationRule("default_backend", r"[a-z]([-a-z0-9]*[a-z0-9])?"),
    "custom-http-errors": _AnnotationRule(
        "custom_errors",
        r"[345]\d\d(,[345]\d\d)*",
        lambda text: tuple(sorted({int(code) for code in text.split(",")})),
        ignored=r".*(?:[^-+\d,]|,,).*|,.*|.*,",
    ),
    "disable-proxy-intercept-errors": _AnnotationRule("keep_errors", _TRUTH, TRUE.__contains__),
    "proxy-connect-timeout": _AnnotationRule("connect_timeout", _SECONDS, int),
    "proxy-send-timeout": _AnnotationRule("send_timeout", _SECONDS, int),
    "proxy-read-timeout": _AnnotationRule("read_timeout", _SECONDS, int),
    "proxy-next-upstream": _AnnotationRule("next_upstream", rf"({_CONDITIONS})( ({_CONDITIONS}))*"),
    "proxy-next-upstream-timeout": _AnnotationRule("next_upstream_timeout", _SECONDS, int),
    "proxy-next-upstream-tries": _AnnotationRule("next_upstream_tries", _SECONDS, int),
    "proxy-body-size": _AnnotationRule("body_size", r"\d+[kKmMgG]?"),
    "proxy-buffering": _AnnotationRule("buffering", _SWITCH),
    "proxy-request-buffering": _AnnotationRule("request_buffering", _SWITCH),
    "proxy-http-version": _AnnotationRule("http_version", r"1\.0|1\.1"),
    "x-forwarded-prefix": _AnnotationRule("forwarded_prefix", r"[-._~a-zA-Z0-9/]+"),
    "upstream-vhost": _AnnotationRule("upstream_vhost", r"[-.a-zA-Z0-9:]+"),
}
#: Separate from ``_RULES``, because it applies to backends; in a location's settings it would cause a reload.
#: ``redirect_of`` reads them together.
_REDIRECT: Mapping[str, _AnnotationRule] = {
    "temporal-redirect": _AnnotationRule(
        "target", rf"(?i:https?):(?:{_URL_PART})*", ignored=r"(?!(?i:http)[-+.a-zA-Z0-9]*:).*"
    ),
    "permanent-redirect": _AnnotationRule("target", rf"(?:{_URL_PART})+"),
    # A value that is no number switches the redirect off.
    "permanent-redirect-code": _AnnotationRule("status", r".*"),
}
#: ``access`` reads them. Every list has an effect: an invalid one denies all requests, or disables the limits.
_ACCESS: Mapping[str, _AnnotationRule] = {
    name: _AnnotationRule(name, r"(?s:.*)")
    for name in ("allowlist-source-range", "denylist-source-range", "limit-allowlist", "limit-whitelist")
} | {
    name: _AnnotationRule(name, r"[-+]?\d+", ignored=r"(?s:.*)")
    for name in ("limit-burst-multiplier", "limit-connections", "limit-rpm", "limit-rps")
}
#: ``basic_auth`` reads them together. Other types with "basic" or "digest" in them need a module that is not here; any
#: further type denies all requests.
_AUTH: Mapping[str, _AnnotationRule] = {
    "auth-type": _AnnotationRule("type", r"basic|(?!.*(?:basic|digest)).+"),
    "auth-secret": _AnnotationRule("secret", r"(?s:.*)"),
    "auth-secret-type": _AnnotationRule("form", r"(?s:.*)"),
    "auth-realm": _AnnotationRule("realm", r"[^\"\\$\r\n\0]*"),
}
_NAME_OF_SERVER = r"\s*(?:\*\.)?[-a-zA-Z0-9.]*\s*"
_SERVERS: Mapping[str, _AnnotationRule] = {
    "server-alias": _AnnotationRule("aliases", rf"{_NAME_OF_SERVER}(?:,{_NAME_OF_SERVER})*")
}
_HASH_VARIABLE = (
    r"(?:request_uri|uri|host|scheme|args|query_string|remote_addr|request_method|(?:http|arg|cookie)_[a-z0-9_]+)"
)
_HASH: Mapping[str, _AnnotationRule] = {
    "upstream-hash-by": _AnnotationRule(
        "hash_by", rf"(?:[-a-zA-Z0-9_.:/]|\$\{{{_HASH_VARIABLE}\}}|\${_HASH_VARIABLE}(?![a-zA-Z0-9_]))+"
    )
}
_BALANCING: Mapping[str, _AnnotationRule] = {
    "load-balance": _AnnotationRule("balancing", "|".join(Balancing), Balancing)
}
_NAME = r"[-._~a-zA-Z0-9/]+"
_NUMBER = r"\d{1,9}"
#: Patterns of values that are plain numbers.
_NUMBERS = (_SECONDS, _NUMBER)
_CANARY: Mapping[str, _AnnotationRule] = {
    "canary": _AnnotationRule("enabled", _TRUTH, TRUE.__contains__),
    "canary-weight": _AnnotationRule("weight", _NUMBER, int),
    # Lua treats a smaller total as 100.
    "canary-weight-total": _AnnotationRule("total", _NUMBER, lambda text: max(100, int(text))),
    "canary-by-header": _AnnotationRule("header", _NAME),
    "canary-by-header-value": _AnnotationRule("value", _NAME),
    "canary-by-header-pattern": _AnnotationRule("pattern", r"[^\r\n\0]+"),
    "canary-by-cookie": _AnnotationRule("cookie", _NAME),
}
_BEHAVIOR: Mapping[str, _AnnotationRule] = {
    "affinity-canary-behavior": _AnnotationRule("legacy", "sticky|legacy", "legacy".__eq__)
}
_AFFINITY: Mapping[str, _AnnotationRule] = {
    "affinity": _AnnotationRule("kind", "cookie"),
    "affinity-mode": _AnnotationRule("mode", "|".join(AffinityMode), AffinityMode),
    "session-cookie-name": _AnnotationRule("name", r"[-._~a-zA-Z0-9]+"),
    "session-cookie-path": _AnnotationRule("path", r"/[-._~a-zA-Z0-9/]*"),
    "session-cookie-max-age": _AnnotationRule("max_age", _NUMBER),
    "session-cookie-change-on-failure": _AnnotationRule("change_on_failure", _TRUTH, TRUE.__contains__),
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
RULES: Mapping[str, _AnnotationRule] = {
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


class ParseResult(StrEnum):
    """The result of parsing an annotation's value."""

    #: The value takes effect.
    PARSED = "parsed"
    #: ingress-nginx ignores the value (for example text instead of a number), so it is ignored here too.
    IGNORED = "ignored"
    #: ingress-nginx may accept the value, but it has no effect here.
    UNREADABLE = "unreadable"


def parse_result(name: str, value: str) -> ParseResult:
    """Check if the value of an annotation of ``RULES``, given without the prefix, can be parsed."""
    rule, text = RULES[name], value.strip()
    if re.fullmatch(rule.allowed, text):
        return ParseResult.PARSED
    is_number = re.fullmatch(r"[-+]?\d+", text) is not None
    ignored = (
        not text
        or re.fullmatch(rule.ignored, text, re.DOTALL) is not None
        or (rule.allowed in _NUMBERS and not is_number)
        or rule.allowed == _TRUTH
    )
    return ParseResult.IGNORED if ignored else ParseResult.UNREADABLE


def settings_of(ingress: Mapping[str, Any], secrets: Secrets | None = None) -> LocationSettings:
    """Return the settings of an Ingress's annotations; an invalid value is logged and has no effect."""
    found = replace(
        LocationSettings(),
        **_values(ingress, _RULES),
        redirect=redirect_of(ingress),
        limits=rate_limit_of(ingress),
        without_effect=_without_effect(ingress),
    )
    try:
        allowed, denied = source_lists(ingress)
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


def balancing_of(ingress: Mapping[str, Any]) -> Balancing:
    """Return an Ingress's load balancing algorithm; ingress-nginx's default if it is absent or invalid."""
    balancing: Balancing = _values(ingress, _BALANCING).get("balancing", Balancing.ROUND_ROBIN)
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


def _values(ingress: Mapping[str, Any], rules: Mapping[str, _AnnotationRule]) -> dict[str, Any]:
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
