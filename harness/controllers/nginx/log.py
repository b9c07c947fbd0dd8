"""The log of ingress-nginx: its access log, and events for reloads, endpoints given to Lua, syncs with nothing to do.

The texts are those of the controller's ``syncIngress`` (internal/ingress/controller/controller.go in release 1.11); the
one of a sync with nothing to do needs ``--v=3``, that of the endpoints ``--v=2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.controllers.base import ControllerLog
from harness.kube.api import Object
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps
from harness.model.controllers import ENDPOINTS, RELOAD
from harness.model.timeline import Event, EventKind

SUBJECT = "ingress-nginx"
#: At this verbosity it logs that endpoints were given to Lua.
_VERBOSE = re.compile(r"--?v=([2-9]|\d\d+)")

#: Text in the line -> name of the event.
_SAID = {
    "Backend successfully reloaded": RELOAD.word,
    "Dynamic reconfiguration succeeded": ENDPOINTS.word,
    "No configuration change detected": "sync",
    "Unexpected failure reloading the backend": "reload-failed",
}


def is_access(text: str) -> bool:
    """Return whether it is a line of the access log, in our format."""
    return text.startswith('{"time":')


def event_of(line: LogLine, stamps: Stamps) -> Event | None:
    """Return the event that a line of the controller's log is about, if any."""
    # klog: severity and date, time, process, place, then the text. An access line may contain anything.
    if line.text[:1] not in {"I", "W", "E"}:
        return None
    what = next((what for said, what in _SAID.items() if said in line.text), "")
    if not what:
        return None
    at, exact = stamps.place(line)
    return Event(at, EventKind.INGRESS, SUBJECT, what, {}, exact)


def tells(pods: Sequence[Object]) -> frozenset[str]:
    """Return the names of the events that these pods log: endpoints from ``--v=2`` on."""
    words = [word for pod in pods for c in pod["spec"]["containers"] for word in (c.get("args") or ())]
    verbose = any(_VERBOSE.fullmatch(word) for word in words)
    return frozenset({RELOAD.word, ENDPOINTS.word} if verbose else {RELOAD.word})


def _events(line: LogLine, stamps: Stamps) -> Iterable[Event]:
    event = event_of(line, stamps)
    return () if event is None else (event,)


LOG = ControllerLog(is_access, str, lambda: _events, tells)
