"""Turns the log of Traefik into events and an access log. ``harness.kube.traefik_log`` parses its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.controllers.base import ControllerLog, LineReader
from harness.kube.api import Object
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps
from harness.kube.traefik_log import TraefikLog, access_line, is_access
from harness.model.controllers import CONFIGURED
from harness.model.timeline import Event, EventKind

SUBJECT = "traefik"
#: Arguments, in lower case, with which Traefik logs the configurations that take effect.
_VERBOSE = frozenset({"--log.level=debug", "--log.format=json"})


def reader() -> LineReader:
    """Return a reader for the log of one Traefik."""
    log = TraefikLog()

    def events_of(line: LogLine, stamps: Stamps) -> Iterator[Event]:
        for what, detail in log.events_of(line.text):
            at, exact = stamps.place(line)
            yield Event(at, EventKind.INGRESS, SUBJECT, what, detail, exact)

    return events_of


def signals(pods: Sequence[Object]) -> frozenset[str]:
    """Return the names of the events that these pods log: none unless the log is JSON at level DEBUG."""
    for pod in pods:
        words = {str(word).lower() for c in pod["spec"]["containers"] for word in (c.get("args") or ())}
        if not words >= _VERBOSE:
            return frozenset()
    return frozenset({CONFIGURED.word})


# Traefik notices that a client has gone only after it has read the request's body. While it connects to a server that
# does not answer, the body of a POST stays unread, so its line comes when the connect times out: after 30 s by default.
LOG = ControllerLog(is_access, access_line, reader, signals, lists_tries=False, logs_departures=False)
