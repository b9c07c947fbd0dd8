"""Records of a comparison: the same cells before and after, transition by transition.

A transition is one change under traffic: one trial. It is lossy if it lost a request, else lossless. An inconclusive
one is neither, and is counted separately.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.errors import ExitCode

#: The sides, as part of configuration names when both are run together.
BEFORE, AFTER = "before", "after"


class ComparedOutcome(StrEnum):
    """The result of a compared cell."""

    #: The second side loses requests in a larger share of transitions, beyond chance.
    WORSE = "worse"
    #: The second side loses requests in a smaller share of transitions, beyond chance.
    BETTER = "better"
    #: Chance explains the difference, or there is none.
    NO_DIFFERENCE_SHOWN = "no-difference-shown"
    #: There are too few transitions with an answer: they could not have shown any difference.
    NOT_ENOUGH_EVIDENCE = "not-enough-evidence"


@dataclass(frozen=True, slots=True)
class TransitionCounts:
    """The numbers of a cell's transitions on one side, by verdict.

    Attributes:
        lossy: Transitions that lost a request.
        lossless: Transitions that lost none.
        inconclusive: Transitions without an answer.
    """

    lossy: int = 0
    lossless: int = 0
    inconclusive: int = 0

    @property
    def count(self) -> int:
        """Return the number of transitions with an answer."""
        return self.lossy + self.lossless

    @property
    def share(self) -> tuple[int, int]:
        """Return (lossy, count)."""
        return self.lossy, self.count

    def __add__(self, other: TransitionCounts) -> TransitionCounts:
        """Return the sum of both."""
        return TransitionCounts(
            self.lossy + other.lossy, self.lossless + other.lossless, self.inconclusive + other.inconclusive
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSide:
    """A cell on one side.

    Attributes:
        first: Transitions of the first look.
        repeated: Transitions of the repetitions.
        sent: Requests sent at the first look.
        lost: Requests lost at the first look.
        cut: Connections cut at the first look.
    """

    first: TransitionCounts
    repeated: TransitionCounts = TransitionCounts()
    sent: int = 0
    lost: int = 0
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCell:
    """A cell on both sides.

    Attributes:
        id: Its id.
        configuration: Name of its configuration.
        change: Name of its change.
        before: The first side; None if only the second has the cell.
        after: The second side; None if only the first has the cell.
        is_suspect: True if the first look was a reason to repeat the cell.
        outcome: The result.
        chance: Probability that chance alone makes the deciding transitions differ as much.
        level: Probability at or below which chance counts as excluded.
        smallest: Smallest true difference of the share of lossy transitions that is found with the comparison's power;
            -1 if no difference is.
    """

    id: str
    configuration: str
    change: str
    before: ComparedSide | None
    after: ComparedSide | None
    is_suspect: bool
    outcome: ComparedOutcome
    chance: float = 1.0
    level: float = 0.0
    smallest: float = -1.0

    @property
    def is_falling(self) -> bool:
        """Return True if the smallest difference is a fall: the first side lost requests in every transition."""
        return self.before is not None and self.before.first.count > 0 and not self.before.first.lossless


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """A whole comparison.

    Attributes:
        name: Name of the Experiment.
        before: Name of the first side, for people.
        after: Name of the second side, for people.
        cells: All cells of either side.
        differences: Facts of the surroundings that differ: name -> (before, after).
        repetitions: Transitions that were requested in addition, per side of each suspect cell.
        power: Probability with which each cell's smallest difference is found.
        directories: Run directories to link to: name -> path relative to the report.
        command: The command line.
        started: Start of the second side's run in ISO 8601.
        seconds: Duration of what the comparison ran.
        signal: Signal that stopped it; 0 for none.
    """

    name: str
    before: str
    after: str
    cells: tuple[ComparedCell, ...]
    differences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    repetitions: int = 0
    power: float = 0.0
    directories: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    started: str = ""
    seconds: float = 0.0
    signal: int = 0

    @property
    def process_code(self) -> ExitCode:
        """Return the exit code: 1 if a cell is worse, 3 if there is too little evidence for one, else 0."""
        if self.having(ComparedOutcome.WORSE):
            return ExitCode.UNEXPECTED
        if not self.cells or self.having(ComparedOutcome.NOT_ENOUGH_EVIDENCE):
            return ExitCode.INCONCLUSIVE
        return ExitCode.AS_EXPECTED

    def having(self, outcome: ComparedOutcome) -> tuple[ComparedCell, ...]:
        """Return the cells with an outcome."""
        return tuple(cell for cell in self.cells if cell.outcome is outcome)
