"""Two candidates answer at the same time for a while."""

from __future__ import annotations

from dataclasses import replace

from harness.changes.applied import AppliedChange
from harness.changes.context import Missing
from harness.changes.repetition import Repetition
from harness.changes.splitting import Splitting, splitting
from harness.controllers.sharing import RequestShare
from harness.model.changes import AbTest
from harness.model.events import Acted, ChangeEvent

#: B is out when it has not answered for so long: each worker of nginx learns of it by its own timer of 1 s.
QUIET_SECONDS = 1.5
_NS = 1_000_000_000


def carry_out(repetition: Repetition[AbTest]) -> bool:
    """Split, see, hold, undo.

    Seen when the ingress controller has taken it over since, and B has answered on every route of its own, or, with
    weights, on every route of both. Then it stays for its time and is always undone; that is seen when the controller
    has taken it over and B has not answered for a while.
    """
    spec, clock = repetition.spec, repetition.context.clock
    split = splitting(repetition, spec.ingress, spec.path, spec.service, spec.candidate)
    applied = split.split(RequestShare(spec.by, spec.key, spec.value, spec.weight, spec.sticky))
    repetition.applied(replace(applied, detail=replace(applied.detail, by=spec.by)))
    seen = repetition.sees(ChangeEvent.OBSERVED, lambda: _test_missing(repetition, split, applied))
    repetition.holds(spec.hold, clock.now())
    begun = clock.now()
    if split.undo():
        repetition.record(ChangeEvent.UNDONE, Acted(begun=begun))
        seen &= repetition.sees(ChangeEvent.UNDO_OBSERVED, lambda: _end_missing(repetition, split, begun))
    else:
        seen = False
    return (repetition.last or repetition.rests(applied.begun)) and seen


def _test_missing(repetition: Repetition[AbTest], split: Splitting, applied: AppliedChange) -> Missing:
    spec, context = repetition.spec, repetition.context
    unseen = [key for key in spec.version_routes if not context.answered(spec.answer, applied.begun, key)]
    return (*split.missing(applied.begun), *(f"an answer like {spec.answer!r} on {key}" for key in unseen))


def _end_missing(repetition: Repetition[AbTest], split: Splitting, begun: int) -> Missing:
    spec, context = repetition.spec, repetition.context
    since = context.clock.now() - round(QUIET_SECONDS * _NS)
    ended = since >= begun and not any(context.answered(spec.answer, since, key) for key in {*spec.a, *spec.b})
    return (*split.missing(begun), *(() if ended else ("the last answer by B",)))
