"""One repetition of a change: what it records, awaits, holds and undoes.

A change that was not seen is recorded as such, with what was missing, and is never an exception: the trial's evidence
is complete without it, and judging says ``inconclusive``.
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

#: Seconds between two looks: a look is one to three lists, and many trials share a machine.
_LOOK_INTERVAL = 0.05
_NS = 1_000_000_000


class Repetition(Generic[SpecT_co]):
    """One repetition.

    Attributes:
        spec: What the user asked for.
        context: Where it is made.
        number: Which repetition, from 1.
    """

    def __init__(self, spec: SpecT_co, context: ChangeContext, number: int) -> None:
        self.spec = spec
        self.context = context
        self.number = number

    @property
    def last(self) -> bool:
        """Return whether no other follows."""
        return self.number == self.spec.times

    @property
    def undo_due(self) -> bool:
        """Return whether the change must be undone before this repetition ends."""
        return self.spec.undoes_itself or not self.last or self.context.put_back_after is not None

    def act(
        self,
        make: Callable[[], AppliedChange],
        missing: Callable[[AppliedChange], Missing],
        missing_after_undo: Callable[[AppliedChange, int], Missing] = lambda _applied, _begun: (),
        *,
        undone_between: bool = True,
    ) -> bool:
        """Carry out a change that is one act: apply, see, hold, undo, come to rest.

        Records ``applied`` and ``observed``; ``undone`` and ``undo-observed`` where it is undone; ``quiet`` before the
        next repetition.

        Args:
            make: Makes it, its undo on disk before.
            missing: Returns what is still missing until it has really happened; asked many times a second.
            missing_after_undo: The same for the undo, which began at a time.
            undone_between: Whether the next repetition begins from the same state; otherwise it goes on from this one.

        Returns:
            Whether all of it was seen.
        """
        applied = make()
        self.applied(applied)
        seen = self.sees(ChangeEvent.OBSERVED, lambda: missing(applied), pointless=applied.pointless)
        # Counted from the change, but never undone before it was seen: an undo could overtake it.
        self.holds(self.spec.own_hold, applied.applied)
        if applied.entry is not None and self._undone_now(between=undone_between):
            self.holds_before_undo()
            seen = self._undo(applied.entry, lambda begun: missing_after_undo(applied, begun)) and seen
        return (self.last or self.rests(applied.begun)) and seen

    def record(self, event: ChangeEvent, detail: EventDetail = NO_DETAIL, *, at: int = 0) -> None:
        """Put an event of this repetition on the timeline, at this moment unless ``at`` is given."""
        spec, moment = self.spec, at or self.context.clock.now()
        self.context.timeline.record(written(moment, spec.name, event, detail, kind=spec.kind, n=self.number))

    def applied(self, applied: AppliedChange) -> None:
        """Record that the API server has accepted the change."""
        detail = replace(applied.detail, begun=applied.begun)
        self.record(ChangeEvent.APPLIED, detail, at=applied.applied)

    def sees(
        self,
        event: ChangeEvent,
        missing: Callable[[], Missing],
        detail: EventDetail = NO_DETAIL,
        *,
        pointless: str = "",
        enough: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until nothing is missing and record an event; or, after the timeout, what was missing.

        Args:
            event: What is recorded.
            missing: Asked many times a second.
            detail: Of the event.
            pointless: Why there is nothing to wait for.
            enough: Says that it need not be awaited any longer, whatever is missing.
        """
        reason = pointless or self._not_seen(event, missing, enough)
        if reason:
            self.record(ChangeEvent.NOT_OBSERVED, NotObserved(awaited=event, missing=reason))
        else:
            self.record(event, detail)
        return not reason

    def holds(self, seconds: float, since: int, enough: Callable[[], bool] = lambda: False) -> None:
        """Leave everything as it is until so long after ``since``, or until it is enough."""
        left = seconds - (self.context.clock.now() - since) / _NS
        until = self.context.clock.now() + round(max(0.0, left) * _NS)

        def over() -> bool:
            self.context.check()
            return enough() or self.context.clock.now() >= until

        wait_until(over, timeout=float("inf"), what="the end of a hold", interval=_LOOK_INTERVAL)

    def holds_before_undo(self, seconds: float = 0.0) -> None:
        """Hold as long as the user asked for before an undo: in the change, or for every change of the run."""
        self.holds(max(seconds, self.context.put_back_after or 0.0), self.context.clock.now())

    def undoes(self, entry: UndoEntry) -> bool:
        """Undo an entry of the journal; returns whether the object is as it was before."""
        result = undo(entry, self.context.undo, self.context.kube)
        if result.outcome is not UndoOutcome.UNDONE:
            missing = f"{result.outcome}: {result.text}"
            self.record(ChangeEvent.NOT_OBSERVED, NotObserved(awaited=ChangeEvent.UNDONE, missing=missing))
        return result.outcome is UndoOutcome.UNDONE

    def rests(self, since: int) -> bool:
        """Wait before another repetition for the system to come to rest, and for the user's pause."""

        def missing() -> Missing:
            return () if self.context.quiet(since) else ("the system to come to rest",)

        rested = self.sees(ChangeEvent.QUIET, missing)
        pause(self.spec.pause, tick=self.context.check)
        return rested

    def _undone_now(self, *, between: bool) -> bool:
        """Return whether the one act is undone, which a change may leave for the next repetition to go on from."""
        asked = self.spec.undoes_itself or self.context.put_back_after is not None
        return self.undo_due if between else asked

    def _undo(self, entry: UndoEntry, missing: Callable[[int], Missing]) -> bool:
        begun = self.context.clock.now()
        if not self.undoes(entry):
            return False
        self.record(ChangeEvent.UNDONE, Acted(begun=begun))
        return self.sees(ChangeEvent.UNDO_OBSERVED, lambda: missing(begun))

    def _not_seen(self, event: ChangeEvent, missing: Callable[[], Missing], enough: Callable[[], bool]) -> str:
        """Return what was missing at the timeout; empty once nothing is."""
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
    """Return what is missing; an API server that does not answer for a moment is no reason to give up early."""
    try:
        return missing()
    except KubeError as error:
        return (f"an answer of the API server ({error.message})",)
