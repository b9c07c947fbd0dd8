"""The one kind of report document. Every command builds it, and every format renders it.

``run``, ``watch`` and ``migration`` build it; ``html``, ``junit``, ``markdown``, ``ctrf`` and ``terminal`` render it.
A builder decides on content, order and level of detail. A format decides on looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from harness.model.verdict import Verdict
from harness.report.blocks import Block, Detail
from harness.report.labels import ICONS


class Level(Enum):
    """The prominence of a section's heading in terminal and summary."""

    #: A main part, such as an origin.
    PART = auto()
    #: A cell, or a pair of cells of a migration.
    ENTRY = auto()
    #: A remark about a cell that is shown without its other details.
    REMARK = auto()


@dataclass(frozen=True, slots=True)
class Fold:
    """The collapsed form of a section on the page.

    Attributes:
        is_open: True if the section is open at first.
        state: ``not run`` or ``cut short`` instead of a verdict; empty otherwise.
        flag: A warning in its summary line; may be empty.
        figures: Numbers in its summary line; may be empty.
    """

    is_open: bool
    state: str = ""
    flag: str = ""
    figures: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with the blocks and sections below it.

    Attributes:
        names: The heading: one name, or a configuration and a change.
        key: Its id on the page.
        blocks: Its content.
        parts: Sections within it. Terminal and summary show them instead of it.
        detail: The outputs that show it.
        level: Prominence of the heading.
        verdict: Shown with the heading.
        remark: Follows the heading; may be empty.
        aside: Small text next to the heading; may be empty.
        hint: How to read a section of collapsed parts; may be empty.
        fold: Its collapsed form; None if it can't be collapsed.
        link: Id of a related section; empty if there is none.
        link_text: Text of the link to it.
    """

    names: tuple[str, ...]
    key: str = ""
    blocks: tuple[Block, ...] = ()
    parts: tuple[Section, ...] = ()
    detail: Detail = Detail.ALL
    level: Level = Level.ENTRY
    verdict: Verdict | None = None
    remark: str = ""
    aside: str = ""
    hint: str = ""
    fold: Fold | None = None
    link: str = ""
    link_text: str = ""

    @property
    def title(self) -> str:
        """Return the names, joined by a multiplication sign."""
        return " × ".join(self.names)  # noqa: RUF001 - typography


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One cell of the table: its verdict and numbers.

    Attributes:
        verdict: Its verdict.
        state: ``not run`` or ``cut short`` instead of the verdict; empty otherwise.
        lost: Number of lost requests.
        sent: Number of sent requests.
        cut: Number of cut connections.
        assumed: Number of fields that the run assumes to have no effect.
        expected: The expected verdict; empty if there is none.
        is_surprise: True if the verdict is not the expected one.
        times: Latency in milliseconds, median and 99th percentile; None if latencies are not compared.
        target: Id of the section that it links to; empty if none.
    """

    verdict: Verdict
    state: str
    lost: int
    sent: int
    cut: int
    assumed: int = 0
    expected: str = ""
    is_surprise: bool = False
    times: tuple[float, float] | None = None
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """A cell of the table with the conclusion about its row.

    Attributes:
        text: The conclusion in a few words.
        code: The conclusion as a name, for styles.
        verdict: The verdict whose colour it gets.
        is_alarm: True if it is highlighted.
        note: The reason; may be empty.
    """

    text: str
    code: str
    verdict: Verdict
    is_alarm: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        link: Target of a link on it, relative to the report; empty if none.
    """

    name: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. A cell that was not part of the run is None."""

    names: tuple[str, ...]
    cells: tuple[Tally | Conclusion | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The overview of all cells.

    Attributes:
        title: Its heading on the page.
        corner: Heading of the first column, for screen readers.
        columns: Ordered from left to right.
        rows: Ordered from top to bottom, each with a cell per column.
        summaries: One sentence for each row: (name, text).
        note: Text below it on the page; may be empty.
    """

    title: str
    corner: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    summaries: tuple[tuple[str, str], ...] = ()
    note: str = ""


class Status(Enum):
    """The result of a case. Unknown is not success."""

    PASSED = auto()
    FAILED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A test case for CI: one cell, origin, or pair of cells.

    Attributes:
        name: Unique within its group.
        group: Names of what it belongs to: Experiment and configuration.
        seconds: Duration of its traffic.
        status: Its result.
        kind: The result as a word of the command: ``unexpectedly-lossy``.
        summary: Its numbers in a line.
        message: The summary, with the expected verdict.
        reasons: A line for each finding.
        facts: Further lines.
        trials: Results of its trials; empty if there is only one by design.
    """

    name: str
    group: tuple[str, ...]
    seconds: float
    status: Status
    kind: str
    summary: str
    message: str
    reasons: tuple[str, ...]
    facts: tuple[str, ...] = ()
    trials: tuple[Status, ...] = ()

    @property
    def is_flaky(self) -> bool:
        """Return True if its trials disagree."""
        return len(set(self.trials)) > 1


@dataclass(frozen=True, slots=True)
class Suite:
    """A named group of cases."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report.

    Attributes:
        name: Name of the Experiment or the command.
        heading: Its subject: the name, or the URLs of a watch.
        answer: The result in one sentence.
        totals: The numbers behind the answer, in one sentence; may be empty.
        description: The user's description of the Experiment; may be empty.
        verdict: The verdict of a watch; None for runs and migrations.
        exit_code: Exit code of the verdict.
        process_code: Exit code of the process.
        started: Start in ISO 8601.
        seconds: Duration; 0 if unknown.
        command: The command line.
        again: Heading above the command line.
        table: The overview; None for a watch.
        sections: Ordered from top to bottom.
        environment: Property -> value.
        thresholds: Name -> (value, reason).
        rules: How a verdict is reached, rule by rule. Asterisks enclose verdicts.
        suites: The results as test cases, for CI.
    """

    name: str
    heading: tuple[str, ...]
    answer: str
    totals: str
    exit_code: int
    process_code: int
    started: str
    seconds: float
    command: str
    suites: tuple[Suite, ...]
    sections: tuple[Section, ...]
    table: Table | None = None
    description: str = ""
    verdict: Verdict | None = None
    again: str = "To run it again"
    environment: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    rules: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return the heading in one line."""
        return ", ".join(self.heading)

    @property
    def closing(self) -> str:
        """Return the answer, after the verdict's sign and word if there is a verdict."""
        return self.answer if self.verdict is None else f"{ICONS[self.verdict]} {self.verdict}: {self.answer}"

    def brief(self, detail: Detail) -> tuple[Section, ...]:
        """Return the sections for terminal or summary, with groups replaced by their parts."""
        found: list[Section] = []
        for section in self.sections:
            if detail in section.detail:
                found += [part for part in section.parts if detail in part.detail] if section.parts else [section]
        return tuple(found)
