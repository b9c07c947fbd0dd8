"""A migration in records: the same cells behind two ingress controllers, and what differed between them.

Differences carry codes and numbers; ``harness.report.migration_text`` makes sentences of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.verdict import Verdict


class Outcome(StrEnum):
    """What a cell says of the migration."""

    #: Neither side loses.
    LOSSLESS = "lossless"
    #: The target loses, the source did not: the gate is closed.
    TARGET_LOSES = "target-loses"
    #: Both lose: the migration is not the cause.
    BOTH_LOSE = "both-lose"
    #: The source loses, the target does not.
    SOURCE_LOSES = "source-loses"
    #: One side has no answer, so the two can't be held against each other.
    UNKNOWN = "unknown"


class DifferenceCode(StrEnum):
    """What differs, or would."""

    #: An annotation of the workload that the target does not read.
    ANNOTATION = "annotation"
    #: A route that one side never served, so that no traffic could begin.
    UNSERVED = "unserved"
    #: A route that answers otherwise although nothing was changed.
    ROUTING = "routing"
    #: One side's controller learned of new endpoints so late that requests went to pods that were gone.
    SYNC_LATE = "sync-late"
    #: One side tried requests again that the other side's clients saw fail.
    RETRIES = "retries"
    #: One side's controller cut connections by a reload.
    RELOAD = "reload"
    #: One side's controller gave up waiting, the other side's or the client waited on.
    TIMEOUTS = "timeouts"
    #: Requests were answered by another application while a Service was empty.
    FELL_THROUGH = "fell-through"
    #: Requests were lost in another way, or with other statuses.
    CLASSES = "classes"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs, with its numbers (flat: JSON values only).

    Attributes:
        code: What it is.
        numbers: Figures and names.
        side: ``source`` or ``target``: whose requests it costs; empty where nobody's.
    """

    code: DifferenceCode
    numbers: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    side: str = ""


@dataclass(frozen=True, slots=True)
class CellSide:
    """A cell behind one of the controllers, all its trials together.

    Attributes:
        verdict: The worst of its trials.
        stopped: ``not run`` or ``cut short`` where the run was stopped.
        findings: Codes of its findings, without mere notes.
        sent: Requests.
        lost: Requests.
        cut: Kept-alive connections that the peer ended after the change began.
        p50: Milliseconds from sending to the answer, of the middle trial.
        p99: Milliseconds, of the worst trial.
        classes: Lost requests by class.
        statuses: Statuses of the lost, ``502 x 31``; as the findings have it.
        routes: By ``METHOD route``, how the lost requests of it were lost.
        retried: Requests that the controller tried more than once, as its access log tells.
        tries_logged: Whether there is an access log that tells.
        sync_s: The longest time from a change of ready endpoints to the controller's having taken it over, seconds; -1
            where none was seen.
        reloads: Reloads of the controller since the change began.
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
    """A cell behind both controllers.

    Attributes:
        configuration: Of the matrix.
        change: Its name.
        change_kind: Its kind.
        outcome: What it says of the migration.
        source: Behind the source.
        target: Behind the target.
        differences: What made attempts differ.
        prestop_s: Shortest sleep of a preStop hook in the workload, seconds; -1 without one.
        replicas: Smallest number of replicas in the workload.
    """

    configuration: str
    change: str
    change_kind: str
    outcome: Outcome
    source: CellSide
    target: CellSide
    differences: tuple[Difference, ...]
    prestop_s: float = -1.0
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Migration:
    """The answer of ``harness migrate``.

    Attributes:
        name: The Experiment's.
        source: Controller that is left.
        target: Controller that is gone to.
        exit_code: 1 where the target loses and the source did not, 3 where that is unknown, 4 for a failure of ours.
        pairs: Cell by cell, in the Experiment's order.
        settings: What differs by the workload's annotations, whether or not it cost a request.
        directories: Of the two runs, below the migration's own: source, target.
        environment: Cluster and versions of both sides, ``source ...`` and ``target ...``.
        command: The command line.
        started: ISO 8601, UTC.
        seconds: Both runs together.
        signal: The signal that stopped it; 0 if none did.
    """

    name: str
    source: str
    target: str
    exit_code: int
    pairs: tuple[CellPair, ...]
    settings: tuple[Difference, ...]
    directories: tuple[str, str]
    environment: Mapping[str, str]
    command: str
    started: str
    seconds: float
    signal: int = 0

    @property
    def process_code(self) -> int:
        """What the process tells its caller: a signal's code where it was stopped."""
        return 128 + self.signal if self.signal else self.exit_code

    def having(self, outcome: Outcome) -> tuple[CellPair, ...]:
        """The cells with an outcome."""
        return tuple(pair for pair in self.pairs if pair.outcome is outcome)
