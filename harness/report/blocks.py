"""Blocks of a document: what can stand in a section, and who has room for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto

from harness.findings.finding_type import Sentence
from harness.model.verdict import Identity, Latency, Mark, TrialVerdict, Window
from harness.model.version_answers import VersionAnswers
from harness.wording import count


class Detail(Flag):
    """Readers of a part, by how much they have room for."""

    #: A terminal.
    TERMINAL = auto()
    #: A summary in a CI job.
    SUMMARY = auto()
    #: A page that has all.
    PAGE = auto()
    BRIEF = TERMINAL | SUMMARY
    ALL = TERMINAL | SUMMARY | PAGE


class Tone(Enum):
    """The weight of an item for its reader; the names are those of the page's styles."""

    INSTRUMENT = "instrument"
    LOSS = "loss"
    EVIDENCE = "evidence"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of a section.

    Attributes:
        detail: Who gets it.
    """

    detail: Detail = Detail.ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph(Block):
    """Text.

    Attributes:
        text: One paragraph.
        is_small: It is an aside.
    """

    text: str
    is_small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected(Block):
    """What an Experiment expects, and why."""

    text: str
    reason: str
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True)
class Item:
    """One finding in a list.

    Attributes:
        sentence: It and what to do about it.
        label: A word above it.
        tone: How grave it is.
        target: Id of the section that the label leads to; empty if none.
    """

    sentence: Sentence
    label: str
    tone: Tone
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings(Block):
    """What was found, the most important first."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines(Block):
    """Facts, one per line; a page has tables for them."""

    lines: tuple[str, ...]
    detail: Detail = Detail.BRIEF


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(Block):
    """The accounting of every planned request."""

    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyLine(Block):
    """Latency of answered requests, counted from the planned time."""

    latency: Latency
    detail: Detail = Detail.TERMINAL


@dataclass(frozen=True, slots=True)
class OutageRow:
    """One outage.

    Attributes:
        began: When, on the wall's clock where that is known.
        start: Seconds from the traffic's origin.
        seconds: Its length.
        lost: Requests lost in it.
        sent: Requests sent in it.
        classes: Lost requests by outcome, in words.
        is_over: Whether a request was answered after it.
    """

    began: str
    start: float
    seconds: float
    lost: int
    sent: int
    classes: str
    is_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages(Block):
    """Stretches of time in which requests were lost.

    Attributes:
        rows: In the order in which they began; the longest ones if there are more than a report can hold.
        total: How many there were.
    """

    rows: tuple[OutageRow, ...]
    total: int

    def longest(self, most: int) -> tuple[OutageRow, ...]:
        """Return the longest ones, in the order in which they began."""
        chosen = sorted(self.rows, key=lambda row: -row.seconds)[:most]
        return tuple(sorted(chosen, key=lambda row: row.start))

    def more(self, shown_rows: int) -> str:
        """Return that a list of them is not all; empty if it is."""
        more = self.total - shown_rows
        return f"These are the longest; {count(more)} more were shorter." if more else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialHead(Block):
    """The heading of one of several trials."""

    trial: TrialVerdict
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart(Block):
    """Phases, pods, requests and latency over time."""

    trial: TrialVerdict
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Losing(Block):
    """When requests were lost."""

    windows: tuple[Window, ...]
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAnswered(Block):
    """Shares and candidates of a release."""

    answering: VersionAnswers
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures(Block):
    """Streams, connections and times of a trial.

    Attributes:
        trial: It.
        is_watched: Whether there was no change that connections were open at.
    """

    trial: TrialVerdict
    is_watched: bool = False
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof(Block):
    """The calibration: fault -> (planned, found)."""

    calibration: Mapping[str, tuple[int, int]]
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Events(Block):
    """What happened, event by event."""

    marks: tuple[Mark, ...]
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Block):
    """Where the evidence is, relative to the report."""

    directory: str
    detail: Detail = Detail.PAGE


def shown(blocks: Iterable[Block], detail: Detail) -> tuple[Block, ...]:
    """Return the blocks for a reader."""
    return tuple(block for block in blocks if detail in block.detail)
