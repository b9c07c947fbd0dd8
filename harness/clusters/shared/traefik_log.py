"""What Traefik says of itself in its JSON log: configurations that it took over, and its access log as evidence.

Both come by one stream, told apart by their keys. The texts are those of ``ConfigurationWatcher.receiveConfigurations``
(pkg/server/configurationwatcher.go in release 3) at level DEBUG: a configuration is *received* when the provider's
throttle has let it pass, and the routers are switched to it milliseconds later, unless it is as the one before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.clusters.shared.stamps import Stamps, stamp_ns
from harness.kube.logs import LogLine
from harness.model.timeline import Event, EventKind

SUBJECT = "traefik"

#: Cheap tests before a line is read: the two logs begin their lines differently.
_ACCESS = '{"ClientAddr":'
_RECEIVED = "Configuration received"
_SKIPPED = "Skipping Kubernetes event kind *"
#: Traefik's own configuration, which no object of the cluster is behind.
_OWN = "internal"
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
    line = json.loads(text)
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


def said(text: str) -> tuple[str, Mapping[str, str | int]]:
    """What a line of the log tells: an event's word and facts; an empty word where it tells of none.

    Returns:
        ``configured``: a configuration was taken over. ``sync``: a route was looked at, and there was nothing to do.
    """
    for what, read in (("configured", configured), ("sync", unchanged)):
        detail = read(text)
        if detail is not None:
            return what, detail
    return "", {}


def configured(text: str) -> Mapping[str, str | int] | None:
    """What a line tells of a configuration that was taken over: provider, routers, servers; None for other lines."""
    if _RECEIVED not in text or is_access(text):
        return None
    try:
        line = json.loads(text)
    except ValueError:
        return None
    if line.get("message") != _RECEIVED or line.get("providerName") == _OWN:
        return None
    http = _http(line.get("config"))
    servers = [
        str(server.get("url", ""))
        for service in (http.get("services") or {}).values()
        for server in ((service.get("loadBalancer") or {}).get("servers") or ())
    ]
    return {
        "provider": str(line.get("providerName", "")),
        "routers": len(http.get("routers") or {}),
        "servers": ",".join(sorted(url.removeprefix("http://") for url in servers)),
    }


def unchanged(text: str) -> Mapping[str, str | int] | None:
    """What a line tells of an Ingress that was looked at and changes nothing; None for other lines."""
    if _SKIPPED not in text or is_access(text):
        return None
    kind = text.rpartition(_SKIPPED)[2].rpartition(".")[2].rstrip('"}\n')
    return {"kind": kind} if kind in _ROUTING else None


def event_of(line: LogLine, stamps: Stamps) -> Event | None:
    """The event that a line of Traefik's log tells of, if any: ``configured`` or ``sync``; see ``said``."""
    what, detail = said(line.text)
    if not what:
        return None
    at, exact = stamps.place(line)
    return Event(at, EventKind.INGRESS, SUBJECT, what, detail, exact)


def _http(config: Any) -> Mapping[str, Any]:
    """The HTTP part of a configuration, which is logged as an object or as text."""
    parsed = json.loads(config) if isinstance(config, str) else config
    return (parsed or {}).get("http") or {}


def _ended(line: Mapping[str, Any]) -> float:
    """Seconds since the epoch at which the request was over, as ingress-nginx says it."""
    return round((stamp_ns(str(line["StartUTC"])) + int(line.get("Duration") or 0)) / 1e9, 3)


def _seconds(nanoseconds: Any) -> float:
    return round(int(nanoseconds or 0) / 1e9, 6)
