"""Verdicts, the findings they rest on, and the numbers that a report shows.

Findings carry codes and numbers; sentences are made in ``harness.report``. All records can be written as JSON.
Times are seconds from the origin of the trial's traffic unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.answering import Answering


class Verdict(StrEnum):
    """The three answers. Unknown is not success."""

    LOSSLESS = "lossless"
    LOSSY = "lossy"
    INCONCLUSIVE = "inconclusive"


class Weight(StrEnum):
    """What a finding does to the verdict; the first of these that is present wins, a ``NOTE`` changes nothing."""

    INSTRUMENT = "instrument"
    LOSS = "loss"
    EVIDENCE = "evidence"
    NOTE = "note"


class FindingCode(StrEnum):
    """What was found; the weight of each is in ``WEIGHTS``."""

    SEAL_BROKEN = "seal-broken"
    CALIBRATION_MISSING = "calibration-missing"
    CALIBRATION_NOT_EXACT = "calibration-not-exact"
    IDENTITY_BROKEN = "identity-broken"
    CLIENT_FAULTS = "client-faults"
    LOSS_BEFORE_CHANGE = "loss-before-change"
    LOSS_IN_CONTROL = "loss-in-control"
    INTERFERENCE = "interference"
    CHECK_RAISED = "check-raised"
    TRIAL_FAILED = "trial-failed"
    NOT_RUN = "not-run"
    CUT_SHORT = "cut-short"
    CONTROL_MISSING = "control-missing"
    REQUESTS_LOST = "requests-lost"
    NO_TRAFFIC = "no-traffic"
    STREAM_WITHOUT_SUCCESS = "stream-without-success"
    MISSED_SLOTS = "missed-slots"
    ABANDONED_SLOTS = "abandoned-slots"
    UNFINISHED = "unfinished"
    CHANGE_NOT_OBSERVED = "change-not-observed"
    CHANGE_WITHHELD = "change-withheld"
    NO_OVERLAP = "no-overlap"
    NEVER_REUSED = "never-reused"
    NEVER_IDLE = "never-idle"
    NEVER_STICKY = "never-sticky"
    RELEASE_INCOMPLETE = "release-incomplete"
    VERSION_UNTOLD = "version-untold"
    SHARE_NOT_AS_ASKED = "share-not-as-asked"
    SHARE_NOT_MEASURED = "share-not-measured"
    NOTHING_UNDER_WAY = "nothing-under-way"
    BEHIND_SCHEDULE = "behind-schedule"
    MACHINE_SATURATED = "machine-saturated"
    NODE_UNWELL = "node-unwell"
    WATCH_INTERRUPTED = "watch-interrupted"
    CLOCK_UNCERTAIN = "clock-uncertain"
    FIELD_ASSUMED = "field-assumed"
    SENDER_PAUSED = "sender-paused"
    FALSE_GREEN = "false-green"
    CONNECTIONS_CUT = "connections-cut"
    POOL_NOT_FILLED = "pool-not-filled"
    ROLLOUT_STUCK = "rollout-stuck"
    PRESTOP_FAILED = "prestop-failed"
    CLOCKS_COMPARED = "clocks-compared"
    CLASS_NOT_SEEN = "class-not-seen"
    LOSS_OUTSIDE_WINDOW = "loss-outside-window"
    NOTHING_REUSED = "nothing-reused"
    ANSWERED_OUT_OF_TURN = "answered-out-of-turn"
    ROLLED_BACK = "rolled-back"
    CANDIDATES_DIFFER = "candidates-differ"


_INSTRUMENT = {
    FindingCode.SEAL_BROKEN,
    FindingCode.CALIBRATION_MISSING,
    FindingCode.CALIBRATION_NOT_EXACT,
    FindingCode.IDENTITY_BROKEN,
    FindingCode.CLIENT_FAULTS,
    FindingCode.LOSS_BEFORE_CHANGE,
    FindingCode.LOSS_IN_CONTROL,
    FindingCode.INTERFERENCE,
    FindingCode.CHECK_RAISED,
    FindingCode.TRIAL_FAILED,
    FindingCode.NOT_RUN,
    FindingCode.CUT_SHORT,
}
_NOTES = {
    FindingCode.SENDER_PAUSED,
    FindingCode.FALSE_GREEN,
    FindingCode.CONNECTIONS_CUT,
    FindingCode.POOL_NOT_FILLED,
    FindingCode.ROLLOUT_STUCK,
    FindingCode.PRESTOP_FAILED,
    FindingCode.CLOCKS_COMPARED,
    FindingCode.CLASS_NOT_SEEN,
    FindingCode.LOSS_OUTSIDE_WINDOW,
    FindingCode.NOTHING_REUSED,
    FindingCode.ANSWERED_OUT_OF_TURN,
    FindingCode.ROLLED_BACK,
    FindingCode.CANDIDATES_DIFFER,
}

#: The weight of each finding; whatever is not an instrument's fault, a loss or a note is missing evidence.
WEIGHTS: Mapping[FindingCode, Weight] = {
    code: Weight.INSTRUMENT
    if code in _INSTRUMENT
    else Weight.LOSS
    if code is FindingCode.REQUESTS_LOST
    else Weight.NOTE
    if code in _NOTES
    else Weight.EVIDENCE
    for code in FindingCode
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, with its numbers (flat: JSON values only)."""

    code: FindingCode
    numbers: Mapping[str, str | int | float | bool] = field(default_factory=dict)

    @property
    def weight(self) -> Weight:
        """What it does to the verdict."""
        return WEIGHTS[self.code]


@dataclass(frozen=True, slots=True)
class Identity:
    """The accounting of every planned slot: printed in every report, and checked.

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
        """All lost requests."""
        return sum(self.lost.values())

    @property
    def holds(self) -> bool:
        """Both equations are true and no term is negative."""
        terms = (self.planned, self.sent, self.missed, self.abandoned, self.client_faults, self.ok, self.unfinished)
        return (
            all(n >= 0 for n in (*terms, *self.lost.values()))
            and self.planned == self.sent + self.missed + self.abandoned + self.client_faults
            and self.sent == self.ok + self.lost_total + self.unfinished
        )


@dataclass(frozen=True, slots=True)
class StreamCount:
    """What became of one stream (method x connection shape x route) of a trial."""

    method: str
    shape: str
    path: str
    sent: int
    ok: int
    lost: Mapping[str, int]
    unfinished: int


@dataclass(frozen=True, slots=True)
class ConnectionCount:
    """Connections of a trial, beside its requests.

    ``cut`` counts the kept-alive ones that the peer ended after the change began, ``cut_by_rst`` those of them by RST.
    """

    opened: int
    pooled: int
    cut: int
    cut_by_rst: int
    requests_on_longest: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of answered attempts, from the planned time (``_planned``) and from the sent time."""

    p50: float
    p99: float
    max: float
    p50_planned: float
    p99_planned: float
    max_planned: float


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, in seconds from the traffic's origin.

    ``label`` says whose it is; ``state`` in which state that was (``ready``), where there are several.
    """

    start: float
    end: float
    label: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth a line in the chart and a row in the event list."""

    at: float
    kind: str
    subject: str
    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """The chart's data: bins of equal width over the whole trial; latency in ms, NaN-free (0 where nothing)."""

    bin_seconds: float
    start: float
    sent: tuple[int, ...]
    ok: tuple[int, ...]
    failed: tuple[int, ...]
    latency_p50: tuple[float, ...]
    latency_max: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TrialVerdict:
    """Everything that is said about one trial."""

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
    answering: Answering = field(default_factory=Answering)


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """A cell's answer: the worst of its trials, held against what was expected."""

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


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """The whole run's answer, and all that a report needs.

    ``signal`` is the one that stopped the run: SIGHUP (1), SIGINT (2), SIGTERM (15), SIGKILL (9) where the run left no
    word of its end; 0 if nothing stopped it.
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

    @property
    def process_code(self) -> int:
        """What the process told its caller: a signal's code where it was stopped."""
        return 128 + self.signal if self.signal else self.exit_code
