"""A Service is pointed at other pods under traffic, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.changes.base import Change, Made, Missing, Stage, UndoWhen, patch_with_undo
from harness.changes.pods import addresses, pods_behind, ready_endpoints
from harness.model.changes import SelectorPatch


class Repoint(Change[SelectorPatch]):
    """See ``harness.model.changes.SelectorPatch``.

    Observed when the Service's EndpointSlices hold exactly the ready pods that its new selector finds, the ingress
    controller has taken endpoints over since, and the new backend answers, if one is to. With an answer to come, no
    endpoint at all is not enough.
    """

    def __init__(self, spec: SelectorPatch) -> None:
        super().__init__(spec)
        self.undo_when = UndoWhen.ALWAYS if spec.hold else UndoWhen.BETWEEN
        self.hold = spec.hold
        self._not_yet = 0  # the last look at which the endpoints were still others

    def make(self, stage: Stage, number: int) -> Made:
        """Patch the selector."""
        patch = {"spec": {"selector": dict(self.spec.selector)}}
        return patch_with_undo(stage, "Service", self.spec.service, patch, "merge", number)

    def missing(self, stage: Stage, made: Made) -> Missing:
        """The endpoints, the ingress controller, the answer."""
        unseen = self.spec.answer and not stage.answered(self.spec.answer, made.begun)
        return (
            *self._endpoints_missing(stage, made.target, some=bool(self.spec.answer)),
            *self._ingress_missing(stage, made.begun),
            *((f"an answer like {self.spec.answer!r} in the traffic",) if unseen else ()),
        )

    def missing_after_undo(self, stage: Stage, made: Made, undone: int) -> Missing:
        """The endpoints of the old selector, and the ingress controller."""
        original = made.before["object"]
        return (*self._endpoints_missing(stage, original, some=False), *self._ingress_missing(stage, undone))

    def _endpoints_missing(self, stage: Stage, service: Mapping[str, Any], *, some: bool) -> Missing:
        selector = service["spec"].get("selector", {})
        look = stage.clock.now()
        wanted = addresses(pods_behind(stage.kube, selector, stage.namespace))
        there = ready_endpoints(stage.kube, self.spec.service, stage.namespace)
        if wanted != there:
            self._not_yet = look
            return (f"endpoints {_text(wanted)} of Service {self.spec.service} (they are {_text(there)})",)
        return ("any ready pod behind the new selector",) if some and not wanted else ()

    def _ingress_missing(self, stage: Stage, since: int) -> Missing:
        """What the ingress controller did before the endpoints had changed was about something else.

        Where nobody can see what it does, the new backend's answer, which traffic gets through it, says as much.
        """
        if self.spec.answer and not stage.ingress_sees("endpoints"):
            return ()
        seen = stage.ingress_did("endpoints", max(since, self._not_yet))
        return () if seen else ("the ingress controller to take over the endpoints",)


def _text(found: frozenset[str]) -> str:
    return ", ".join(sorted(found)) or "none"
