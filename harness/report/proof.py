"""Shows the result of a proof as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from harness.causes.remedies import command
from harness.model.causes import RemedyPatch
from harness.model.confidence import Transitions
from harness.wording import count, plural

_WORKS = {True: "the remedy works", False: "the remedy does not help", None: "not known"}


class Compared(Protocol):
    """The result for one cell, before and after its remedies."""

    @property
    def cell(self) -> str:
        """Return the id of the cell."""

    @property
    def before(self) -> Transitions:
        """Return the transitions without the remedy."""

    @property
    def after(self) -> Transitions:
        """Return the transitions with it."""

    @property
    def lost_before(self) -> int:
        """Return the requests lost without the remedy."""

    @property
    def lost_after(self) -> int:
        """Return the requests lost with it."""

    @property
    def chance(self) -> float:
        """Return the probability that chance explains the difference."""

    @property
    def works(self) -> bool | None:
        """Return True if the remedy works; None if that is not known."""

    @property
    def remedies(self) -> tuple[RemedyPatch, ...]:
        """Return the remedies."""


def lines_of(comparisons: Sequence[Compared], unproven: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the result: each cell before and after, and the cells for which no field helps."""
    for each in comparisons:
        yield f"{each.cell}: {_WORKS[each.works]}"
        yield f"  before: {_counted(each.before, each.lost_before)}"
        yield f"  after:  {_counted(each.after, each.lost_after)}"
        yield f"  if the remedy changed nothing, this had a probability of {each.chance:.2g}"
        for remedy in each.remedies:
            yield f"  {command(remedy)}"
    for cell in unproven:
        yield f"{cell}: no field helps, so nothing was proved; see its causes in the earlier report"


def _counted(transitions: Transitions, lost: int) -> str:
    of = plural(transitions.count, "transition")
    return f"{count(transitions.lossy)} of {of} lost requests ({plural(lost, 'request')})"
