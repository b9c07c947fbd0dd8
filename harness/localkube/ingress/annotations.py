"""The annotations that are carried out, as tables: each with what it sets and the values that can be read.

``annotation_classes`` says what becomes of every other annotation that ingress-nginx knows.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from harness.localkube.ingress.model import Balancing, LocationSettings
from harness.localkube.ingress.shaping import Affinity, Mode, Shaping
from harness.localkube.system.programs import INGRESS_NGINX

PREFIX = INGRESS_NGINX.annotations

_log = logging.getLogger(__name__)

_CONDITIONS = (
    "error|timeout|invalid_header|http_500|http_502|http_503|http_504|http_403|http_404|http_429|non_idempotent|off"
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which setting an annotation is for, what it may be, and how it is read."""

    setting: str
    allowed: str
    read: Callable[[str], Any] = str


#: Go's strconv.ParseBool, by which ingress-nginx reads switches; anything else is as good as no annotation.
TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_TRUTH = "|".join((*TRUE, *FALSE))

_SECONDS = r"\d{1,6}"
_SWITCH = "on|off"
_RULES: Mapping[str, _Rule] = {
    "rewrite-target": _Rule("rewrite_target", r"/?[-._~a-zA-Z0-9/$:%+=&?@]*"),
    "use-regex": _Rule("use_regex", _TRUTH, TRUE.__contains__),
    "proxy-connect-timeout": _Rule("connect_timeout", _SECONDS, int),
    "proxy-send-timeout": _Rule("send_timeout", _SECONDS, int),
    "proxy-read-timeout": _Rule("read_timeout", _SECONDS, int),
    "proxy-next-upstream": _Rule("next_upstream", rf"({_CONDITIONS})( ({_CONDITIONS}))*"),
    "proxy-next-upstream-timeout": _Rule("next_upstream_timeout", _SECONDS, int),
    "proxy-next-upstream-tries": _Rule("next_upstream_tries", _SECONDS, int),
    "proxy-body-size": _Rule("body_size", r"\d+[kKmMgG]?"),
    "proxy-buffering": _Rule("buffering", _SWITCH),
    "proxy-request-buffering": _Rule("request_buffering", _SWITCH),
    "proxy-http-version": _Rule("http_version", r"1\.0|1\.1"),
    "x-forwarded-prefix": _Rule("forwarded_prefix", r"[-._~a-zA-Z0-9/]+"),
    "upstream-vhost": _Rule("upstream_vhost", r"[-.a-zA-Z0-9:]+"),
}
#: Apart, since it is about backends: in a location's settings it would make nginx reload.
_BALANCING: Mapping[str, _Rule] = {"load-balance": _Rule("balancing", "|".join(Balancing), Balancing)}
_NAME = r"[-._~a-zA-Z0-9/]+"
_NUMBER = r"\d{1,9}"
#: The forms of values that are no more than a number.
_NUMBERS = (_SECONDS, _NUMBER)
_CANARY: Mapping[str, _Rule] = {
    "canary": _Rule("enabled", _TRUTH, TRUE.__contains__),
    "canary-weight": _Rule("weight", _NUMBER, int),
    # Lua takes a smaller total for 100.
    "canary-weight-total": _Rule("total", _NUMBER, lambda text: max(100, int(text))),
    "canary-by-header": _Rule("header", _NAME),
    "canary-by-header-value": _Rule("value", _NAME),
    "canary-by-header-pattern": _Rule("pattern", r"[^\r\n\0]+"),
    "canary-by-cookie": _Rule("cookie", _NAME),
}
_BEHAVIOR: Mapping[str, _Rule] = {"affinity-canary-behavior": _Rule("legacy", "sticky|legacy", "legacy".__eq__)}
_AFFINITY: Mapping[str, _Rule] = {
    "affinity": _Rule("kind", "cookie"),
    "affinity-mode": _Rule("mode", "|".join(Mode), Mode),
    "session-cookie-name": _Rule("name", r"[-._~a-zA-Z0-9]+"),
    "session-cookie-path": _Rule("path", r"/[-._~a-zA-Z0-9/]*"),
    "session-cookie-max-age": _Rule("max_age", _NUMBER),
    "session-cookie-change-on-failure": _Rule("change_on_failure", _TRUTH, TRUE.__contains__),
}

#: Every annotation that is carried out, without the prefix.
RULES: Mapping[str, _Rule] = {**_RULES, **_BALANCING, **_CANARY, **_BEHAVIOR, **_AFFINITY}


class Reading(StrEnum):
    """What becomes of an annotation's value."""

    #: It is carried out.
    READ = "read"
    #: ingress-nginx ignores it (no number where a number belongs), and so it is ignored here.
    IGNORED = "ignored"
    #: ingress-nginx may take it, and here it has no effect.
    UNREADABLE = "unreadable"


def reading_of(name: str, value: str) -> Reading:
    """Say what becomes of the value of an annotation of ``RULES``, given without the prefix."""
    rule, text = RULES[name], value.strip()
    if re.fullmatch(rule.allowed, text):
        return Reading.READ
    is_number = re.fullmatch(r"[-+]?\d+", text) is not None
    ignored = not text or (rule.allowed in _NUMBERS and not is_number) or rule.allowed == _TRUTH
    return Reading.IGNORED if ignored else Reading.UNREADABLE


def settings_of(ingress: Mapping[str, Any]) -> LocationSettings:
    """What an Ingress's annotations set; a value that can't be right is logged and has no effect."""
    return replace(LocationSettings(), **_values(ingress, _RULES))


def balancing_of(ingress: Mapping[str, Any]) -> Balancing:
    """How an Ingress has its backends' endpoints chosen; ingress-nginx's default where it does not say, or wrongly."""
    balancing: Balancing = _values(ingress, _BALANCING).get("balancing", Balancing.ROUND_ROBIN)
    return balancing


def canary_of(ingress: Mapping[str, Any]) -> Shaping | None:
    """Which requests an Ingress gets beside the main one of its paths; None where it is no canary."""
    values = _values(ingress, _CANARY)
    return Shaping(**values) if values.pop("enabled", False) else None


def affinity_of(ingress: Mapping[str, Any]) -> Affinity | None:
    """How an Ingress keeps sessions at an endpoint; None where it does not."""
    values = _values(ingress, _AFFINITY)
    return Affinity(**values) if values.pop("kind", "") else None


def leaves_affinity(ingress: Mapping[str, Any]) -> bool:
    """Whether a canary Ingress wants nothing of its main one's sessions (``affinity-canary-behavior: legacy``)."""
    return bool(_values(ingress, _BEHAVIOR).get("legacy", False))


def _values(ingress: Mapping[str, Any], rules: Mapping[str, _Rule]) -> dict[str, Any]:
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
            _log.warning("ingress %s: annotation %s can't be %r", metadata["name"], name, value)
    return found
