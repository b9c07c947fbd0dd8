"""Wait until all follow a Service's selector: its EndpointSlices, and the ingress controller."""

from __future__ import annotations

from collections.abc import Mapping

from harness.changes.context import ChangeContext, Missing
from harness.changes.pods import addresses, pods_behind, ready_endpoints
from harness.model.controllers import Aspect


class EndpointsWait:
    """Looks again and again whether all follow.

    What the ingress controller did before the endpoints had changed was about something else, so the last look at
    which they had not is remembered.

    Args:
        context: Where.
        service: Whose endpoints.
    """

    def __init__(self, context: ChangeContext, service: str) -> None:
        self._context = context
        self._service = service
        self._not_yet = 0

    def endpoints_missing(self, selector: Mapping[str, str], *, some: bool) -> Missing:
        """Return what is missing until the ready pods of a selector are the Service's endpoints.

        Args:
            selector: The Service's.
            some: Whether no endpoint at all is not enough.
        """
        context, look = self._context, self._context.clock.now()
        wanted = addresses(pods_behind(context.kube, selector, context.namespace))
        there = ready_endpoints(context.kube, self._service, context.namespace)
        if wanted != there:
            self._not_yet = look
            return (f"endpoints {_text(wanted)} of Service {self._service} (they are {_text(there)})",)
        return ("any ready pod behind the new selector",) if some and not wanted else ()

    def ingress_missing(self, since: int, *, answers: bool) -> Missing:
        """Return whether the ingress controller has yet to take the endpoints over.

        Where that can't be seen, the new backend's answer, which traffic gets through the controller, is enough.
        """
        if answers and not self._context.ingress_sees(Aspect.ENDPOINTS):
            return ()
        seen = self._context.ingress_did(Aspect.ENDPOINTS, max(since, self._not_yet))
        return () if seen else ("the ingress controller to take over the endpoints",)


def _text(found: frozenset[str]) -> str:
    return ", ".join(sorted(found)) or "none"
