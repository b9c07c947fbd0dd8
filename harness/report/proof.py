"""Shows the result of a proof as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.causes.remedies import command
from harness.model.confidence import Transitions
from harness.model.proof import RemedyComparison
from harness.wording import count, plural

_WORKS = {True: "the remedy works", False: "requests are still lost with the remedy", None: "not known"}


def lines_of(comparisons: Sequence[RemedyComparison], unproven: Sequence[str]) -> Iterator[str]:
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
