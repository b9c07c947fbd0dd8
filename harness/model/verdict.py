"""Records of verdicts, the findings that they depend on, and the numbers that a report shows.

Findings have codes and numbers; ``harness.findings`` turns them into sentences. All records can be written as JSON.
Times are seconds from the start of the trial's traffic unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.accounts import Accounts, UncertainCount
from harness.model.causes import Cause
from harness.model.confidence import Confidence, Transitions
from harness.model.failed import FailedAttempts
from harness.model.version_answers import VersionAnswers

#: Version of the format of ``verdict.json``. It grows when a field is added, removed or gets another meaning.
SCHEMA_VERSION = 1


class Verdict(StrEnum):
    """The three verdicts. Unknown is not success."""

    LOSSLESS = "lossless"
    LOSSY = "lossy"
    INCONCLUSIVE = "inconclusive"


class Weight(StrEnum):
    """Effect of a finding on the verdict. The first weight that is present decides; a ``NOTE`` has no effect."""

    INSTRUMENT = "instrument"
    LOSS = "loss"
    EVIDENCE = "evidence"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, as stored in ``verdict.json``.

    Attributes:
        code: Code of its type; ``harness.findings`` has each type's weight, check and sentence.
        numbers: Its numbers and names (flat: JSON values only).
    """

    code: str
    numbers: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """The account of every planned slot; it is checked, and every report shows it.

    ``planned = sent + missed + abandoned + client_faults`` and ``sent = ok + sum(lost) + unfinished``.
    """

    planned: int
    sent: int
    missed: int
    abandoned: int
    client_faults: int
    ok: int
    lost: Mapping[str, int]
    unfinished: int

    @property
    def lost_total(self) -> int:
        """Return the number of lost requests."""
        return sum(self.lost.values())

    @property
    def holds(self) -> bool:
        """Return True if both equations hold and no term is negative."""
        terms = (self.planned, self.sent, self.missed, self.abandoned, self.client_faults, self.ok, self.unfinished)
        return (
            all(n >= 0 for n in (*terms, *self.lost.values()))
            and self.planned == self.sent + self.missed + self.abandoned + self.client_faults
            and self.sent == self.ok + self.lost_total + self.unfinished
        )


@dataclass(frozen=True, slots=True)
class StreamCount:
    """The account of one stream (method x connection shape x route) of a trial."""

    method: str
    shape: str
    path: str
    sent: int
    ok: int
    lost: Mapping[str, int]
    unfinished: int


@dataclass(frozen=True, slots=True)
class ConnectionCount:
    """Number of a trial's connections.

    ``cut`` counts the kept-alive connections that the peer closed after the change began; ``cut_by_rst`` counts those
    of them that were closed by RST.
    """

    opened: int
    pooled: int
    cut: int
    cut_by_rst: int
    requests_on_longest: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of answered attempts, counted from the planned time (``_planned``) or from the sent time."""

    p50: float
    p99: float
    max: float
    p50_planned: float
    p99_planned: float
    max_planned: float


@dataclass(frozen=True, slots=True)
class Window:
    """A period, in seconds from the traffic's start.

    ``label`` names its subject. ``state`` is the subject's state (``ready``) if it has several.
    """

    start: float
    end: float
    label: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that gets a line in the chart and a row in the event list."""

    at: float
    kind: str
    subject: str
    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """The chart's data: bins of equal width over the whole trial; latency in ms (0 in bins without answers)."""

    bin_seconds: float
    start: float
    sent: tuple[int, ...]
    ok: tuple[int, ...]
    failed: tuple[int, ...]
    latency_p50: tuple[float, ...]
    latency_max: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TrialVerdict:
    """The verdict on one trial, with everything that was measured.

    ``accounts`` is None if only the client recorded requests, or an older version judged the trial.
    """

    number: int
    directory: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    identity: Identity
    streams: tuple[StreamCount, ...]
    connections: ConnectionCount
    latency: Latency
    phases: tuple[Window, ...]
    pods: tuple[Window, ...]
    losing: tuple[Window, ...]
    marks: tuple[Mark, ...]
    series: Series
    responders: Mapping[str, int]
    calibration: Mapping[str, tuple[int, int]]
    lateness_ms: Mapping[str, float]
    answering: VersionAnswers = field(default_factory=VersionAnswers)
    causes: tuple[Cause, ...] = ()
    transitions: Transitions = field(default_factory=Transitions)
    failed: FailedAttempts = field(default_factory=FailedAttempts)
    pod_events: tuple[Mark, ...] = ()
    accounts: Accounts | None = None


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """The verdict on a cell: the worst of its trials, compared with the expectation.

    ``hidden`` and ``twice`` are the requests of all trials that a proxy saved by another try, and those that pods
    executed more than once.
    """

    id: str
    configuration: str
    change: str
    change_kind: str
    verdict: Verdict
    expected: str
    expected_classes: tuple[str, ...]
    expected_reason: str
    as_expected: bool
    findings: tuple[Finding, ...]
    trials: tuple[TrialVerdict, ...]
    sent: int
    lost: int
    cut: int
    expected_hidden: int | None = None
    expected_twice: int | None = None
    hidden: UncertainCount = field(default_factory=UncertainCount)
    twice: UncertainCount = field(default_factory=UncertainCount)
    confidence: Confidence = field(default_factory=Confidence)


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """The verdict on the whole run, with everything that a report needs.

    ``signal`` is the signal that stopped the run: SIGHUP (1), SIGINT (2), SIGTERM (15), or SIGKILL (9) if the run left
    no record of its end. It is 0 if nothing stopped the run.
    """

    name: str
    description: str
    exit_code: int
    cells: tuple[CellVerdict, ...]
    configurations: tuple[str, ...]
    changes: tuple[str, ...]
    environment: Mapping[str, str]
    command: str
    started: str
    seconds: float
    thresholds: Mapping[str, tuple[float, str]]
    signal: int = 0
    schema_version: int = SCHEMA_VERSION

    @property
    def process_code(self) -> int:
        """Return the exit code of the process: 128 + signal if it was stopped."""
        return 128 + self.signal if self.signal else self.exit_code
