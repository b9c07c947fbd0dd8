"""The one kind of document that every command reports and every format renders.

``run``, ``watch`` and ``migration`` build it; ``html``, ``junit``, ``markdown``, ``ctrf`` and ``terminal`` render it.
A builder decides what is said, in which order, and in how much detail; a format decides how it looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from harness.model.verdict import Verdict
from harness.report.blocks import Block, Detail
from harness.report.words import ICONS


class Level(Enum):
    """How much a section's heading stands out where it is brief."""

    #: A part of its own, such as an origin.
    PART = auto()
    #: One cell or pair.
    ENTRY = auto()
    #: A remark about a cell that has nothing else to read.
    REMARK = auto()


@dataclass(frozen=True, slots=True)
class Fold:
    """How a section looks that a reader opens.

    Attributes:
        is_open: It is open from the start.
        state: ``not run`` or ``cut short`` in place of a verdict; empty otherwise.
        flag: What a reader must notice; may be empty.
        figures: Its figures in a line; may be empty.
    """

    is_open: bool
    state: str = ""
    flag: str = ""
    figures: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, what stands below it, and sections within it.

    Attributes:
        names: The heading: one name, or a configuration and a change.
        key: Its id in a page.
        blocks: What stands below it.
        parts: Sections within it; where it is brief, they take its place.
        detail: Who gets it.
        level: How much the heading stands out.
        verdict: Shown with the heading.
        remark: Follows the heading; may be empty.
        aside: Stands with the heading in small letters; may be empty.
        hint: How to read a section of folds; may be empty.
        fold: How it is folded; None where it is not.
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

    @property
    def title(self) -> str:
        """The names with a multiplication sign between them."""
        return " × ".join(self.names)  # noqa: RUF001 - typography


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The figures of one cell in a table.

    Attributes:
        verdict: Its verdict.
        state: ``not run`` or ``cut short`` in place of the verdict; empty otherwise.
        lost: Requests.
        sent: Requests.
        cut: Connections.
        assumed: Fields that the run assumes to have no effect.
        expected: What was expected; empty where nothing was.
        is_surprise: It is not as expected.
        times: Milliseconds, median and 99th percentile; None where they are not compared.
        target: Id of the section about it; empty if none.
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
    """A cell of a table that says what its row means.

    Attributes:
        text: In a few words.
        code: The same as a name, for styles.
        verdict: The verdict that has its colour.
        is_alarm: A reader must notice it.
        note: Why; may be empty.
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
        link: Where that leads, relative to the report; empty if nowhere.
    """

    name: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; a cell that is None was not to run."""

    names: tuple[str, ...]
    cells: tuple[Tally | Conclusion | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The overview.

    Attributes:
        title: Its heading in a page.
        corner: What a row is, for readers who do not see the table.
        columns: In order.
        rows: In order, each with a cell per column.
        terms: Rows in a sentence each: name -> text.
        note: Stands below it in a page; may be empty.
    """

    title: str
    corner: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    terms: tuple[tuple[str, str], ...] = ()
    note: str = ""


class Status(Enum):
    """The result of a case for a machine; unknown is no success."""

    PASSED = auto()
    FAILED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell, origin or pair, for machines that read test reports.

    Attributes:
        name: Within its group.
        group: What it belongs to: Experiment and configuration.
        seconds: How long its traffic lasted.
        status: Its result.
        kind: The result in the words of the command: ``unexpectedly-lossy``.
        summary: Its figures in a line.
        message: The same with what was expected.
        reasons: What was found, a line for each.
        facts: Further lines.
        trials: The results of its trials, where they can differ.
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
        """Its trials disagree."""
        return len(set(self.trials)) > 1


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that belong together."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report.

    Attributes:
        name: Of the Experiment or the command.
        heading: What it is about; several names where each is an address.
        answer: The whole in one sentence.
        totals: What the answer rests on; may be empty.
        description: The user's own words; may be empty.
        verdict: Of the whole, where it has one.
        exit_code: Of the verdict: 0, 1 or another.
        process_code: Of the process.
        started: ISO 8601.
        seconds: How long it took; 0 where that is not known.
        command: The command line.
        again: Heading of the command line.
        table: The overview; None where there is none.
        sections: In order.
        environment: What -> value.
        thresholds: Name -> (value, reason).
        rules: How a verdict is reached; verdicts stand between asterisks.
        suites: The same for machines.
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
        """The heading in one line."""
        return ", ".join(self.heading)

    @property
    def closing(self) -> str:
        """The answer, with the verdict's sign and word where the whole has one."""
        return self.answer if self.verdict is None else f"{ICONS[self.verdict]} {self.verdict}: {self.answer}"

    def brief(self, detail: Detail) -> tuple[Section, ...]:
        """Return the sections for a reader with little room, groups dissolved into their parts."""
        found: list[Section] = []
        for section in self.sections:
            if detail in section.detail:
                found += [part for part in section.parts if detail in part.detail] if section.parts else [section]
        return tuple(found)
