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
_HEADER = "request_X-Request-Id"


def is_access(text: str) -> bool:
    """Whether it is a line of the access log."""
    return text.startswith(_ACCESS)


def access_line(text: str) -> str:
    """A line of Traefik's access log with the field names of ingress-nginx's, as ``access.jsonl`` has them.

    What Traefik has no word for (its connections, the time that connecting took) is not there. A request that no server
    was chosen for has an empty ``upstream_addr``, and a ``backend`` only if a router took it.
    """
    said = json.loads(text)
    chosen = str(said.get("ServiceAddr") or "")
    return json.dumps(
        {
            "time": _ended(said),
            "attempt": str(said.get(_HEADER) or ""),
            "method": said.get("RequestMethod", ""),
            "uri": said.get("RequestPath", ""),
            "status": int(said.get("DownstreamStatus") or 0),
            "upstream_addr": chosen,
            "upstream_status": str(said.get("OriginStatus") or "") if chosen else "",
            "upstream_response_time": str(_seconds(said.get("OriginDuration"))) if chosen else "",
            "request_time": _seconds(said.get("Duration")),
            "bytes_sent": int(said.get("DownstreamContentSize") or 0),
            "retries": int(said.get("RetryAttempts") or 0),
            "router": str(said.get("RouterName") or ""),
            "backend": str(said.get("ServiceName") or ""),
        },
        separators=(",", ":"),
    )


def configured(text: str) -> Mapping[str, str | int] | None:
    """What a line tells of a configuration that was taken over: provider, routers, servers; None for other lines."""
    if _RECEIVED not in text or is_access(text):
        return None
    try:
        said = json.loads(text)
    except ValueError:
        return None
    if said.get("message") != _RECEIVED:
        return None
    http = _http(said.get("config"))
    servers = [
        str(server.get("url", ""))
        for service in (http.get("services") or {}).values()
        for server in ((service.get("loadBalancer") or {}).get("servers") or ())
    ]
    return {
        "provider": str(said.get("providerName", "")),
        "routers": len(http.get("routers") or {}),
        "servers": ",".join(sorted(url.removeprefix("http://") for url in servers)),
    }


def event_of(line: LogLine, stamps: Stamps) -> Event | None:
    """The event that a line of Traefik's log tells of, if any: ``configured``."""
    detail = configured(line.text)
    if detail is None:
        return None
    at, exact = stamps.place(line)
    return Event(at, EventKind.INGRESS, SUBJECT, "configured", detail, exact)


def _http(config: Any) -> Mapping[str, Any]:
    """The HTTP part of a configuration, which is logged as an object or as text."""
    parsed = json.loads(config) if isinstance(config, str) else config
    return (parsed or {}).get("http") or {}


def _ended(said: Mapping[str, Any]) -> float:
    """Seconds since the epoch at which the request was over, as ingress-nginx says it."""
    return round((stamp_ns(str(said["StartUTC"])) + int(said.get("Duration") or 0)) / 1e9, 3)


def _seconds(nanoseconds: Any) -> float:
    return round(int(nanoseconds or 0) / 1e9, 6)
