"""The JSON objects that commands print with ``--json``, one record for each; their schemas are made of these records.

``harness schema NAME`` prints a schema. A field may be added in a version; a field that goes or changes its meaning
needs a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.causes.request_trace import RequestTrace
from harness.model.accounts import UncertainCount
from harness.model.comparison import RunComparison
from harness.model.confirmation import Confirmation
from harness.model.history import CellTrend
from harness.model.migration import Migration
from harness.model.proof import RemedyComparison

#: ``Format.version`` of all objects.
Version = Literal[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOutput:
    """A cell of a run.

    Attributes:
        configuration: Name of its configuration.
        change: Name of its change.
        verdict: Its verdict.
        expected: The verdict that the Experiment expects.
        as_expected: True if the verdict is the expected one.
        sent: Requests sent, over all trials.
        lost: Requests lost, over all trials.
        connections_cut: Idle connections that the peer ended, over all trials.
        hidden: Requests that the ingress saved by another try, over all trials.
        twice: Requests that pods executed more than once, over all trials.
        findings: Codes of its findings, each once.
    """

    configuration: str
    change: str
    verdict: Literal["lossless", "lossy", "inconclusive"]
    expected: str
    as_expected: bool
    sent: int
    lost: int
    connections_cut: int
    hidden: UncertainCount
    twice: UncertainCount
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutput:
    """A summary of the verdict of a run; ``verdict.json`` has everything.

    Attributes:
        version: Version of this format.
        name: Name of the Experiment.
        exit_code: Exit code of the process.
        directory: The run directory.
        cells: The cells in the order of the Experiment.
        confirmation: The repetition of unexpected losses; null without ``--confirm``.
    """

    version: Version = 1
    name: str
    exit_code: int
    directory: str
    cells: tuple[CellOutput, ...]
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyOutput:
    """Latency of answered requests in milliseconds; null if none was answered.

    Attributes:
        p50: Median.
        p99: 99th percentile.
        max: Longest.
    """

    p50: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageOutput:
    """An outage of a watch.

    Attributes:
        start: Wall clock, UTC, ISO 8601 with microseconds; empty if unknown.
        start_s: Seconds from the beginning of traffic.
        seconds: Its length.
        lost: Requests lost in it.
        sent: Requests sent in it.
        over: True if a request was answered after it.
        classes: Lost requests by class.
        origin: Scheme, host and port.
    """

    start: str
    start_s: float
    seconds: float
    lost: int
    sent: int
    over: bool
    classes: Mapping[str, int]
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOutput:
    """The account and the outages of a watch; ``docs/reference/watch.md`` defines both.

    Attributes:
        version: Version of this format.
        verdict: The worst verdict of its origins.
        final: False if the watch was still going on (``harness analyze --so-far``); then it is never ``lossless``.
        sealed: Requests in sealed segments of a watch that is going on; null if it has ended.
        planned: Requests planned.
        missed_slots: Planned requests that could not be sent in time.
        abandoned: Planned requests without a record.
        client_faults: Failures of the sender's own machine.
        sent: Requests sent.
        ok: Requests with the right answer.
        counted: Those of them that were counted and not kept (``--keep-ok``).
        unfinished: Requests without a known end.
        lost: Lost requests by class.
        lost_total: All lost requests.
        rate: Requests sent per second.
        latency_ms: From the planned time.
        latency_sent_ms: From the time at which they were sent.
        outages: In their order; the longest ones if there are very many.
        outages_total: The number of outages.
        seconds: Length of the traffic.
        interrupted: True if a signal ended it.
        findings: Codes of the findings, each once.
        exit_code: Exit code of the verdict.
        directory: The run directory.
    """

    version: Version = 1
    verdict: Literal["lossless", "lossy", "inconclusive"]
    final: bool
    sealed: int | None
    planned: int
    missed_slots: int
    abandoned: int
    client_faults: int
    sent: int
    ok: int
    counted: int
    unfinished: int
    lost: Mapping[str, int]
    lost_total: int
    rate: float
    latency_ms: LatencyOutput
    latency_sent_ms: LatencyOutput
    outages: tuple[OutageOutput, ...]
    outages_total: int
    seconds: float
    interrupted: bool
    findings: tuple[str, ...]
    exit_code: int
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChangeOutput:
    """A change that was made by hand in a session, or several that overlapped, and its cost.

    Attributes:
        number: Number of the change, from 1.
        changes: Each change in words.
        begin_s: Time of the first of them, in seconds from the beginning of traffic.
        end_s: End of the measured time; null if the change had not settled when the session ended.
        verdict: Verdict over the measured time; null if the change had not settled.
        doubts: Reasons for an inconclusive verdict: ``unplanned``, ``paused`` or ``blind``.
        sent: Requests sent in the measured time.
        ok: Requests with the right answer.
        lost: Lost requests by class; a wrong status is part of the class.
        lost_total: All lost requests.
        unknown: Requests without a known outcome.
        cut: Kept-alive connections that the other side cut.
        unfinished_rollout: Deployment whose rollout had not ended; empty for none.
        cause: Sentence about the cause of the losses; empty if it is unknown.
        remedy: Sentence about the remedy; empty if it is unknown.
    """

    number: int
    changes: tuple[str, ...]
    begin_s: float
    end_s: float | None
    verdict: Literal["lossless", "lossy", "inconclusive"] | None
    doubts: tuple[str, ...]
    sent: int
    ok: int
    lost: Mapping[str, int]
    lost_total: int
    unknown: int
    cut: int
    unfinished_rollout: str
    cause: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOutput:
    """The changes of a session, and the account of its traffic.

    Attributes:
        directory: The run directory.
        changes: Each change that was seen, in their order.
        watch: The account of all requests, as ``harness analyze DIR --json`` prints it.
    """

    directory: str
    changes: tuple[SessionChangeOutput, ...]
    watch: WatchOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayOutput(SessionOutput):
    """The result of ``harness play``.

    Attributes:
        version: Version of this format.
        exit_code: Exit code of the process. Losses do not change it: they are what a session is for.
    """

    version: Version = 1
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResultOutput:
    """The result of a finished step of an exercise.

    Attributes:
        prediction: Number of the predicted choice, from 1; 0 for none.
        outcome: Measured outcome; ``error`` for a command that was refused, as the step expects.
        lost: Lost requests.
        sent: Requests sent in the measured time.
        cut: Connections that the other side cut.
        seconds: Seconds from the first to the last loss.
        classes: Losses by class, as text.
        measured: Length of the measured time in seconds.
        answers: Answers of the measured time with their numbers, as text.
        along: Changes by other commands that were measured with it, as text.
        switches: Number of times that a session got another version than just before.
        sessions: Number of sessions that keep their cookie.
        report: Directory of the report.
    """

    prediction: int
    outcome: Literal["lossless", "lossy", "inconclusive", "error"]
    lost: int
    sent: int
    cut: int
    seconds: float
    classes: str
    measured: float
    answers: str
    along: str
    switches: int
    sessions: int
    report: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseStepOutput:
    """A step of an exercise.

    Attributes:
        number: Number of the step, from 1.
        id: Its name.
        title: Its title, in the language of the exercise.
        right: Number of the right choice; null until the step is finished.
        result: The participant's result; null if the step is not finished.
    """

    number: int
    id: str
    title: str
    right: int | None
    result: StepResultOutput | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseOutput:
    """The steps of an exercise with the participant's results.

    Attributes:
        version: Version of this format.
        exercise: Number of the exercise.
        exit_code: Exit code of the process.
        steps: Each step.
        session: The session; null with ``--list``, which starts none.
    """

    version: Version = 1
    exercise: int
    exit_code: int
    steps: tuple[ExerciseStepOutput, ...]
    session: SessionOutput | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateOutput(Migration):
    """The comparison of two ingress controllers.

    Attributes:
        version: Version of this format.
        directory: The directory of the migration.
    """

    version: Version = 1
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOutput(RunComparison):
    """The comparison of two runs.

    Attributes:
        version: Version of this format.
        directory: The directory of the comparison.
        exit_code: Exit code of the process.
    """

    version: Version = 1
    directory: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationOutput:
    """A message about a line of a file.

    Attributes:
        file: The file, as the user named it.
        line: The line, from 1.
        status: The result of the cell.
        title: A few words.
        message: The result.
    """

    file: str
    line: int
    status: Literal["passed", "failed", "unknown"]
    title: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationsOutput:
    """The cells of a run that are not as expected, at the lines that they are about.

    Attributes:
        version: Version of this format.
        annotations: One for each cell.
    """

    version: Version = 1
    annotations: tuple[AnnotationOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAddedOutput:
    """The runs that were added to a history.

    Attributes:
        version: Version of this format.
        history: The history's file.
        added: Run directory -> number of cells; 0 for a run that was part of the history already.
    """

    version: Version = 1
    history: str
    added: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOutput:
    """The trends of a history.

    Attributes:
        version: Version of this format.
        cells: The trend of each cell.
    """

    version: Version = 1
    cells: tuple[CellTrend, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainOutput:
    """The traces of requests.

    Attributes:
        version: Version of this format.
        traces: One for each request.
    """

    version: Version = 1
    traces: tuple[RequestTrace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveOutput:
    """The result of a proof.

    Attributes:
        version: Version of this format.
        directory: The run directory of the proof.
        exit_code: Exit code of the process.
        cells: The cells with a remedy.
        unproven: Ids of the lossy cells for which no field helps.
    """

    version: Version = 1
    directory: str
    exit_code: int
    cells: tuple[RemedyComparison, ...]
    unproven: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOutput:
    """A kind of fault in a calibration.

    Attributes:
        fault: Its name.
        expected: The outcome that must be reported.
        done: Requests that met it.
        reported: Reported requests by outcome.
        exact: True if all were reported as expected.
    """

    fault: str
    expected: str
    done: int
    reported: Mapping[str, int]
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedOutput:
    """Requests for one fault, as both sides counted them.

    Attributes:
        sent: Requests that the ledger has.
        served: Requests that the server got.
    """

    sent: int
    served: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateOutput:
    """The result of a calibration.

    Attributes:
        version: Version of this format.
        exact: True if every fault was reported exactly.
        faults: Each kind of fault.
        served: Requests of each fault on both sides.
        duplicates: Requests that the server got twice.
        client_faults: Failures of this machine, in words.
        wrong: Sentences about what is not exact.
    """

    version: Version = 1
    exact: bool
    faults: tuple[FaultOutput, ...]
    served: Mapping[str, ServedOutput]
    duplicates: int
    client_faults: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFaultOutput:
    """A fault that a calibration can cause.

    Attributes:
        fault: Its name.
        expected: The outcome that must be reported.
        description: What the server does; may be empty.
    """

    fault: str
    expected: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultsOutput:
    """The faults that a calibration can cause.

    Attributes:
        version: Version of this format.
        faults: Each of them.
    """

    version: Version = 1
    faults: tuple[KnownFaultOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutput:
    """A fact about this machine.

    Attributes:
        what: Name of the tool or resource.
        state: ``lacks`` stops the local cluster; ``optional`` is needed for other things only.
        found: Version, number or path that was found.
        hint: Way to get what is missing; may be empty.
    """

    what: str
    state: Literal["ok", "optional", "lacks"]
    found: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOutput:
    """The checks of this machine.

    Attributes:
        version: Version of this format.
        exit_code: 0 if the local cluster can run, else 4.
        checks: Each check.
    """

    version: Version = 1
    exit_code: int
    checks: tuple[CheckOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneOutput:
    """An object whose change was undone, or could not be.

    Attributes:
        object: The object.
        outcome: The result.
        text: Fields that were left with their values, or the error; may be empty.
        earlier: True if an earlier undo had this result.
    """

    object: str
    outcome: Literal["undone", "not-needed", "left", "gone", "failed"]
    text: str
    earlier: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOutput:
    """The result of an undo.

    Attributes:
        version: Version of this format.
        exit_code: 0, 3 if an object was changed by somebody else or is gone, 4 if one could not be undone.
        directory: The run directory.
        made: True if the run made a change that can be undone.
        objects: Each object.
    """

    version: Version = 1
    exit_code: int
    directory: str
    made: bool
    objects: tuple[UndoneOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesOutput:
    """Files that a command has written (``examples``, ``init``, ``report``).

    Attributes:
        version: Version of this format.
        directory: The folder of the files.
        files: Their paths.
        notices: Sentences about what was left out; may be empty.
    """

    version: Version = 1
    directory: str
    files: tuple[str, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOutput:
    """A cluster that stays up.

    Attributes:
        name: Its name.
        cluster: Kind of cluster.
        state: Its state in a word: ``up`` or another one.
        url: URL of its ingress; empty if it has none.
        kubeconfig: Path of its kubeconfig.
    """

    name: str
    cluster: str
    state: str
    url: str
    kubeconfig: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClustersOutput:
    """The clusters that stay up (``cluster status``), or the one that a command was about.

    Attributes:
        version: Version of this format.
        clusters: Each of them.
    """

    version: Version = 1
    clusters: tuple[ClusterOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOutput:
    """The work of a worker.

    Attributes:
        version: Version of this format.
        trials: Trials that it sent for.
    """

    version: Version = 1
    trials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutput:
    """An attempt: one line of ``harness export --json``. A value that does not exist is null.

    Attributes:
        part: Folder below the run directory.
        id: The attempt's ``X-Request-ID`` on the wire.
        slot: Its place in the schedule of all workers together.
        worker: The worker that sent it.
        number: The worker's own count.
        method: HTTP method.
        path: Route.
        connections: Kind of connection.
        outcome: ``ok``, the class of the loss, or another end.
        progress: The stage that it reached.
        status: HTTP status.
        responder: Beginning of the answer's body.
        errno: Name or number of the error.
        planned_ns: Planned time in nanoseconds from the origin.
        sent_ns: Time of sending.
        connected_ns: Time at which the connection could carry it.
        first_byte_ns: Time of the answer's first byte.
        done_ns: Time of its end.
        planned_unix_ns: Planned time in nanoseconds since the Unix epoch.
        connection: Number of its connection.
        carried: Requests that the connection had carried before.
        port: Port of the client.
        bytes_out: Bytes sent.
        bytes_in: Bytes received.
    """

    part: str
    id: str
    slot: int
    worker: int
    number: int
    method: str
    path: str
    connections: str
    outcome: str
    progress: str
    status: int | None
    responder: str | None
    errno: str | int | None
    planned_ns: int | None
    sent_ns: int | None
    connected_ns: int | None
    first_byte_ns: int | None
    done_ns: int | None
    planned_unix_ns: int | None
    connection: int | None
    carried: int
    port: int | None
    bytes_out: int
    bytes_in: int


#: The record of each schema, by its name. ``validate`` and ``experiment`` have schemas of their own.
OUTPUTS: Mapping[str, type] = {
    "run": RunOutput,
    "watch": WatchOutput,
    "play": PlayOutput,
    "exercise": ExerciseOutput,
    "migrate": MigrateOutput,
    "compare": CompareOutput,
    "explain": ExplainOutput,
    "prove": ProveOutput,
    "annotations": AnnotationsOutput,
    "history-added": HistoryAddedOutput,
    "history": HistoryOutput,
    "calibrate": CalibrateOutput,
    "faults": FaultsOutput,
    "doctor": DoctorOutput,
    "undo": UndoOutput,
    "files": FilesOutput,
    "clusters": ClustersOutput,
    "worker": WorkerOutput,
    "attempt": AttemptOutput,
}
