"""A blue-green release: all public traffic is switched to another version, and the old one may be removed."""

from __future__ import annotations

from harness.changes.applied import AppliedChange, patch_target
from harness.changes.context import Missing
from harness.changes.endpoints_wait import EndpointsWait
from harness.changes.release_scaling import ReleaseScaling
from harness.changes.repetition import Repetition
from harness.model.changes import BlueGreen
from harness.model.events import RETIRES, STARTS, Acted, ChangeEvent


def carry_out(repetition: Repetition[BlueGreen]) -> bool:
    """Start the new version, switch, observe, and retire the old one. Undo if that is due.

    The switch is observed when the Service's EndpointSlices have exactly the ready pods of the new selector, at least
    one, the ingress controller uses them, and every public route has got the new version's answer. An old version that
    is retired at once is retired before that; otherwise after it.
    """
    spec, context = repetition.spec, repetition.context
    seen, started = _start(repetition)
    wait = EndpointsWait(context, spec.service)
    applied = patch_target(context, spec, repetition.number)
    repetition.applied(applied)
    retired = ReleaseScaling(repetition, spec.retire.deployment if spec.retire else "", 0, RETIRES)
    if spec.retire and not spec.retire.after:
        retired.begin()
    pointless = applied.pointless
    seen &= repetition.observe(
        ChangeEvent.OBSERVED, lambda: _switch_missing(repetition, applied, wait), pointless=pointless
    )
    if spec.retire and spec.retire.after:
        repetition.hold(spec.retire.after, applied.applied)
        retired.begin()
    seen &= retired.observe()
    if repetition.undo_due:
        repetition.hold_before_undo(spec.back)
        seen &= retired.undo() and _back(repetition, applied, wait) and started.undo()
    return (repetition.last or repetition.settle(applied.begun)) and seen


def _start(repetition: Repetition[BlueGreen]) -> tuple[bool, ReleaseScaling]:
    """Start the new version's pods, and wait for them if the spec says so."""
    start = repetition.spec.start
    started = ReleaseScaling(repetition, start.deployment if start else "", start.replicas if start else 0, STARTS)
    if start is None:
        return True, started
    started.begin()
    return (not start.wait or started.observe()), started


def _switch_missing(repetition: Repetition[BlueGreen], applied: AppliedChange, wait: EndpointsWait) -> Missing:
    spec, context = repetition.spec, repetition.context
    unseen = [route for route in spec.public if not context.answered(spec.answer, applied.begun, route)]
    return (
        *wait.endpoints_missing(applied.target["spec"].get("selector", {}), some=True),
        *wait.ingress_missing(applied.begun, answers=True),
        *(f"an answer like {spec.answer!r} on {route}" for route in unseen),
    )


def _back(repetition: Repetition[BlueGreen], applied: AppliedChange, wait: EndpointsWait) -> bool:
    """Undo the switch. Do nothing if it changed nothing."""
    if applied.entry is None:
        return True
    begun = repetition.context.clock.now()
    if not repetition.undo(applied.entry):
        return False
    repetition.record(ChangeEvent.UNDONE, Acted(begun=begun))
    selector = applied.before["object"]["spec"].get("selector", {})

    def missing() -> Missing:
        return (*wait.endpoints_missing(selector, some=False), *wait.ingress_missing(begun, answers=True))

    return repetition.observe(ChangeEvent.UNDO_OBSERVED, missing)
