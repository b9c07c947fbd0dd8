"""Compares all cells on local and kind clusters, and counts in which respects they are alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from bench.fidelity_cells import CellFacts, Likeness
from bench.fidelity_state import Key, Measured

Cells = Mapping[Key, CellFacts]

#: Respect of the comparison -> its text.
QUESTIONS = {
    "verdict": "the same verdict",
    "start": "the losing window begins at about the same time",
    "length": "the losing window lasts about as long",
    "classes": "the same failure classes",
}


def is_control(key: Key) -> bool:
    """Return True for a cell without a change."""
    return key[1].endswith("--none")


@dataclass(frozen=True)
class Compared:
    """The comparison of both kinds of clusters.

    Attributes:
        local: Measurements on local clusters.
        kind: Measurements on kind clusters.
    """

    local: Measured
    kind: Measured

    @cached_property
    def local_cells(self) -> Cells:
        """Return every cell on local clusters."""
        return self.local.cells

    @cached_property
    def kind_cells(self) -> Cells:
        """Return every cell on kind clusters."""
        return self.kind.cells

    @cached_property
    def alike(self) -> Mapping[Key, Likeness]:
        """Return the similarity of each cell that was run on both, sorted by name."""
        both = sorted(key for key in self.local_cells if key in self.kind_cells)
        return {key: Likeness.of(self.local_cells[key], self.kind_cells[key]) for key in both}

    def count(self, what: str, of: Callable[[Key], bool] = lambda _key: True) -> tuple[int, int]:
        """Return (number of cells that are alike in a respect, number of cells in which it can be compared)."""
        answers = [getattr(likeness, what) for key, likeness in self.alike.items() if of(key)]
        known = [answer for answer in answers if answer is not None]
        return sum(known), len(known)

    @property
    def on_one_side(self) -> tuple[Key, ...]:
        """Return the cells that have conclusive trials on at most one side, and so can't be compared."""
        all_ = {*self.local_cells, *self.kind_cells}
        return tuple(key for key in sorted(all_) if key not in self.alike or self.alike[key].verdict is None)

    @property
    def summary(self) -> str:
        """Return the result in a few lines of Markdown."""
        changed = self.count("verdict", lambda key: not is_control(key))
        lines = [f"- {QUESTIONS['verdict']}: {_of(self.count('verdict'))} cells; {_of(changed)} without the controls"]
        lines += [
            f"- {QUESTIONS[what]}: {_of(self.count(what))} lossy cells" for what in ("start", "length", "classes")
        ]
        if self.on_one_side:
            lines.append(f"- not compared, since one side has no trial that could be judged: {len(self.on_one_side)}")
        return "\n".join(lines)


def _of(counted: tuple[int, int]) -> str:
    same, of = counted
    return f"{same} of {of}" + (f" ({100 * same / of:.0f} %)" if of else "")
