"""How the log of an ingress controller is read: what of it is the access log, what the controller tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.clusters.shared import nginx_log, traefik_log
from harness.clusters.shared.stamps import Stamps
from harness.kube.logs import LogLine
from harness.model.timeline import Event


@dataclass(frozen=True, slots=True)
class ControllerLog:
    """One kind of controller's log.

    Attributes:
        tells: The events that it tells of, if its whole log can be read.
        is_access: Whether a line's text is of the access log.
        access: That line as ``access.jsonl`` has it.
        reader: Gives what reads all other lines of one container, in their order: the events that each tells of.
    """

    tells: frozenset[str]
    is_access: Callable[[str], bool]
    access: Callable[[str], str]
    reader: Callable[[], Callable[[LogLine, Stamps], Iterable[Event]]]


def _nginx(line: LogLine, stamps: Stamps) -> Iterable[Event]:
    event = nginx_log.event_of(line, stamps)
    return () if event is None else (event,)


NGINX = ControllerLog(frozenset({"reload", "endpoints"}), nginx_log.is_access, str, lambda: _nginx)
TRAEFIK = ControllerLog(
    frozenset({"configured"}),
    traefik_log.is_access,
    traefik_log.access_line,
    lambda: traefik_log.TraefikLog().events_of,
)
