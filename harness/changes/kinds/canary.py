"""A canary release: the new version gets a growing share of requests, and none if a step loses requests."""

from __future__ import annotations

from harness.changes.applied import AppliedChange
from harness.changes.context import Missing
from harness.changes.release_scaling import ReleaseScaling
from harness.changes.repetition import Repetition
from harness.changes.splitting import Splitting, splitting
from harness.controllers.sharing import RequestShare
from harness.model.changes import Canary, Step
from harness.model.events import RETIRES, Acted, ChangeEvent, Rollback, StepDetail


def carry_out(repetition: Repetition[Canary]) -> bool:
    """Take the steps one by one. Roll back if a step loses requests, and undo if that is due.

    A step is observed when the ingress controller has applied it, and the new version has answered on the route, unless
    its share is 0. The event ``applied`` is recorded at the first step.
    """
    spec, clock = repetition.spec, repetition.context.clock
    split = splitting(repetition, spec.ingress, spec.path, spec.service, spec.canary)
    begun, seen = clock.now(), True
    for number, step in enumerate(spec.steps, 1):
        stood, lost = _take_step(repetition, split, number, step)
        seen &= stood
        if lost:
            repetition.record(ChangeEvent.ROLLBACK, Rollback(step=number, lost=lost))
            seen &= _back(repetition, split, ChangeEvent.ROLLBACK_OBSERVED)
            return _over(repetition, begun, seen=seen)
    retired = ReleaseScaling(repetition, spec.retire.deployment if spec.retire else "", 0, RETIRES)
    if spec.retire:
        repetition.hold(spec.retire.after, clock.now())
        retired.begin()
        seen &= retired.observe()
    if repetition.undo_due:
        repetition.hold_before_undo()
        seen &= retired.undo()
        repetition.record(ChangeEvent.UNDONE, Acted(begun=clock.now()))
        seen &= _back(repetition, split, ChangeEvent.UNDO_OBSERVED)
    return _over(repetition, begun, seen=seen)


def _over(repetition: Repetition[Canary], begun: int, *, seen: bool) -> bool:
    if seen:
        repetition.record(ChangeEvent.OBSERVED)
    return (repetition.last or repetition.settle(begun)) and seen


def _take_step(repetition: Repetition[Canary], split: Splitting, number: int, step: Step) -> tuple[bool, int]:
    """Take one step and hold it.

    Returns:
        True if the step was observed, and the number of lost requests that require a rollback.
    """
    context = repetition.context
    detail = StepDetail(step=number, weight=step.weight)
    applied = split.split(RequestShare(weight=step.weight))
    if number == 1:
        repetition.applied(applied)
    begun = StepDetail(step=number, weight=step.weight, begun=applied.begun)
    repetition.record(ChangeEvent.STEP, begun, at=applied.applied)

    def lost() -> int:
        return context.lost(applied.begun) if repetition.spec.rollback else 0

    def loses() -> bool:
        return lost() > 0

    def missing() -> Missing:
        return _step_missing(repetition, split, applied, step)

    seen = repetition.observe(ChangeEvent.STEP_OBSERVED, missing, detail, enough=loses)
    repetition.hold(step.hold, context.clock.now(), enough=loses)
    repetition.record(ChangeEvent.STEP_END, detail)
    return seen, lost()


def _step_missing(repetition: Repetition[Canary], split: Splitting, applied: AppliedChange, step: Step) -> Missing:
    answer, route = repetition.spec.answer, repetition.spec.route
    unseen = step.weight > 0 and not repetition.context.answered(answer, applied.begun, route)
    return (*split.missing(applied.begun), *((f"an answer like {answer!r} on {route}",) if unseen else ()))


def _back(repetition: Repetition[Canary], split: Splitting, event: ChangeEvent) -> bool:
    begun = repetition.context.clock.now()
    return split.undo() and repetition.observe(event, lambda: split.missing(begun))
