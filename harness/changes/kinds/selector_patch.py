"""A patch of a Service's selector, so that it selects other pods."""

from __future__ import annotations

from harness.changes.applied import AppliedChange, patch_target
from harness.changes.context import Missing
from harness.changes.endpoints_wait import EndpointsWait
from harness.changes.repetition import Repetition
from harness.model.changes import SelectorPatch


def carry_out(repetition: Repetition[SelectorPatch]) -> bool:
    """Patch the selector.

    The patch is observed when the Service's EndpointSlices have exactly the ready pods of the new selector, the ingress
    controller uses them, and the new backend has answered, if the spec has its answer. At least one endpoint is then
    required.
    """
    spec, context = repetition.spec, repetition.context
    wait, answers = EndpointsWait(context, spec.service), bool(spec.answer)

    def missing(applied: AppliedChange) -> Missing:
        unseen = answers and not context.answered(spec.answer, applied.begun)
        return (
            *wait.endpoints_missing(applied.target["spec"].get("selector", {}), some=answers),
            *wait.ingress_missing(applied.begun, answers=answers),
            *((f"an answer like {spec.answer!r} in the traffic",) if unseen else ()),
        )

    def missing_after_undo(applied: AppliedChange, begun: int) -> Missing:
        selector = applied.before["object"]["spec"].get("selector", {})
        return (
            *wait.endpoints_missing(selector, some=False),
            *wait.ingress_missing(begun, answers=answers),
        )

    return repetition.act(lambda: patch_target(context, spec, repetition.number), missing, missing_after_undo)
