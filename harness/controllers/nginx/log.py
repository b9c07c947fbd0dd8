"""Parses the log of ingress-nginx: the access log, and events for reloads, endpoint updates and syncs without changes.

The texts are those of the controller's ``syncIngress`` (internal/ingress/controller/controller.go in release 1.11).
Endpoint updates are logged with ``--v=2``, and syncs without changes with ``--v=3``.
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
#: The verbosity from which the controller logs endpoint updates.
_VERBOSE = re.compile(r"--?v=([2-9]|\d\d+)")

#: Text in a line -> name of the event.
_EVENTS = {
    "Backend successfully reloaded": RELOAD.word,
    "Dynamic reconfiguration succeeded": ENDPOINTS.word,
    "No configuration change detected": "sync",
    "Unexpected failure reloading the backend": "reload-failed",
}


def is_access(text: str) -> bool:
    """Return True for a line of the access log, in the format that the harness configures."""
    return text.startswith('{"time":')


def event_of(line: LogLine, stamps: Stamps) -> Event | None:
    """Return the event of a line of the controller's log; None if it has none."""
    # A klog line has severity and date, time, process, source, then the text. An access line may contain any text.
    if line.text[:1] not in {"I", "W", "E"}:
        return None
    what = next((what for text, what in _EVENTS.items() if text in line.text), "")
    if not what:
        return None
    at, exact = stamps.place(line)
    return Event(at, EventKind.INGRESS, SUBJECT, what, {}, exact)


def signals(pods: Sequence[Object]) -> frozenset[str]:
    """Return the names of the events that these pods log. Endpoint updates need ``--v=2``."""
    words = [word for pod in pods for c in pod["spec"]["containers"] for word in (c.get("args") or ())]
    verbose = any(_VERBOSE.fullmatch(word) for word in words)
    return frozenset({RELOAD.word, ENDPOINTS.word} if verbose else {RELOAD.word})


def _events(line: LogLine, stamps: Stamps) -> Iterable[Event]:
    event = event_of(line, stamps)
    return () if event is None else (event,)


LOG = ControllerLog(is_access, str, lambda: _events, signals, lists_tries=True, logs_departures=True)
