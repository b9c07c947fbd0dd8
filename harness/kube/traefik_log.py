"""Reads the lines of Traefik's JSON log: configurations that it took over, and its access log.

Both come by one stream; their keys differ. The texts are those of release 3 at level DEBUG. A configuration is
*received* when the provider's throttle has let it pass (pkg/server/configurationwatcher.go). It counts when its routers
are built: at once, or when an RSA key is made, as for each configuration of a Traefik without a default certificate,
which takes a tenth of a second of a processor and, where that is busy, seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.kube.stamps import stamp_ns

Facts = Mapping[str, str | int]

#: Cheap tests before a line is read: the two logs begin their lines differently.
_ACCESS = '{"ClientAddr":'
_RECEIVED = "Configuration received"
_SKIPPED = "Skipping Kubernetes event kind *"
#: Said while routers are built for a configuration; and before that, when a key has been made for it.
_BUILDS = '"message":"Creating middleware"'
_CERTIFIES = "fallback to the internal generated certificate"
#: What the providers' names begin with behind which are objects of the cluster.
_CLUSTERS = "kubernetes"
#: The kinds that say where requests go.
_ROUTING = frozenset({"Ingress", "IngressRoute", "TraefikService", "Middleware"})
_HEADER = "request_X-Request-Id"
_COMPACT = (",", ":")


def is_access(text: str) -> bool:
    """Whether it is a line of the access log."""
    return text.startswith(_ACCESS)


def access_line(text: str) -> str:
    """A line of Traefik's access log as ``access.jsonl`` has it: the names of ingress-nginx's log, then its own.

    What Traefik has no word for (its connections, the time that connecting took) is not there. A request that no server
    was chosen for has an empty ``upstream_addr``, and a ``backend`` only if a router took it.
    """
    try:
        line = json.loads(text)
    except ValueError:  # a disk that was full for a moment, a stream that broke: kept as it is
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
    """One Traefik's log, line by line in its order: what is taken over is received first, and may be as it was.

    Args:
        certified: Whether it has a default certificate, but maybe not yet when it starts.
    """

    def __init__(self, *, certified: bool = False) -> None:
        self._last: dict[str, Any] = {}
        self._received: dict[str, Facts] = {}
        self._certified = certified
        self._mark = _BUILDS

    def said(self, text: str) -> list[tuple[str, Facts]]:
        """What a line tells: events' words and facts.

        Returns:
            ``configured``: Traefik goes over to a configuration. ``sync``: it looked at a route, and nothing was to do.
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
        # What comes again as it was is skipped by Traefik as well.
        if line.get("message") == _RECEIVED and provider.startswith(_CLUSTERS) and self._last.get(provider) != config:
            self._last[provider] = config
            self._received[provider] = configured(provider, config)

    def _take_over(self) -> list[tuple[str, Facts]]:
        taken, self._received = self._received, {}
        return [("configured", facts) for facts in taken.values()]


def configured(provider: str, config: Any) -> Facts:
    """A configuration in short: whose it is, how many routes, which servers get requests, which only what they had."""
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
    """The HTTP part of a configuration, which is logged as an object or as text."""
    parsed = json.loads(config) if isinstance(config, str) else config
    return (parsed or {}).get("http") or {}


def _ended(line: Mapping[str, Any]) -> float:
    """Seconds since the epoch at which the request was over, as ingress-nginx says it."""
    return round((stamp_ns(str(line["StartUTC"])) + int(line.get("Duration") or 0)) / 1e9, 3)


def _seconds(nanoseconds: Any) -> float:
    return round(int(nanoseconds or 0) / 1e9, 6)
