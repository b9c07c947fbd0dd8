"""Performs a change with the executor of its kind, as often as the spec says, alone or while another one lasts."""

from __future__ import annotations

from harness.changes.context import ChangeContext
from harness.changes.executors import executor_of
from harness.changes.overlapping import perform_overlapping
from harness.changes.repetition import Repetition
from harness.changes.undo import undo
from harness.model.changes import ChangeSpec
from harness.model.events import Begin, ChangeEvent, End, written

#: Outcome in the journal for a change that is not undone, because its namespace is removed after the trial.
LEFT_TO_NAMESPACE = "left: the namespace goes"


def perform(spec: ChangeSpec, context: ChangeContext) -> bool:
    """Perform a change as often as its spec says, and record ``CHANGE`` events.

    The events are ``begin``, those of each repetition (``n``), and ``end``. A repetition has ``applied`` first,
    ``observed`` when it was observed, and ``quiet`` before the next one. An event that did not come in time is replaced
    by ``not-observed``, with the awaited event and what was missing.

    Args:
        spec: The change, from the Experiment. If it is made while another one is in progress, both have these events,
            and the other one also has ``in-progress`` when this one may be made.
        context: Context of the change.

    Returns:
        True if every repetition and every undo was observed.

    Raises:
        HarnessError: The change can't be made: the object does not exist, or the API server refuses it.
    """
    try:
        return perform_overlapping(spec, spec.during, context) if spec.during else _perform_alone(spec, context)
    finally:
        if not context.restore:
            _leave_to_namespace(context)


def _perform_alone(spec: ChangeSpec, context: ChangeContext) -> bool:
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
    return seen


def _leave_to_namespace(context: ChangeContext) -> None:
    """Close the entries of objects that are removed with the namespace, and undo those of all other objects."""
    for entry in context.undo.open_entries():
        if entry.namespace == context.namespace:
            context.undo.done(entry, LEFT_TO_NAMESPACE)
        else:
            undo(entry, context.undo, context.kube)
