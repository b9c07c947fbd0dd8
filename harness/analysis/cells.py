"""Groups the trials of a cell with those of its control, as input for the findings of the cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model.accounts import Accounts, UncertainCount
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
    def hidden(self) -> UncertainCount:
        """Return the requests of all trials that a proxy saved by another try."""
        return _added((accounts.hidden, accounts.hidden_unknown) for accounts in self._accounts)

    @property
    def twice(self) -> UncertainCount:
        """Return the requests of all trials that pods executed more than once."""
        return _added((accounts.twice, accounts.twice_unknown) for accounts in self._accounts)

    @property
    def _accounts(self) -> tuple[Accounts, ...]:
        """Return the accounts of all trials; none if a trial has none, so that the sums are unknown."""
        found = tuple(trial.accounts for trial in self.trials if trial.accounts is not None)
        return found if len(found) == len(self.trials) else ()

    @property
    def is_control(self) -> bool:
        """Return True if the cell is a control itself."""
        return self.cell.change.facts.is_control


def _added(counts: Iterable[tuple[int, int]]) -> UncertainCount:
    """Return the sums of what is known and what is not; everything is unknown if there is nothing to add."""
    both = tuple(counts)
    return (
        UncertainCount(sum(known for known, _ in both), sum(unknown for _, unknown in both))
        if both
        else UncertainCount()
    )
