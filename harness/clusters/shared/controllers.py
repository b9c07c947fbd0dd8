"""How the log of an ingress controller is read: what of it is the access log, what the controller tells of itself."""

from __future__ import annotations

from collections.abc import Callable
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
        event_of: The event that any other line tells of, if any.
    """

    tells: frozenset[str]
    is_access: Callable[[str], bool]
    access: Callable[[str], str]
    event_of: Callable[[LogLine, Stamps], Event | None]


NGINX = ControllerLog(frozenset({"reload", "endpoints"}), nginx_log.is_access, str, nginx_log.event_of)
TRAEFIK = ControllerLog(frozenset({"configured"}), traefik_log.is_access, traefik_log.access_line, traefik_log.event_of)
