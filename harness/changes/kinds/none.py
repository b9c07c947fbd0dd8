"""The control: the same traffic for the same time, without a change."""

from __future__ import annotations

from harness.changes.applied import AppliedChange
from harness.changes.repetition import Repetition
from harness.model.changes import NoChange


def carry_out(repetition: Repetition[NoChange]) -> bool:
    """Hold. There is nothing to observe."""

    def make() -> AppliedChange:
        now = repetition.context.clock.now()
        return AppliedChange(now, now)

    return repetition.act(make, lambda _applied: ())
