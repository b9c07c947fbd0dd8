"""Whether all have followed a Service's selector: its EndpointSlices, and the ingress controller."""

from __future__ import annotations

from collections.abc import Mapping

from harness.changes.base import Missing, Stage
from harness.changes.pods import addresses, pods_behind, ready_endpoints
from harness.model.controllers import Aspect


class Following:
    """Looks again and again whether all follow.

    What the ingress controller did before the endpoints had changed was about something else, so the last look at
    which they had not is remembered.

    Args:
        service: Whose endpoints.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._not_yet = 0

    def endpoints_missing(self, stage: Stage, selector: Mapping[str, str], *, some: bool) -> Missing:
        """The ready pods of a selector as the Service's endpoints.

        Args:
            stage: Where.
            selector: The Service's.
            some: Whether no endpoint at all is not enough.
        """
        look = stage.clock.now()
        wanted = addresses(pods_behind(stage.kube, selector, stage.namespace))
        there = ready_endpoints(stage.kube, self._service, stage.namespace)
        if wanted != there:
            self._not_yet = look
            return (f"endpoints {_text(wanted)} of Service {self._service} (they are {_text(there)})",)
        return ("any ready pod behind the new selector",) if some and not wanted else ()

    def ingress_missing(self, stage: Stage, since: int, *, answers: bool) -> Missing:
        """The ingress controller's word.

        Where nobody can see what it does, the new backend's answer, which traffic gets through it, says as much.
        """
        if answers and not stage.ingress_sees(Aspect.ENDPOINTS):
            return ()
        seen = stage.ingress_did(Aspect.ENDPOINTS, max(since, self._not_yet))
        return () if seen else ("the ingress controller to take over the endpoints",)


def _text(found: frozenset[str]) -> str:
    return ", ".join(sorted(found)) or "none"
