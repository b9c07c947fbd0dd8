"""Records of a confirmation: cells that lost requests against the expectation, and their repetitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.comparison import TransitionCounts
from harness.model.version_answers import Interval


class ConfirmedState(StrEnum):
    """The result of repeating a cell that lost requests. The first loss stays a loss in each case."""

    #: Every repetition with an answer lost requests.
    ALWAYS = "always"
    #: Some repetitions lost requests.
    SOMETIMES = "sometimes"
    #: No repetition lost requests.
    NOT_AGAIN = "not-again"
    #: No repetition has an answer.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingShare:
    """A kind of finding that is more frequent in lossy repetitions than in lossless ones, or less.

    Attributes:
        code: Code of the finding.
        lossy: (repetitions with it, repetitions) among the lossy ones.
        lossless: The same among the lossless ones.
    """

    code: str
    lossy: tuple[int, int]
    lossless: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedCell:
    """A cell and its repetitions.

    Attributes:
        id: Its id.
        configuration: Name of its configuration.
        change: Name of its change.
        state: The result.
        repeated: Its repetitions by verdict.
        rate: 95 % confidence interval of the share of lossy repetitions among those with an answer.
        differences: Findings that are more frequent in one kind of repetition than in the other, the clearest first.
        times: Median of a measure in lossy and in lossless repetitions, by its name.
    """

    id: str
    configuration: str
    change: str
    state: ConfirmedState
    repeated: TransitionCounts
    rate: Interval
    differences: tuple[FindingShare, ...] = ()
    times: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A whole confirmation.

    Attributes:
        name: Name of the Experiment.
        run: Path of the run that is confirmed, as the user sees it.
        cells: The repeated cells.
        asked: Repetitions of each cell that were asked for.
        bundle: Path of the bundle that reproduces the cells elsewhere.
        command: The command line.
        started: Start of the repetitions in ISO 8601.
        seconds: Their duration.
        signal: Signal that stopped them; 0 for none.
    """

    name: str
    run: str
    cells: tuple[ConfirmedCell, ...]
    asked: int
    bundle: str
    command: str = ""
    started: str = ""
    seconds: float = 0.0
    signal: int = 0
