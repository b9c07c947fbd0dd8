"""A Service is pointed at other pods under traffic, and back."""

from __future__ import annotations

from harness.changes.base import Change, Made, Missing, Stage, UndoWhen, patch_with_undo
from harness.changes.following import Following
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
        self._all = Following(spec.service)

    def make(self, stage: Stage, number: int) -> Made:
        """Patch the selector."""
        patch = {"spec": {"selector": dict(self.spec.selector)}}
        return patch_with_undo(stage, "Service", self.spec.service, patch, "merge", number)

    def missing(self, stage: Stage, made: Made) -> Missing:
        """The endpoints, the ingress controller, the answer."""
        answers = bool(self.spec.answer)
        unseen = answers and not stage.answered(self.spec.answer, made.begun)
        return (
            *self._all.endpoints_missing(stage, made.target["spec"].get("selector", {}), some=answers),
            *self._all.ingress_missing(stage, made.begun, answers=answers),
            *((f"an answer like {self.spec.answer!r} in the traffic",) if unseen else ()),
        )

    def missing_after_undo(self, stage: Stage, made: Made, undone: int) -> Missing:
        """The endpoints of the old selector, and the ingress controller."""
        selector = made.before["object"]["spec"].get("selector", {})
        return (
            *self._all.endpoints_missing(stage, selector, some=False),
            *self._all.ingress_missing(stage, undone, answers=bool(self.spec.answer)),
        )
