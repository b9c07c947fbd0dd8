"""The blocks that a section of a document can have, and the outputs that show each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto

from harness.findings.finding_type import Sentence
from harness.model.accounts import FATE_NAMES, Accounts, Fate, LogRecord, Party
from harness.model.verdict import Identity, Latency, Mark, TrialVerdict, Verdict, Window
from harness.model.version_answers import VersionAnswers
from harness.wording import count, plural, seconds

#: The reason why the fate of a request is unknown.
_LACKS = {
    Party.CLIENT: "no outcome in the ledger",
    Party.PROXY: "no complete access log",
    Party.PODS: "no complete receipts",
}


class Detail(Flag):
    """A set of outputs, from the one with the least room to the one with the most."""

    #: A terminal.
    TERMINAL = auto()
    #: The summary of a CI job.
    SUMMARY = auto()
    #: The HTML page, which shows everything.
    PAGE = auto()
    BRIEF = TERMINAL | SUMMARY
    ALL = TERMINAL | SUMMARY | PAGE


class Tone(Enum):
    """The severity of an item. The values are names of the page's styles."""

    INSTRUMENT = "instrument"
    LOSS = "loss"
    EVIDENCE = "evidence"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of a section: the base of all kinds of blocks.

    Attributes:
        detail: The outputs that show it.
    """

    detail: Detail = Detail.ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph(Block):
    """A paragraph.

    Attributes:
        text: Its text.
        is_small: True if it is shown in small letters.
    """

    text: str
    is_small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationNote(Block):
    """The verdict that an Experiment expects of a cell, and the reason."""

    text: str
    reason: str
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True)
class Item:
    """One finding in a list.

    Attributes:
        sentence: Its text and the advice.
        label: A word above it.
        tone: Its severity.
        target: Id of the section that the label links to; empty if none.
    """

    sentence: Sentence
    label: str
    tone: Tone
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings(Block):
    """A list of findings, the most important first."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines(Block):
    """Facts, one per line. The page has tables for them."""

    lines: tuple[str, ...]
    detail: Detail = Detail.BRIEF


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(Block):
    """The accounting of every planned request, as two sums; and the fate of every sent one, if that is known."""

    identity: Identity
    accounts: Accounts | None = None

    @property
    def fates(self) -> tuple[tuple[int, str, Fate], ...]:
        """Return the fates that requests had, each with its number and name; delivered ones even if there are none."""
        if self.accounts is None:
            return ()
        counts = ((self.accounts.fates[fate], FATE_NAMES[fate], fate) for fate in Fate)
        return tuple(each for each in counts if each[0] or each[2] is Fate.DELIVERED_ONCE)

    @property
    def unclear(self) -> tuple[str, ...]:
        """Return a line for each record that is missing or damaged."""
        if self.accounts is None:
            return ()
        missing = ((party, self.accounts.missing[party]) for party in Party)
        decided = (f"{count(n)} unknown: {_LACKS[party]}" for party, n in missing if n)
        return (*decided, *(log_line(log) for log in self.accounts.logs if not log.is_complete))


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyLine(Block):
    """The latency of answered requests, from their planned times."""

    latency: Latency
    detail: Detail = Detail.TERMINAL


@dataclass(frozen=True, slots=True)
class OutageRow:
    """One row of an outage table.

    Attributes:
        began: Start by the wall clock, or in seconds if the wall clock is unknown.
        start: Seconds from the traffic's origin.
        seconds: Its length.
        lost: Requests lost during it.
        sent: Requests sent during it.
        classes: Lost requests by outcome: ``refused 30, closed 7``.
        is_over: True if a request was answered after it.
    """

    began: str
    start: float
    seconds: float
    lost: int
    sent: int
    classes: str
    is_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageTable(Block):
    """A table of outages: intervals in which requests were lost.

    Attributes:
        rows: Ordered by start. If there are more outages than a report can hold, only the longest.
        total: Number of outages.
    """

    rows: tuple[OutageRow, ...]
    total: int

    def longest(self, most: int) -> tuple[OutageRow, ...]:
        """Return the ``most`` longest outages, ordered by start."""
        chosen = sorted(self.rows, key=lambda row: -row.seconds)[:most]
        return tuple(sorted(chosen, key=lambda row: row.start))

    def more(self, shown_rows: int) -> str:
        """Return the note that not all outages are shown; empty if all are."""
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
class LossWindows(Block):
    """The time windows in which requests were lost."""

    windows: tuple[Window, ...]
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAnswered(Block):
    """The shares of each version, and the comparison of candidates, in a release."""

    answering: VersionAnswers
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures(Block):
    """Tables of a trial's streams, connections and latencies.

    Attributes:
        trial: The trial.
        is_watched: True for a watch, which has no change.
    """

    trial: TrialVerdict
    is_watched: bool = False
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationTable(Block):
    """The result of the calibration.

    Attributes:
        calibration: Fault -> (planned, found).
        target: Id of the section that has all faults; only deviations are listed then. Empty lists all faults here.
    """

    calibration: Mapping[str, tuple[int, int]]
    target: str = ""
    detail: Detail = Detail.PAGE

    @property
    def deviations(self) -> dict[str, tuple[int, int]]:
        """Return the faults of which not all, or more than all, were recognised."""
        return {fault: counts for fault, counts in self.calibration.items() if counts[0] != counts[1]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Events(Block):
    """The timeline of a trial, event by event."""

    marks: tuple[Mark, ...]
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Block):
    """The path of the evidence, relative to the report."""

    directory: str
    detail: Detail = Detail.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy(Block):
    """The reason for losses, and the field to change.

    Attributes:
        title: The reason in a few words.
        why: The reason in one sentence.
        certainty: The certainty of the reason: ``certain``, ``likely``.
        lost: Number of losses with this reason.
        code: Code of the reason, as in the table of failures; empty if there is none.
        object: The object to change: ``Deployment/apple``; empty if no field helps.
        field: Path of the field to change; empty if no field helps.
        change: The change in one sentence.
        derivation: The origin of the numbers in the change; may be empty.
        patch: The change as text for ``kubectl patch --patch-file``; empty if no field helps.
        diff: The change as a diff of the object, shown in place of the patch; may be empty.
        command: The ``kubectl`` command that applies the change; may be empty.
        only_hides: True if the change hides losses from clients and does not prevent them.
    """

    title: str
    why: str
    certainty: str
    lost: int
    code: str = ""
    object: str = ""
    field: str = ""
    change: str = ""
    derivation: str = ""
    patch: str = ""
    diff: str = ""
    command: str = ""
    only_hides: bool = False


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """A moment in the trace of an attempt.

    Attributes:
        at: Seconds from the traffic's origin.
        kind: What it belongs to: ``attempt``, ``connection``, ``receipt``, or the kind of an event.
        text: The moment in a few words.
        detail: Further facts; may be empty.
    """

    at: float
    kind: str
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """A failed attempt and its trace.

    Attributes:
        id: The attempt's ``X-Request-ID``.
        at: Seconds from the traffic's origin at which it was sent. The trace's offsets count from here.
        stream: Method, path and connection: ``GET /apple, new``.
        outcome: The label of its outcome: ``refused``.
        status: Its HTTP status; 0 if there was no answer.
        upstream: The pod or address that it was meant for; empty if unknown.
        cause: Code of its cause; empty if unknown.
        because: The cause in a sentence; may be empty.
        trace: The moments around it, ordered by time.
    """

    id: str
    at: float
    stream: str
    outcome: str
    status: int = 0
    upstream: str = ""
    cause: str = ""
    because: str = ""
    trace: tuple[TraceEvent, ...] = ()

    def offset_ms(self, moment: TraceEvent) -> float:
        """Return the time from sending to a moment in milliseconds; negative before sending."""
        return round((moment.at - self.at) * 1000, 3)

    @property
    def answer(self) -> str:
        """Return outcome and status: ``status 502``."""
        return f"{self.outcome} {self.status}" if self.status else self.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresTable(Block):
    """The failed attempts of a trial.

    Attributes:
        rows: Some or all of them, ordered by time.
        total: Number of all of them.
        elsewhere: The command that writes all of them.
        trial: The trial's directory, by which its chart is found; empty if there is none.
    """

    rows: tuple[FailureRow, ...]
    total: int
    elsewhere: str
    trial: str = ""

    def more(self, shown_rows: int) -> str:
        """Return the note that not all are shown, and where they are; empty if all are."""
        if shown_rows == self.total:
            return ""
        return f"{count(shown_rows)} of {plural(self.total, self.noun)}; all of them: {self.elsewhere}"

    @property
    def noun(self) -> str:
        """Return ``lost request``, or ``lost or unfinished request`` if some are unfinished."""
        return "lost or unfinished request" if any(row.outcome == "unfinished" for row in self.rows) else "lost request"


@dataclass(frozen=True, slots=True)
class RunRow:
    """One row of a list of runs.

    Attributes:
        started: Start in ISO 8601.
        name: Name of the Experiment.
        link: Path of its report relative to the page.
        commit: Commit under test; empty if unknown.
        text: The result in a few words.
        verdict: The verdict whose sign and colour it gets.
    """

    started: str
    name: str
    link: str
    commit: str
    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunList(Block):
    """A list of runs with links to their reports, the latest first."""

    rows: tuple[RunRow, ...]
    detail: Detail = Detail.PAGE


def shown(blocks: Iterable[Block], detail: Detail) -> tuple[Block, ...]:
    """Return the blocks that an output shows."""
    return tuple(block for block in blocks if detail in block.detail)


def log_line(log: LogRecord) -> str:
    """Return the state of a log with the evidence: ``access log: torn; 120 lines, 2 missing, 1 unreadable``."""
    numbers = [f"{plural(log.lines, 'line')}"]
    numbers += [f"{count(log.missing)} missing"] if log.missing else []
    numbers += [f"{count(log.unreadable)} unreadable"] if log.unreadable else []
    where = [_period(*stretch) for stretch in log.stretches]
    return "; ".join([log.title, ", ".join(numbers), *where])


def _period(start: float | None, end: float | None) -> str:
    """Return a period that may have no begin or no end: ``until 3.6 s``, ``from 8.0 s on``."""
    if start is None:
        return f"until {seconds(end)}" if end is not None else "everywhere"
    return f"between {seconds(start)} and {seconds(end)}" if end is not None else f"from {seconds(start)} on"
