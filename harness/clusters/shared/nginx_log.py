"""What ingress-nginx says of itself in its log, as events: reloads, endpoints given to Lua, syncs with nothing to do.

The texts are those of the controller's ``syncIngress`` (internal/ingress/controller/controller.go in release 1.11); the
one of a sync with nothing to do needs ``--v=3``, that of the endpoints ``--v=2``.
"""

from __future__ import annotations

from harness.clusters.shared.stamps import Stamps
from harness.kube.logs import LogLine
from harness.model.timeline import Event, EventKind

#: What the line says -> what we call it.
_SAID = {
    "Backend successfully reloaded": "reload",
    "Dynamic reconfiguration succeeded": "endpoints",
    "No configuration change detected": "sync",
    "Unexpected failure reloading the backend": "reload-failed",
}


def is_access(text: str) -> bool:
    """Whether it is a line of the access log, in our format."""
    return text.startswith('{"time":')


def event_of(line: LogLine, stamps: Stamps) -> Event | None:
    """The event that a line of the controller's log tells of, if any."""
    # klog: severity and date, time, process, place, then the text. An access line may contain anything.
    if line.text[:1] not in {"I", "W", "E"}:
        return None
    what = next((what for said, what in _SAID.items() if said in line.text), "")
    if not what:
        return None
    at, exact = stamps.place(line)
    return Event(at, EventKind.INGRESS, "ingress-nginx", what, {}, exact)
