"""The control: the same traffic and the same time, and nothing is changed."""

from __future__ import annotations

from harness.changes.base import Change, Made, Missing, Stage
from harness.model.changes import NoChange


class Nothing(Change[NoChange]):
    """See ``harness.model.changes.NoChange``."""

    def __init__(self, spec: NoChange) -> None:
        super().__init__(spec)
        self.hold = spec.hold

    def make(self, stage: Stage, number: int) -> Made:
        """Do nothing; the hold is what there is of it."""
        now = stage.clock.now()
        return Made(number, now, now)

    def missing(self, stage: Stage, made: Made) -> Missing:
        """Nothing ever is."""
        del stage, made
        return ()
