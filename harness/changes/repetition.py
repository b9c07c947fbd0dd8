"""One repetition of a change: recording, observing, holding and undoing it.

A change that was not observed is recorded with what was missing. It is not an exception: the trial's evidence is
complete, and the verdict is ``inconclusive``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Generic, TypeVar

from harness.changes.applied import AppliedChange
from harness.changes.context import ChangeContext, Missing
from harness.changes.undo import UndoEntry, UndoOutcome, undo
from harness.errors import WaitTimeoutError
from harness.kit.waiting import pause, wait_until
from harness.kube.errors import KubeError
from harness.model.changes import ChangeSpec
from harness.model.events import NO_DETAIL, Acted, ChangeEvent, EventDetail, NotObserved, written

SpecT = TypeVar("SpecT", bound=ChangeSpec)
SpecT_co = TypeVar("SpecT_co", bound=ChangeSpec, covariant=True)

#: Seconds between two checks. A check takes one to three list requests, and many trials share a machine.
_LOOK_INTERVAL = 0.05
_NS = 1_000_000_000


class Repetition(Generic[SpecT_co]):
    """One repetition of a change.

    Attributes:
        spec: The change, from the Experiment.
        context: Context of the change.
        number: Number of the repetition, from 1.
    """

    def __init__(self, spec: SpecT_co, context: ChangeContext, number: int) -> None:
        self.spec = spec
        self.context = context
        self.number = number

    def longer(self, seconds: float) -> Repetition[SpecT_co]:
        """Return this repetition with so many seconds more for each wait."""
        return Repetition(self.spec, replace(self.context, timeout=self.context.timeout + seconds), self.number)

    @property
    def last(self) -> bool:
        """Return True for the last repetition."""
        return self.number == self.spec.times

    @property
    def undo_due(self) -> bool:
        """Return True if the change must be undone before this repetition ends."""
        return self.spec.undoes_itself or not self.last or self.context.undo_after is not None

    def act(
        self,
        make: Callable[[], AppliedChange],
        missing: Callable[[AppliedChange], Missing],
        missing_after_undo: Callable[[AppliedChange, int], Missing] = lambda _applied, _begun: (),
        *,
        undone_between: bool = True,
    ) -> bool:
        """Carry out a change that consists of one write: apply, observe, hold, undo, settle.

        Records ``applied`` and ``observed``; ``undone`` and ``undo-observed`` if it is undone; and ``quiet`` before the
        next repetition.

        Args:
            make: Makes the write. Its undo is on disk before.
            missing: Returns what is missing until the change has happened. Called many times a second.
            missing_after_undo: The same for the undo; its second argument is the time of the undo.
            undone_between: True if each repetition starts from the original state; False if it continues from the last.

        Returns:
            True if everything was observed.
        """
        applied = make()
        self.applied(applied)
        seen = self.observe(ChangeEvent.OBSERVED, lambda: missing(applied), pointless=applied.pointless)
        # Held from the time of the change. It is never undone before it was observed: the undo could overtake it.
        self.hold(self.spec.own_hold, applied.applied)
        if applied.entry is not None and self._undone_now(between=undone_between):
            self.hold_before_undo()
            seen = self._undo(applied.entry, lambda begun: missing_after_undo(applied, begun)) and seen
        return (self.last or self.settle(applied.begun)) and seen

    def record(self, event: ChangeEvent, detail: EventDetail = NO_DETAIL, *, at: int = 0) -> None:
        """Record an event of this repetition, at the current time unless ``at`` is given."""
        spec, moment = self.spec, at or self.context.clock.now()
        self.context.timeline.record(written(moment, spec.name, event, detail, kind=spec.kind, n=self.number))

    def applied(self, applied: AppliedChange) -> None:
        """Record that the API server has accepted the change."""
        detail = replace(applied.detail, begun=applied.begun)
        self.record(ChangeEvent.APPLIED, detail, at=applied.applied)

    def observe(
        self,
        event: ChangeEvent,
        missing: Callable[[], Missing],
        detail: EventDetail = NO_DETAIL,
        *,
        pointless: str = "",
        enough: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until nothing is missing, and record an event. After the timeout, record what was missing.

        Args:
            event: The event to record.
            missing: Returns what is missing. Called many times a second.
            detail: Detail of the event.
            pointless: Reason why waiting is useless; empty if it is not.
            enough: Returns True to end the wait, whatever is missing.

        Returns:
            True if nothing was missing.
        """
        reason = pointless or self._not_seen(event, missing, enough)
        if reason:
            self.record(ChangeEvent.NOT_OBSERVED, NotObserved(awaited=event, missing=reason))
        else:
            self.record(event, detail)
        return not reason

    def hold(self, seconds: float, since: int, enough: Callable[[], bool] = lambda: False) -> None:
        """Wait until ``seconds`` after ``since``, or until ``enough()`` returns True."""
        left = seconds - (self.context.clock.now() - since) / _NS
        until = self.context.clock.now() + round(max(0.0, left) * _NS)

        def over() -> bool:
            self.context.check()
            return enough() or self.context.clock.now() >= until

        wait_until(over, timeout=float("inf"), what="the end of a hold", interval=_LOOK_INTERVAL)

    def hold_before_undo(self, seconds: float = 0.0) -> None:
        """Hold before an undo: as long as the change says, or as long as the run says for every change."""
        self.hold(max(seconds, self.context.undo_after or 0.0), self.context.clock.now())

    def undo(self, entry: UndoEntry) -> bool:
        """Undo an entry of the journal. Return True if this call has undone it; otherwise record the reason."""
        result = undo(entry, self.context.undo, self.context.kube)
        if result.outcome is not UndoOutcome.UNDONE:
            missing = f"{result.outcome}: {result.text}"
            self.record(ChangeEvent.NOT_OBSERVED, NotObserved(awaited=ChangeEvent.UNDONE, missing=missing))
        return result.outcome is UndoOutcome.UNDONE

    def settle(self, since: int) -> bool:
        """Wait for the system to come to rest, and then for the pause. Return True if it came to rest."""

        def missing() -> Missing:
            return () if self.context.quiet(since) else ("the system to come to rest",)

        rested = self.observe(ChangeEvent.QUIET, missing)
        pause(self.spec.pause, tick=self.context.check)
        return rested

    def _undone_now(self, *, between: bool) -> bool:
        """Return True if the write must be undone now. Some changes continue from it in the next repetition."""
        asked = self.spec.undoes_itself or self.context.undo_after is not None
        return self.undo_due if between else asked

    def _undo(self, entry: UndoEntry, missing: Callable[[int], Missing]) -> bool:
        begun = self.context.clock.now()
        if not self.undo(entry):
            return False
        self.record(ChangeEvent.UNDONE, Acted(begun=begun))
        return self.observe(ChangeEvent.UNDO_OBSERVED, lambda: missing(begun))

    def _not_seen(self, event: ChangeEvent, missing: Callable[[], Missing], enough: Callable[[], bool]) -> str:
        """Return what was missing at the timeout; empty if nothing was."""
        latest: Missing = ()

        def nothing_missing() -> bool:
            nonlocal latest
            self.context.check()
            with self.context.looking():
                latest = _asked(missing)
            return not latest or enough()

        with suppress(WaitTimeoutError):
            wait_until(nothing_missing, timeout=self.context.timeout, what=event, interval=_LOOK_INTERVAL)
        return "; ".join(latest)


def _asked(missing: Callable[[], Missing]) -> Missing:
    """Return what is missing. A failed request to the API server counts as missing, so that it is retried."""
    try:
        return missing()
    except KubeError as error:
        return (f"an answer of the API server ({error.message})",)
