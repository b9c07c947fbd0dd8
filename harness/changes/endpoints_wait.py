"""Checks that a Service's new selector is in effect: in its EndpointSlices, and in the ingress controller."""

from __future__ import annotations

from collections.abc import Mapping

from harness.changes.context import ChangeContext, Missing
from harness.changes.pods import addresses, pods_behind, ready_endpoints
from harness.model.controllers import Aspect


class EndpointsWait:
    """A repeated check of a Service's endpoints.

    An event of the ingress controller from before the endpoints changed is about something else. So this class keeps
    the time of the last check at which they had not yet changed, and only later events count.

    Args:
        context: Context of the change.
        service: Name of the Service.
    """

    def __init__(self, context: ChangeContext, service: str) -> None:
        self._context = context
        self._service = service
        self._not_yet = 0

    def endpoints_missing(self, selector: Mapping[str, str], *, some: bool) -> Missing:
        """Return what is missing until the Service's endpoints are the ready pods of a selector.

        Args:
            selector: Selector of the Service.
            some: True if at least one endpoint is required.
        """
        context, look = self._context, self._context.clock.now()
        wanted = addresses(pods_behind(context.kube, selector, context.namespace))
        there = ready_endpoints(context.kube, self._service, context.namespace)
        if wanted != there:
            self._not_yet = look
            return (f"endpoints {_text(wanted)} of Service {self._service} (they are {_text(there)})",)
        return ("any ready pod behind the new selector",) if some and not wanted else ()

    def ingress_missing(self, since: int, *, answers: bool) -> Missing:
        """Return what is missing until the ingress controller uses the endpoints.

        If that can't be observed, the new backend's answer, which traffic gets through the controller, is sufficient.
        """
        if answers and not self._context.ingress_sees(Aspect.ENDPOINTS):
            return ()
        seen = self._context.ingress_did(Aspect.ENDPOINTS, max(since, self._not_yet))
        return () if seen else ("the ingress controller to use the new endpoints",)


def _text(found: frozenset[str]) -> str:
    return ", ".join(sorted(found)) or "none"
