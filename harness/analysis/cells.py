"""The facts of a cell: its trials and those of its control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.experiment import Cell
from harness.model.verdict import TrialVerdict, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFacts:
    """A cell, before its findings.

    Attributes:
        cell: What was to run.
        trials: Its judged trials.
        control: Those of its configuration's control.
        is_control_sound: Every trial of the control is lossless, apart from what the whole run assumes.
        planned: How many trials each cell was to have.
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
        """It is a control itself."""
        return self.cell.change.facts.is_control
