"""Read the controller's ConfigMap: defaults of annotations, and settings that apply to all of nginx.conf.

``config_map_tables`` has the keys that are not implemented.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.kube.fieldclasses import FieldClass, Site
from harness.localkube.ingress.access import networks
from harness.localkube.ingress.annotations import RULES as ANNOTATIONS
from harness.localkube.ingress.config_map_tables import DECISIVE, INERT
from harness.localkube.ingress.global_settings import GlobalSettings
from harness.localkube.ingress.model import Balancing, LocationSettings
from harness.localkube.ingress.value_classes import ValueClasses
from harness.localkube.ingress.value_rules import NUMBER, TRUE, TRUTH, ParseResult, ValueRule, key_result
from harness.localkube.system.programs import INGRESS_NGINX, INGRESS_PROGRAMS

_log = logging.getLogger(__name__)

#: The namespaces of the ingress controllers.
_NAMESPACES = frozenset(program.address.namespace for program in INGRESS_PROGRAMS.values())

_CIDR = r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]+:[0-9a-fA-F:.]*)(?:/\d{1,3})?"
_CIDRS = rf"\s*{_CIDR}\s*(?:,\s*{_CIDR}\s*)*"
_DURATION = r"\d{1,6}(?:ms|s|m|h|d)?"
_LIMIT_STATUS = r"[45]\d\d"

#: Keys that set the default of the annotation of the same name.
_DEFAULTS: Mapping[str, ValueRule] = {
    **{
        name: ANNOTATIONS[name]
        for name in (
            "force-ssl-redirect",
            "preserve-trailing-slash",
            "proxy-body-size",
            "proxy-buffering",
            "proxy-connect-timeout",
            "proxy-http-version",
            "proxy-next-upstream",
            "proxy-next-upstream-timeout",
            "proxy-next-upstream-tries",
            "proxy-read-timeout",
            "proxy-request-buffering",
            "proxy-send-timeout",
            "ssl-redirect",
        )
    },
    "whitelist-source-range": ValueRule("allowed_sources", _CIDRS, networks),
    "denylist-source-range": ValueRule("denied_sources", _CIDRS, networks),
}
_BALANCING: Mapping[str, ValueRule] = {"load-balance": ANNOTATIONS["load-balance"]}
_EVERYWHERE: Mapping[str, ValueRule] = {
    "client-body-timeout": ValueRule("client_body_timeout", NUMBER, int),
    "client-header-timeout": ValueRule("client_header_timeout", NUMBER, int),
    "enable-underscores-in-headers": ValueRule("underscores", TRUTH, TRUE.__contains__),
    "hsts": ValueRule("hsts", TRUTH, TRUE.__contains__),
    "hsts-include-subdomains": ValueRule("hsts_subdomains", TRUTH, TRUE.__contains__),
    "hsts-max-age": ValueRule("hsts_max_age", r"\d{1,12}"),
    "hsts-preload": ValueRule("hsts_preload", TRUTH, TRUE.__contains__),
    # ingress-nginx ignores every other status.
    "http-redirect-code": ValueRule("redirect_status", r"30[1278]", int, ignored=r".*"),
    "ignore-invalid-headers": ValueRule("ignore_invalid", TRUTH, TRUE.__contains__),
    "keep-alive": ValueRule("keep_alive", NUMBER, int),
    "keep-alive-requests": ValueRule("keep_alive_requests", NUMBER, int),
    "limit-conn-status-code": ValueRule("connection_limit_status", _LIMIT_STATUS, int),
    "limit-req-status-code": ValueRule("request_limit_status", _LIMIT_STATUS, int),
    "retry-non-idempotent": ValueRule("retry_non_idempotent", TRUTH, TRUE.__contains__),
    "upstream-keepalive-connections": ValueRule("upstream_connections", NUMBER, int),
    "upstream-keepalive-requests": ValueRule("upstream_requests", NUMBER, int),
    "upstream-keepalive-time": ValueRule("upstream_time", _DURATION),
    "upstream-keepalive-timeout": ValueRule("upstream_timeout", NUMBER, int),
    "worker-shutdown-timeout": ValueRule("shutdown_timeout", _DURATION),
}

#: Every implemented key.
RULES: Mapping[str, ValueRule] = {**_DEFAULTS, **_BALANCING, **_EVERYWHERE}
#: Every key of ingress-nginx's ConfigMap.
NAMES = frozenset({*RULES, *DECISIVE, *INERT})

_CLASSES = ValueClasses(RULES, INERT, DECISIVE, key_result)


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """Everything that the controller's ConfigMap decides.

    Attributes:
        everywhere: Settings of all virtual hosts.
        defaults: Settings of Ingresses without the annotations.
        balancing: Load balancing algorithm of Ingresses without the annotation.
    """

    everywhere: GlobalSettings = field(default_factory=GlobalSettings)
    defaults: LocationSettings = field(default_factory=LocationSettings)
    balancing: Balancing = Balancing.ROUND_ROBIN


def is_controllers(config_map: Mapping[str, Any]) -> bool:
    """Return True if a ConfigMap is the controller's. One of a workload has no namespace."""
    metadata = config_map.get("metadata") or {}
    return metadata.get("name") == INGRESS_NGINX.address.settings and metadata.get("namespace") in {
        None, "", INGRESS_NGINX.address.namespace,
    }  # fmt: skip


def class_of(key: str, site: Site) -> tuple[FieldClass, str, str]:
    """Classify a key of a ConfigMap: its class, the reason, and a suggested spelling."""
    if not is_controllers(site.root):
        if (site.root.get("metadata") or {}).get("namespace") in _NAMESPACES:
            return FieldClass.DECISIVE, "configures the ingress controller with it", ""
        return FieldClass.INERT, "it is stored, and no component reads it", ""
    if INGRESS_PROGRAMS.get(site.ingress) is not INGRESS_NGINX:
        return FieldClass.INERT, f"ingress {site.ingress} does not read it", ""
    if key not in NAMES:
        near = difflib.get_close_matches(key, sorted(NAMES), n=1)
        hint = f"did you mean {near[0]}?" if near else ""
        return FieldClass.UNKNOWN, "ingress-nginx has no such key in its ConfigMap", hint
    return (*_CLASSES.class_of(key, site), "")


def controller_settings(data: Mapping[str, str]) -> ControllerSettings:
    """Return the settings of the ConfigMap's data; an invalid value is logged and has no effect."""
    return ControllerSettings(
        everywhere=GlobalSettings(
            **_values(data, _EVERYWHERE),
            values=tuple(sorted((key, value) for key, value in data.items() if key in NAMES)),
        ),
        defaults=LocationSettings(**_values(data, _DEFAULTS)),
        balancing=_values(data, _BALANCING).get("balancing", Balancing.ROUND_ROBIN),
    )


def _values(data: Mapping[str, str], rules: Mapping[str, ValueRule]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, rule in rules.items():
        if name not in data:
            continue
        if key_result(rule, data[name]) is ParseResult.PARSED:
            try:
                found[rule.setting] = rule.read(data[name])
                continue
            except ValueError:
                pass  # It has the form of a list of addresses, but contains none.
        _log.warning("the controller's ConfigMap: %s cannot have the value %r", name, data[name])
    return found
