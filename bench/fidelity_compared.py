"""Local and kind side by side: how many cells are alike, and in what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from bench.fidelity_cells import CellFacts, Likeness
from bench.fidelity_state import Key, Measured

Cells = Mapping[Key, CellFacts]

#: What is compared, and how that is said.
QUESTIONS = {
    "verdict": "the same verdict",
    "start": "the losing window begins at about the same time",
    "length": "the losing window lasts about as long",
    "classes": "the same failure classes",
}


def is_control(key: Key) -> bool:
    """Whether a cell is one without a change."""
    return key[1].endswith("--none")


@dataclass(frozen=True)
class Compared:
    """Both kinds of clusters, side by side.

    Attributes:
        local: What was measured on local clusters.
        kind: On kind clusters.
    """

    local: Measured
    kind: Measured

    @cached_property
    def local_cells(self) -> Cells:
        """Every cell on local clusters."""
        return self.local.cells

    @cached_property
    def kind_cells(self) -> Cells:
        """Every cell on kind clusters."""
        return self.kind.cells

    @cached_property
    def alike(self) -> Mapping[Key, Likeness]:
        """How alike each cell is that was run on both, in the order of their names."""
        both = sorted(key for key in self.local_cells if key in self.kind_cells)
        return {key: Likeness.of(self.local_cells[key], self.kind_cells[key]) for key in both}

    def count(self, what: str, of: Callable[[Key], bool] = lambda _key: True) -> tuple[int, int]:
        """(cells that are alike in this, cells in which it can be compared)."""
        answers = [getattr(likeness, what) for key, likeness in self.alike.items() if of(key)]
        told = [answer for answer in answers if answer is not None]
        return sum(told), len(told)

    @property
    def on_one_side(self) -> tuple[Key, ...]:
        """Cells that only one side has, or that could be judged on one side alone: nothing is known of them."""
        all_ = {*self.local_cells, *self.kind_cells}
        return tuple(key for key in sorted(all_) if key not in self.alike or self.alike[key].verdict is None)

    @property
    def summary(self) -> str:
        """The answer in a few lines of Markdown."""
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
