"""Records of the proof of remedies: each cell before and after them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.causes import RemedyPatch
from harness.model.confidence import Transitions


@dataclass(frozen=True, slots=True)
class RemedyComparison:
    """The result for one cell.

    Attributes:
        cell: Its id in the earlier run.
        before: Transitions without the remedy.
        after: Transitions with it.
        lost_before: Requests lost without the remedy.
        lost_after: Requests lost with it.
        chance: Probability of so few lossy transitions after, or fewer, if the remedy changed nothing (Fisher).
        works: True if nothing was lost after, and chance does not explain that; False if requests were lost, in a trial
            in which the machine was not saturated; None if the evidence is not enough.
        remedies: The remedies.
    """

    cell: str
    before: Transitions
    after: Transitions
    lost_before: int
    lost_after: int
    chance: float
    works: bool | None
    remedies: tuple[RemedyPatch, ...]
