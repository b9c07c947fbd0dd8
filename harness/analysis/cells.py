"""Groups the trials of a cell with those of its control, as input for the findings of the cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.experiment import Cell
from harness.model.verdict import TrialVerdict, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFacts:
    """The facts of a cell before its findings.

    Attributes:
        cell: The cell.
        trials: Its judged trials.
        control: Judged trials of its configuration's control.
        is_control_sound: True if every trial of the control is lossless, apart from the run's assumptions.
        planned: Planned number of trials per cell.
        verdict: The cell's verdict; None until it is known.
    """

    cell: Cell
    trials: Sequence[TrialVerdict]
    control: Sequence[TrialVerdict]
    is_control_sound: bool
    planned: int
    verdict: Verdict | None = None

    @property
    def is_control(self) -> bool:
        """Return True if the cell is a control itself."""
        return self.cell.change.facts.is_control
