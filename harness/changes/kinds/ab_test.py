"""An A/B test: two candidates answer at the same time for a while."""

from __future__ import annotations

from dataclasses import replace

from harness.changes.applied import AppliedChange
from harness.changes.context import Missing
from harness.changes.repetition import Repetition
from harness.changes.splitting import Splitting, splitting
from harness.controllers.sharing import RequestShare
from harness.model.changes import AbTest
from harness.model.events import Acted, ChangeEvent

#: B gets no more requests when it has not answered for this long: each worker of nginx updates by a timer of 1 s.
QUIET_SECONDS = 1.5
_NS = 1_000_000_000


def carry_out(repetition: Repetition[AbTest]) -> bool:
    """Split the requests, observe, hold, and undo.

    The test is observed when the ingress controller has applied it, and B has answered on every route of its own or,
    with weights, on every route of both. It stays for its time and is always undone. The undo is observed when the
    controller has applied it and B has not answered for a while.
    """
    spec, clock = repetition.spec, repetition.context.clock
    split = splitting(repetition, spec.ingress, spec.path, spec.service, spec.candidate)
    applied = split.split(RequestShare(spec.by, spec.key, spec.value, spec.weight, spec.sticky))
    repetition.applied(replace(applied, detail=replace(applied.detail, by=spec.by)))
    seen = repetition.observe(ChangeEvent.OBSERVED, lambda: _test_missing(repetition, split, applied))
    repetition.hold(spec.hold, clock.now())
    begun = clock.now()
    if split.undo():
        repetition.record(ChangeEvent.UNDONE, Acted(begun=begun))
        seen &= repetition.observe(ChangeEvent.UNDO_OBSERVED, lambda: _end_missing(repetition, split, begun))
    else:
        seen = False
    return (repetition.last or repetition.settle(applied.begun)) and seen


def _test_missing(repetition: Repetition[AbTest], split: Splitting, applied: AppliedChange) -> Missing:
    spec, context = repetition.spec, repetition.context
    unseen = [key for key in spec.version_routes if not context.answered(spec.answer, applied.begun, key)]
    return (*split.missing(applied.begun), *(f"an answer like {spec.answer!r} on {key}" for key in unseen))


def _end_missing(repetition: Repetition[AbTest], split: Splitting, begun: int) -> Missing:
    spec, context = repetition.spec, repetition.context
    since = context.clock.now() - round(QUIET_SECONDS * _NS)
    ended = since >= begun and not any(context.answered(spec.answer, since, key) for key in {*spec.a, *spec.b})
    return (*split.missing(begun), *(() if ended else ("the last answer by B",)))
