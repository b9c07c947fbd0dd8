"""Reads the lines of Traefik's JSON log: configurations that take effect, and the access log.

Both are in one stream, with different keys. The texts are those of release 3 at level DEBUG. A configuration is
*received* when it has passed the provider's throttle (pkg/server/configurationwatcher.go). It takes effect when its
routers are built. That is at once, or after an RSA key was generated: a Traefik without a default certificate generates
one for each configuration. This takes a tenth of a second of CPU time, and seconds on a busy machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.kube.stamps import stamp_ns

Facts = Mapping[str, str | int]

#: Prefix of access log lines, and texts of other lines: cheap tests before a line is parsed.
_ACCESS = '{"ClientAddr":'
_RECEIVED = "Configuration received"
_SKIPPED = "Skipping Kubernetes event kind *"
#: Texts that show that a configuration takes effect: logged while its routers are built, and before that, once its key
#: was generated.
_BUILDS = '"message":"Creating middleware"'
_CERTIFIES = "fallback to the internal generated certificate"
#: Prefix of the names of providers that read objects of the cluster.
_CLUSTERS = "kubernetes"
#: The kinds that define routing.
_ROUTING = frozenset({"Ingress", "IngressRoute", "TraefikService", "Middleware"})
_HEADER = "request_X-Request-Id"
_COMPACT = (",", ":")


def is_access(text: str) -> bool:
    """Return True for a line of the access log."""
    return text.startswith(_ACCESS)


def access_line(text: str) -> str:
    """Return a line of Traefik's access log in the format of ``access.jsonl``: common fields, then Traefik's own.

    Common fields that Traefik does not log (its connections, the time to connect) are missing. A request without a
    chosen server has an empty ``upstream_addr``, and a ``backend`` only if a router matched it.
    """
    try:
        line = json.loads(text)
    except ValueError:  # a full disk or a broken stream; keep the text
        return json.dumps({"unreadable": text.rstrip("\n")})
    chosen = str(line.get("ServiceAddr") or "")
    common = {
        "time": _ended(line),
        "attempt": str(line.get(_HEADER) or ""),
        "method": line.get("RequestMethod", ""),
        "uri": line.get("RequestPath", ""),
        "status": int(line.get("DownstreamStatus") or 0),
        "upstream_addr": chosen,
        "upstream_status": str(line.get("OriginStatus") or "") if chosen else "",
        "upstream_response_time": str(_seconds(line.get("OriginDuration"))) if chosen else "",
        "request_time": _seconds(line.get("Duration")),
        "bytes_sent": int(line.get("DownstreamContentSize") or 0),
        "retries": int(line.get("RetryAttempts") or 0),
        "router": str(line.get("RouterName") or ""),
        "backend": str(line.get("ServiceName") or ""),
    }
    return json.dumps(common | {name: value for name, value in line.items() if name not in common}, separators=_COMPACT)


class TraefikLog:
    """The log of one Traefik, read line by line in order.

    Args:
        certified: True if it has a default certificate, although perhaps not yet when it starts.
    """

    def __init__(self, *, certified: bool = False) -> None:
        self._last: dict[str, Any] = {}
        self._received: dict[str, Facts] = {}
        self._certified = certified
        self._mark = _BUILDS

    def events_of(self, text: str) -> list[tuple[str, Facts]]:
        """Return the events of a line, each with its name and facts.

        Returns:
            ``configured``: a configuration takes effect. ``sync``: Traefik checked a route, and nothing had changed.
        """
        if is_access(text):
            return []
        if _RECEIVED in text:
            self._receive(text)
        elif _SKIPPED in text:
            kind = text.rpartition(_SKIPPED)[2].rpartition(".")[2].rstrip('"}\n')
            return [("sync", {"kind": kind})] if kind in _ROUTING else []
        elif _CERTIFIES in text and not self._certified:
            self._mark = _CERTIFIES
            return self._take_over()
        elif self._received and self._mark in text:
            return self._take_over()
        return []

    def _receive(self, text: str) -> None:
        try:
            line = json.loads(text)
        except ValueError:
            return
        provider, config = str(line.get("providerName", "")), line.get("config")
        # Traefik skips an unchanged configuration as well.
        if line.get("message") == _RECEIVED and provider.startswith(_CLUSTERS) and self._last.get(provider) != config:
            self._last[provider] = config
            self._received[provider] = configured(provider, config)

    def _take_over(self) -> list[tuple[str, Facts]]:
        taken, self._received = self._received, {}
        return [("configured", facts) for facts in taken.values()]


def configured(provider: str, config: Any) -> Facts:
    """Return the facts of a configuration: provider, number of routers, servers, and servers that only drain."""
    http = _http(config)
    servers = [
        server
        for service in (http.get("services") or {}).values()
        for server in ((service.get("loadBalancer") or {}).get("servers") or ())
    ]
    fenced = _text(server for server in servers if server.get("fenced"))
    return {
        "provider": provider,
        "routers": len(http.get("routers") or {}),
        "servers": _text(server for server in servers if not server.get("fenced")),
        **({"fenced": fenced} if fenced else {}),
    }


def _text(servers: Iterable[Mapping[str, Any]]) -> str:
    return ",".join(sorted({str(server.get("url", "")).removeprefix("http://") for server in servers}))


def _http(config: Any) -> Mapping[str, Any]:
    """Return the HTTP part of a configuration, which is logged as an object or as text."""
    parsed = json.loads(config) if isinstance(config, str) else config
    return (parsed or {}).get("http") or {}


def _ended(line: Mapping[str, Any]) -> float:
    """Return the end of the request in seconds since the epoch, as ingress-nginx logs it."""
    return round((stamp_ns(str(line["StartUTC"])) + int(line.get("Duration") or 0)) / 1e9, 3)


def _seconds(nanoseconds: Any) -> float:
    return round(int(nanoseconds or 0) / 1e9, 6)
