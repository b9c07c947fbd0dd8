"""Records of a history: one entry for each cell of each run, and the trend of each cell over its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from harness.model.verdict import Verdict
from harness.model.version_answers import Interval

#: Version of the format of an entry.
VERSION: Literal[1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One cell of one run, as a line of ``history.jsonl``.

    Attributes:
        version: Version of the format.
        run: Id of the run: the beginning of the SHA-256 of its sealed evidence.
        started: Start of the run in ISO 8601.
        directory: Path of the run directory relative to the history's folder; may no longer exist.
        commit: Commit under test; empty if unknown.
        experiment: Name of the Experiment.
        cell: Id of the cell.
        configuration: Name of its configuration.
        change: Name of its change.
        verdict: Its verdict.
        expected: Its expected verdict.
        bad: Transitions against the expectation, repetitions of a confirmation included.
        good: Transitions as expected, likewise.
        unknown: Inconclusive transitions, likewise.
        sent: Requests sent.
        lost: Requests lost.
        cut: Connections cut.
        p99_ms: Largest 99th percentile of its trials' latency, milliseconds from the planned time.
        versions: Property of the surroundings -> its value: harness, cluster, ingress controller, images.
    """

    version: Literal[1]
    run: str
    started: str
    directory: str
    commit: str
    experiment: str
    cell: str
    configuration: str
    change: str
    verdict: Verdict
    expected: str
    bad: int
    good: int
    unknown: int
    sent: int
    lost: int
    cut: int
    p99_ms: float
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Return True if a transition has an answer."""
        return self.bad + self.good > 0


class TrendState(StrEnum):
    """The state of a cell over its runs."""

    #: Every transition was as expected.
    STEADY = "steady"
    #: More transitions are against the expectation since one run, beyond chance.
    REGRESSED = "regressed"
    #: Fewer transitions are against the expectation since one run, beyond chance.
    IMPROVED = "improved"
    #: Some transitions are against the expectation, now and then.
    FLAKY = "flaky"
    #: Every transition was against the expectation.
    ALWAYS_BAD = "always-bad"
    #: Against the expectation for the first time at the end of the history: too early to call it flaky or regressed.
    NEW = "new"
    #: As expected lately, after runs that were all against the expectation: too early to call it fixed.
    CLEARED = "cleared"
    #: No run has an answer.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The usual range of a measure, and the last run's value.

    Attributes:
        measure: ``lost share``, ``connections cut`` or ``p99 (ms)``.
        value: Value of the last run.
        high: The 95th percentile of the earlier runs; None if there are too few.
        runs: Number of earlier runs.
    """

    measure: str
    value: float
    high: float | None
    runs: int

    @property
    def is_above(self) -> bool:
        """Return True if the value is above the usual range."""
        return self.high is not None and self.value > self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTrend:
    """A cell over its runs.

    Attributes:
        experiment: Name of the Experiment.
        cell: Id of the cell.
        configuration: Name of its configuration.
        change: Name of its change.
        state: Its state.
        entries: Its entries, the oldest first.
        first_bad: The run to look at first; None if no transition was against the expectation.
        last_good: The last run before that with an answer and nothing against the expectation; None if there is none.
        changed: What differs between these two runs: name -> (before, after).
        chance: Probability that chance alone makes the runs before and since the first bad one differ as much.
        share: Interval of the share of bad transitions: of all runs, or since the first bad one if it has regressed.
        baselines: Usual ranges of its measures.
    """

    experiment: str
    cell: str
    configuration: str
    change: str
    state: TrendState
    entries: tuple[HistoryEntry, ...]
    first_bad: HistoryEntry | None
    last_good: HistoryEntry | None
    changed: Mapping[str, tuple[str, str]]
    chance: float
    share: Interval
    baselines: tuple[Baseline, ...]


@dataclass(frozen=True, slots=True)
class History:
    """All entries, and the trend of each cell."""

    entries: tuple[HistoryEntry, ...]
    trends: tuple[CellTrend, ...]
