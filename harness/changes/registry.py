"""Every kind of change, and the one way in which each is made: begin, apply, see, hold, undo, come to rest.

A change that was not seen is recorded as such, with what was missing, and is never an exception: the trial's evidence
is complete without it, and judging says ``inconclusive``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.changes.base import Change, Made, Missing, Stage, UndoWhen
from harness.changes.delete_pod import Kill
from harness.changes.ingress_edit import Edit
from harness.changes.none import Nothing
from harness.changes.restart import Replace
from harness.changes.rolling_update import Roll
from harness.changes.scale import Resize
from harness.changes.selector_patch import Repoint
from harness.changes.undo import UndoOutcome, undo
from harness.errors import WaitTimeoutError
from harness.kit.waiting import pause, wait_until
from harness.kube.errors import KubeError
from harness.model.changes import (
    ChangeSpec,
    DeletePod,
    IngressEdit,
    NoChange,
    Restart,
    RollingUpdate,
    Scale,
    SelectorPatch,
)

#: How each kind is made.
CHANGES: Mapping[type[ChangeSpec], Callable[[Any], Change[Any]]] = {
    NoChange: Nothing,
    RollingUpdate: Roll,
    Restart: Replace,
    DeletePod: Kill,
    Scale: Resize,
    SelectorPatch: Repoint,
    IngressEdit: Edit,
}

#: How the journal calls a change that stays in a namespace which goes with the trial.
LEFT_TO_NAMESPACE = "left: the namespace goes"

#: Seconds between two looks: a look is one to three lists, and many trials share a machine.
_LOOK_INTERVAL = 0.05
_NS = 1_000_000_000


def perform(spec: ChangeSpec, stage: Stage) -> bool:
    """Make a change as often as its spec says, recording ``CHANGE`` events.

    Events: ``begin``; per repetition (``n``) ``applied`` and ``observed``; ``undone`` and ``undo-observed`` where it is
    undone; ``quiet`` before the next; ``end``. In place of any that was awaited in vain ``not-observed``, where
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
            seen = _Repetition(change, stage, change.make(stage, number)).run() and seen
    finally:
        stage.record(spec, "end", {"observed": seen})
        if not stage.restore:
            for entry in stage.undo.open_entries():
                stage.undo.done(entry, LEFT_TO_NAMESPACE)
    return seen


class _Repetition:
    """One repetition, from when it was applied."""

    def __init__(self, change: Change[Any], stage: Stage, made: Made) -> None:
        self.change = change
        self.stage = stage
        self.made = made
        self.last = made.number == change.spec.times

    def run(self) -> bool:
        """Await, hold, undo, come to rest; whether all was seen."""
        began = self.made.begun
        self._record("applied", {**self.made.detail, "begun": began}, at=self.made.applied)
        seen = self._await(lambda: self.change.missing(self.stage, self.made), "observed")
        self._hold()
        if self._undone_now():
            seen = self._undo() and seen
        return (self.last or self._rest(began)) and seen

    def _undone_now(self) -> bool:
        when = self.change.undo_when
        wanted = when is UndoWhen.ALWAYS or (when is UndoWhen.BETWEEN and not self.last)
        return wanted and self.made.entry is not None

    def _hold(self) -> None:
        """Counted from the change, but never undone before it was seen: an undo could overtake it."""
        left = self.change.hold - (self.stage.clock.now() - self.made.applied) / _NS
        pause(max(0.0, left), tick=self.stage.check)

    def _undo(self) -> bool:
        assert self.made.entry is not None
        begun = self.stage.clock.now()
        result = undo(self.made.entry, self.stage.undo, self.stage.kube)
        if result.outcome is not UndoOutcome.UNDONE:
            missing = f"{result.outcome}: {result.text}"
            self._record("not-observed", {"awaited": "undone", "missing": missing})
            return False
        self._record("undone", {"begun": begun})
        return self._await(lambda: self.change.missing_after_undo(self.stage, self.made, begun), "undo-observed")

    def _rest(self, since: int) -> bool:
        def missing() -> Missing:
            return () if self.stage.quiet(since) else ("the system to come to rest",)

        rested = self._await(missing, "quiet")
        pause(self.change.spec.pause, tick=self.stage.check)
        return rested

    def _await(self, missing: Callable[[], Missing], what: str) -> bool:
        """Wait until nothing is missing and record ``what``; or, after the stage's timeout, what was missing."""
        latest: Missing = ()

        def nothing_missing() -> bool:
            nonlocal latest
            self.stage.check()
            latest = _asked(missing)
            return not latest

        reason = self.made.pointless if what == "observed" else ""
        if not reason:
            try:
                wait_until(nothing_missing, timeout=self.stage.timeout, what=what, interval=_LOOK_INTERVAL)
            except WaitTimeoutError:
                reason = "; ".join(latest)
        if reason:
            self._record("not-observed", {"awaited": what, "missing": reason})
        else:
            self._record(what, {})
        return not reason

    def _record(self, what: str, detail: Mapping[str, Any], *, at: int = 0) -> None:
        self.stage.record(self.change.spec, what, {"n": self.made.number, **detail}, at=at)


def _asked(missing: Callable[[], Missing]) -> Missing:
    """What is missing; an API server that does not answer for a moment is no reason to give up before the deadline."""
    try:
        return missing()
    except KubeError as error:
        return (f"an answer of the API server ({error.message})",)
