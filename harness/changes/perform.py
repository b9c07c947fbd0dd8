"""Makes a change as often as it was asked for, by the executor of its kind."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from harness.changes.context import ChangeContext
from harness.changes.repetition import Repetition
from harness.model.changes import ChangeSpec, module_of
from harness.model.events import Begin, ChangeEvent, End, written

#: How the journal calls a change that stays in a namespace which goes with the trial.
LEFT_TO_NAMESPACE = "left: the namespace goes"

#: Makes one repetition, each undo on disk before its act; returns whether all of it was seen.
Executor = Callable[[Repetition[Any]], bool]


def executor_of(kind: str) -> Executor:
    """Return how a kind is made: ``carry_out`` of its module in ``harness.changes.kinds``."""
    return cast("Executor", import_module(f"harness.changes.kinds.{module_of(kind)}").carry_out)


def perform(spec: ChangeSpec, context: ChangeContext) -> bool:
    """Make a change as often as its spec says, and record ``CHANGE`` events.

    Events: ``begin``; those of each repetition (``n``), which begin with ``applied``, have an ``observed`` where it was
    seen, and a ``quiet`` before the next; ``end``. In place of one that did not come in time stands ``not-observed``,
    with what was awaited and what was missing.

    Args:
        spec: What the user asked for.
        context: Where it is made.

    Returns:
        Whether every repetition, and every undo among them, was seen to have really happened.

    Raises:
        HarnessError: The change can't be made at all: no such object, or the API server refuses it.
    """

    def record(event: ChangeEvent, detail: Begin | End) -> None:
        context.timeline.record(written(context.clock.now(), spec.name, event, detail, kind=spec.kind))

    carry_out = executor_of(spec.kind)
    record(ChangeEvent.BEGIN, Begin(times=spec.times))
    seen = True
    try:
        for number in range(1, spec.times + 1):
            seen = carry_out(Repetition(spec, context, number)) and seen
    finally:
        record(ChangeEvent.END, End(observed=seen))
        if not context.restore:
            for entry in context.undo.open_entries():
                context.undo.done(entry, LEFT_TO_NAMESPACE)
    return seen
