"""Every kind of change, and the one way in which each is made as often as it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.changes.ab_test import Compare
from harness.changes.base import Change, Stage
from harness.changes.blue_green import Switch
from harness.changes.canary import Grow
from harness.changes.controller_restart import Renew
from harness.changes.course import Course
from harness.changes.delete_pod import Kill
from harness.changes.ingress_edit import Edit
from harness.changes.none import Nothing
from harness.changes.release import Release
from harness.changes.repetition import repeat
from harness.changes.restart import Replace
from harness.changes.rolling_update import Roll
from harness.changes.scale import Resize
from harness.changes.selector_patch import Repoint
from harness.model.changes import (
    AbTest,
    BlueGreen,
    Canary,
    ChangeSpec,
    ControllerRestart,
    DeletePod,
    IngressEdit,
    NoChange,
    Restart,
    RollingUpdate,
    Scale,
    SelectorPatch,
)

#: How each kind is made.
CHANGES: Mapping[type[ChangeSpec], Callable[[Any], Change[Any] | Release[Any]]] = {
    NoChange: Nothing,
    RollingUpdate: Roll,
    Restart: Replace,
    DeletePod: Kill,
    Scale: Resize,
    SelectorPatch: Repoint,
    IngressEdit: Edit,
    BlueGreen: Switch,
    Canary: Grow,
    AbTest: Compare,
    ControllerRestart: Renew,
}

#: How the journal calls a change that stays in a namespace which goes with the trial.
LEFT_TO_NAMESPACE = "left: the namespace goes"


def perform(spec: ChangeSpec, stage: Stage) -> bool:
    """Make a change as often as its spec says, recording ``CHANGE`` events.

    Events: ``begin``; those of each repetition (``n``), which begin with ``applied``, have an ``observed`` where it was
    seen, and a ``quiet`` before the next; ``end``. In place of any that was awaited in vain ``not-observed``, where
    ``awaited`` says which one and ``missing`` what it lacked.

    Args:
        spec: What the user asked for.
        stage: Where it is made.

    Returns:
        Whether every repetition, and every undo among them, was seen to have really happened.

    Raises:
        HarnessError: The change can't be made at all: no such object, or the API server refuses it.
    """
    change = CHANGES[type(spec)](spec)
    stage.record(spec, "begin", {"times": spec.times})
    seen = True
    try:
        for number in range(1, spec.times + 1):
            seen = _carry_out(change, Course(spec, stage, number)) and seen
    finally:
        stage.record(spec, "end", {"observed": seen})
        if not stage.restore:
            for entry in stage.undo.open_entries():
                stage.undo.done(entry, LEFT_TO_NAMESPACE)
    return seen


def _carry_out(change: Change[Any] | Release[Any], course: Course) -> bool:
    return change.carry_out(course) if isinstance(change, Release) else repeat(change, course)
