"""One repetition of a change while it is under way: what it records, awaits, holds and undoes.

A change that was not seen is recorded as such, with what was missing, and is never an exception: the trial's evidence
is complete without it, and judging says ``inconclusive``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from harness.changes.base import Made, Missing, Stage
from harness.changes.undo import UndoEntry, UndoOutcome, undo
from harness.errors import WaitTimeoutError
from harness.kit.waiting import pause, wait_until
from harness.kube.errors import KubeError
from harness.model.changes import ChangeSpec
from harness.model.timeline import Detail

#: Seconds between two looks: a look is one to three lists, and many trials share a machine.
_LOOK_INTERVAL = 0.05
_NS = 1_000_000_000


class Course:
    """One repetition.

    Args:
        spec: What the user asked for.
        stage: Where it is made.
        number: Which repetition, from 1.
    """

    def __init__(self, spec: ChangeSpec, stage: Stage, number: int) -> None:
        self.spec = spec
        self.stage = stage
        self.number = number

    @property
    def last(self) -> bool:
        """Whether no other follows."""
        return self.number == self.spec.times

    def goes_back(self, after: float = 0.0) -> bool:
        """Whether what is made must be put back now; where it must in any case, stand still for as long as asked for.

        Args:
            after: Seconds from now after which the user wants it back; 0 if the user does not.
        """
        wait = max(after, self.stage.put_back_after or 0.0)
        self.holds(wait, self.stage.clock.now())
        return bool(after) or not self.last or self.stage.put_back_after is not None

    def record(self, what: str, detail: Detail | None = None, *, at: int = 0) -> None:
        """Put an event of this repetition on the timeline."""
        self.stage.record(self.spec, what, {"n": self.number, **(detail or {})}, at=at)

    def applied(self, made: Made) -> None:
        """Record that the API has taken it."""
        self.record("applied", {**made.detail, "begun": made.begun}, at=made.applied)

    def sees(
        self,
        what: str,
        missing: Callable[[], Missing],
        detail: Detail | None = None,
        *,
        pointless: str = "",
        enough: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until nothing is missing and record ``what``; or, after the stage's timeout, what was missing.

        Args:
            what: What is recorded.
            missing: Asked many times a second.
            detail: Of the event.
            pointless: Why there is nothing to wait for.
            enough: Says that it need not be awaited any longer, whatever is missing.
        """
        reason = pointless or self._awaited(what, missing, enough)
        if reason:
            self.record("not-observed", {"awaited": what, "missing": reason})
        else:
            self.record(what, detail)
        return not reason

    def holds(self, seconds: float, since: int, enough: Callable[[], bool] = lambda: False) -> None:
        """Stand still until so long after ``since``, or until it is enough."""
        left = seconds - (self.stage.clock.now() - since) / _NS
        until = self.stage.clock.now() + round(max(0.0, left) * _NS)

        def over() -> bool:
            self.stage.check()
            return enough() or self.stage.clock.now() >= until

        wait_until(over, timeout=float("inf"), what="the end of a hold", interval=_LOOK_INTERVAL)

    def undoes(self, entry: UndoEntry) -> bool:
        """Put back what an entry of the journal says; whether it is as it was before."""
        result = undo(entry, self.stage.undo, self.stage.kube)
        if result.outcome is not UndoOutcome.UNDONE:
            missing = f"{result.outcome}: {result.text}"
            self.record("not-observed", {"awaited": "undone", "missing": missing})
        return result.outcome is UndoOutcome.UNDONE

    def rests(self, since: int) -> bool:
        """Before another repetition: wait for the system to come to rest, and the user's pause."""

        def missing() -> Missing:
            return () if self.stage.quiet(since) else ("the system to come to rest",)

        rested = self.sees("quiet", missing)
        pause(self.spec.pause, tick=self.stage.check)
        return rested

    def _awaited(self, what: str, missing: Callable[[], Missing], enough: Callable[[], bool]) -> str:
        """Why it was awaited in vain; empty once nothing is missing."""
        latest: Missing = ()

        def nothing_missing() -> bool:
            nonlocal latest
            self.stage.check()
            latest = _asked(missing)
            return not latest or enough()

        with suppress(WaitTimeoutError):
            wait_until(nothing_missing, timeout=self.stage.timeout, what=what, interval=_LOOK_INTERVAL)
        return "; ".join(latest)


def _asked(missing: Callable[[], Missing]) -> Missing:
    """What is missing; an API server that does not answer for a moment is no reason to give up before the deadline."""
    try:
        return missing()
    except KubeError as error:
        return (f"an answer of the API server ({error.message})",)
