"""Records of a migration: the same cells with two ingress controllers, and their differences.

Differences have codes and numbers; ``harness.report.migration_text`` turns them into sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.verdict import Verdict


class MigrationOutcome(StrEnum):
    """A cell's result for the migration."""

    #: Neither side loses requests.
    LOSSLESS = "lossless"
    #: The target loses requests, the source does not: the migration must not proceed.
    TARGET_LOSES = "target-loses"
    #: Both lose requests: the migration is not the cause.
    BOTH_LOSE = "both-lose"
    #: The source loses requests, the target does not.
    SOURCE_LOSES = "source-loses"
    #: One side is inconclusive, so the two can't be compared.
    UNKNOWN = "unknown"


class DifferenceCode(StrEnum):
    """Code of a difference between the two sides."""

    #: The target does not read an annotation of the workload.
    ANNOTATION = "annotation"
    #: One side never served a route, so no traffic could begin.
    UNSERVED = "unserved"
    #: A route answers differently although nothing was changed.
    ROUTING = "routing"
    #: One side's controller learned of new endpoints so late that requests went to pods that were gone.
    SYNC_LATE = "sync-late"
    #: One side retried requests that failed for the other side's clients.
    RETRIES = "retries"
    #: One side's controller cut connections by a reload.
    RELOAD = "reload"
    #: One side's controller timed out; the other side's controller or the client waited longer.
    TIMEOUTS = "timeouts"
    #: Another application answered requests while a Service had no endpoints.
    FELL_THROUGH = "fell-through"
    #: Requests were lost with other classes or statuses.
    CLASSES = "classes"


@dataclass(frozen=True, slots=True)
class MigrationDifference:
    """A difference between the two sides, with its numbers (flat: JSON values only).

    Attributes:
        code: Its code.
        numbers: Figures and names.
        side: The side that loses requests by it, ``source`` or ``target``; empty if neither does.
    """

    code: DifferenceCode
    numbers: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    side: str = ""


@dataclass(frozen=True, slots=True)
class CellSide:
    """A cell with one of the controllers, summed over its trials.

    Attributes:
        verdict: The worst of its trials.
        stopped: ``not run`` or ``cut short`` if the run was stopped; else empty.
        findings: Codes of its findings, without notes.
        sent: Requests sent.
        lost: Requests lost.
        cut: Kept-alive connections that the peer closed after the change began.
        p50: Median latency from sending to the answer, milliseconds, of the median trial.
        p99: 99th percentile of the same, milliseconds, of the worst trial.
        classes: Lost requests by class.
        statuses: Statuses of the lost requests as in the findings: ``502 x 31``.
        routes: Text about the lost requests of each ``METHOD route``.
        retried: Requests that the controller tried more than once, by its access log.
        tries_logged: True if there is such an access log.
        sync_s: Longest time in seconds from a change of ready endpoints until the controller applied it; -1 if unknown.
        reloads: Number of the controller's reloads since the change began.
    """

    verdict: Verdict
    stopped: str
    findings: tuple[str, ...]
    sent: int
    lost: int
    cut: int
    p50: float
    p99: float
    classes: Mapping[str, int]
    statuses: str
    routes: Mapping[str, str]
    retried: int
    tries_logged: bool
    sync_s: float
    reloads: int


@dataclass(frozen=True, slots=True)
class CellPair:
    """A cell with both controllers.

    Attributes:
        configuration: Name of its configuration.
        change: Name of its change.
        change_kind: Kind of its change.
        outcome: Its result for the migration.
        source: The cell with the source controller.
        target: The cell with the target controller.
        differences: Reasons why the two sides differ.
        prestop_s: Shortest sleep of a preStop hook in the workload, seconds; -1 if there is none.
        replicas: Largest number of replicas of a Deployment of the workload.
    """

    configuration: str
    change: str
    change_kind: str
    outcome: MigrationOutcome
    source: CellSide
    target: CellSide
    differences: tuple[MigrationDifference, ...]
    prestop_s: float = -1.0
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Migration:
    """The result of ``harness migrate``.

    Attributes:
        name: Name of the Experiment.
        source: Controller from which the user migrates.
        target: Controller to which the user migrates.
        exit_code: 1 if the target loses requests and the source does not, 3 if unknown, 4 if the harness failed.
        pairs: Cells in the Experiment's order.
        settings: Differences by the workload's annotations, even if no request was lost by them.
        directories: Names of the source's and the target's run directory within the migration's.
        environment: Cluster and versions of both sides, ``source ...`` and ``target ...``.
        command: Command line of the migration.
        started: Start of the first run, ISO 8601, UTC.
        seconds: Duration of both runs.
        signal: Number of the signal that stopped it; 0 if none did.
    """

    name: str
    source: str
    target: str
    exit_code: int
    pairs: tuple[CellPair, ...]
    settings: tuple[MigrationDifference, ...]
    directories: tuple[str, str]
    environment: Mapping[str, str]
    command: str
    started: str
    seconds: float
    signal: int = 0

    @property
    def process_code(self) -> int:
        """Return the exit code of the process: 128 + signal if it was stopped."""
        return 128 + self.signal if self.signal else self.exit_code

    def having(self, outcome: MigrationOutcome) -> tuple[CellPair, ...]:
        """Return the cells with an outcome."""
        return tuple(pair for pair in self.pairs if pair.outcome is outcome)
