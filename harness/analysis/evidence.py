"""Records of a trial's evidence as input of the judge: everything that was recorded, and nothing else.

The reader of a run directory builds these records; judging never opens a file. Times in the arrays are nanoseconds from
``origin_ns``. Times of events are CLOCK_MONOTONIC, as on disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.analysis.accounts.records import OtherAccounts
from harness.analysis.bulk import Bulk
from harness.model.attempt import Outcome
from harness.model.changes import ChangeSpec
from harness.model.experiment import Assumption, Manifest, TrafficPlan
from harness.model.failed import TracedReceipt
from harness.model.timeline import Event

#: A structured array with the field names of a ledger's records.
Rows = np.ndarray[tuple[int], np.dtype[np.void]]


@dataclass(frozen=True, slots=True)
class CalibrationCase:
    """One known fault, and how the detector classified it.

    Attributes:
        name: Name of the fault.
        expected: Expected outcome label.
        planned: Number of requests into this fault.
        found: Number of these requests by the outcome label in the ledger.
    """

    name: str
    expected: str
    planned: int
    found: Mapping[str, int]

    @property
    def is_exact(self) -> bool:
        """Return True if there were requests, and all have the expected outcome."""
        return self.planned > 0 and {label: n for label, n in self.found.items() if n} == {self.expected: self.planned}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration of the detector: known faults, their outcomes, and the counts of the faulty server itself.

    Attributes:
        cases: Every known fault.
        served: ``(requests sent, requests received by the server)`` by name.
        duplicates: Requests that the server received more than once: a client that re-sends hides losses.
        faults: Failures of the harness itself, as text.
    """

    cases: tuple[CalibrationCase, ...]
    served: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    duplicates: int = 0
    faults: tuple[str, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Calibration]) -> Calibration:
        """Combine the calibrations of several workers, each of which met every fault."""
        if len(parts) == 1:
            return parts[0]
        expected = {case.name: case.expected for part in parts for case in part.cases}
        # A fault that a worker never met counts as not detected.
        met = [{case.name: case for case in part.cases} for part in parts]
        cases = [
            [mine.get(name, CalibrationCase(name, label, 0, {})) for mine in met] for name, label in expected.items()
        ]
        served = {
            name: counts
            for name in dict.fromkeys(name for part in parts for name in part.served)
            for name, counts in _added_counts(name, [part.served.get(name, (0, 0)) for part in parts])
        }
        return cls(
            cases=tuple(one for same in cases for one in _added(same)),
            served=served if all(part.served for part in parts) else {},
            duplicates=sum(part.duplicates for part in parts),
            faults=tuple(fault for part in parts for fault in part.faults),
        )

    @classmethod
    def of(cls, record: Mapping[str, Any], rows: Rows) -> Calibration:
        """Read the content of ``calibration-<worker>.json`` and the rows of the calibration's ledger.

        Raises:
            KeyError: The record lacks a part.
        """
        cases = tuple(
            CalibrationCase(str(case["name"]), str(case["expected"]), int(case["count"]), _found(rows, case["route"]))
            for case in record["faults"]
        )
        served = record["served"]
        counts = {str(one["name"]): (int(one["count"]), int(one["served"])) for one in served["requests"]}
        return cls(cases, counts, int(served["duplicates"]), tuple(map(str, record.get("client_faults", ()))))


def _added(cases: Sequence[CalibrationCase]) -> tuple[CalibrationCase, ...]:
    """Combine one fault's cases of several workers: one sum if all are exact, else each case by itself.

    Sums alone could be right although two errors cancel out.
    """
    if len(cases) == 1 or not all(case.is_exact and case.expected == cases[0].expected for case in cases):
        return tuple(replace(case, name=f"{case.name} (worker {n})") for n, case in enumerate(cases))
    planned = sum(case.planned for case in cases)
    return (replace(cases[0], planned=planned, found={cases[0].expected: planned}),)


def _added_counts(name: str, counts: Sequence[tuple[int, int]]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Combine the servers' counts ``(sent, served)`` in the same way."""
    if all(sent == served for sent, served in counts):
        yield name, (sum(sent for sent, _ in counts), sum(served for _, served in counts))
        return
    for number, pair in enumerate(counts):
        yield f"{name} (worker {number})", pair


def _found(rows: Rows, route: int) -> dict[str, int]:
    codes = Counter(rows["outcome"][rows["route"] == route].tolist())
    return {label_of(code): n for code, n in sorted(codes.items())}


def label_of(code: int) -> str:
    """Return an outcome's label; ``unknown-77`` for a code that does not exist."""
    return Outcome(code).label if code in set(Outcome) else f"unknown-{code}"


@dataclass(frozen=True, slots=True)
class Tries:
    """The tries of one request by the ingress controller, from its access log.

    Attributes:
        addresses: The server of each try as ``ip:port``; empty if no server was tried.
        statuses: The status of each try as text; ``-`` if the server gave none.
        status: Status with which the controller answered the client.
        backend: Name of the controller's backend; empty if no rule matched.
        was_connected: True if the last try had a connection.
    """

    addresses: tuple[str, ...]
    statuses: tuple[str, ...]
    status: int
    backend: str = ""
    was_connected: bool = False


@dataclass(frozen=True, slots=True)
class PathRecords:
    """Records of the way of lost requests, from the logs of those between client and pod.

    Attributes:
        entry: Service to which traffic goes directly; empty if it goes through an ingress controller.
        controller: Name of the ingress controller; empty if unknown.
        tries: Tries of lost requests by ``(worker, number)`` of the attempt; requests that the log lacks are left out.
        is_logged: True if there is an access log.
        peers: Address of the backend of a lost request's connection, by the connection's number.
        programmed: Times at which kube-proxy programmed a Service, as events of that Service.
        receipts: Receipts of lost requests by ``(worker, number)`` of the attempt, in order of time.
    """

    entry: str = ""
    controller: str = ""
    tries: Mapping[tuple[int, int], Tries] = field(default_factory=dict)
    is_logged: bool = False
    peers: Mapping[int, str] = field(default_factory=dict)
    programmed: tuple[Event, ...] = ()
    receipts: Mapping[tuple[int, int], tuple[TracedReceipt, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvidence:
    """The evidence of one trial.

    Attributes:
        number: Counted from 1.
        directory: Directory of its files, relative to the run directory.
        change: The change under test.
        traffic: The traffic as planned.
        attempts: Written rows of the ledger (``harness.store.ledger_format.ATTEMPT``), in any order.
        connections: Written rows of the connections' ledger (``CONNECTION``).
        origin_ns: CLOCK_MONOTONIC at the traffic's start; 0 if it never began or the time is unknown.
        stopped_ns: CLOCK_MONOTONIC at the schedule's end; None if unknown.
        timeline: Events of the trial.
        manifests: The workload's objects, as applied.
        tokens: Beginning of the ids of each worker's attempts on the wire, by worker.
        responders: Beginning of the answer's body, by its number in the ledger.
        calibration: The detector's calibration; None if there is none.
        workers: Number of processes that shared the schedule.
        clock_errors: Possible error of a worker's times in seconds, for workers on other machines.
        faults: Failures of the traffic process itself, as text (``fault`` events of ``traffic.jsonl``).
        open_ended: Right answers without a length, of which nobody can say whether they were whole.
        failure: Reason why the trial failed; empty if it did not.
        differences: Files that differ from their seals.
        stopped: True if the run was stopped before or during the trial.
        going_on: True if it had not ended when its records were read; they are those whose outcome was known.
        assumed: Fields that the cluster does not implement and that the run assumes to have no effect.
        others: The accounts of the proxy and the pods; None if nobody but the client recorded requests.
        paths: Records of the way of lost requests.
        bulk: Right answers that are not among the attempts, since the ledger is large; None if all are there.
    """

    number: int
    directory: str
    change: ChangeSpec
    traffic: TrafficPlan
    attempts: Rows
    connections: Rows
    origin_ns: int
    stopped_ns: int | None
    timeline: tuple[Event, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    tokens: Mapping[int, str] = field(default_factory=dict)
    responders: Mapping[int, str] = field(default_factory=dict)
    calibration: Calibration | None = None
    workers: int = 1
    clock_errors: Mapping[int, float] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    open_ended: int = 0
    failure: str = ""
    differences: tuple[str, ...] = ()
    stopped: bool = False
    going_on: bool = False
    assumed: tuple[Assumption, ...] = ()
    others: OtherAccounts | None = None
    paths: PathRecords = field(default_factory=PathRecords)
    bulk: Bulk | None = None

    @property
    def release(self) -> ChangeSpec:
        """Return the part of the change that decides which version answers; the change if no part does."""
        return next((part for part in self.change.parts if part.version_routes), self.change)

    def attempt_id(self, worker: int, number: int) -> str:
        """Return the id of an attempt on the wire."""
        return f"{self.tokens.get(worker, '')}-{worker}-{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """Facts about the run as a whole for the report; none of them changes a verdict.

    Attributes:
        name: The Experiment's name.
        description: The Experiment's description.
        command: Command line of the run.
        started: Start of the run, ISO 8601.
        seconds: Duration of the run.
        environment: Facts about machine, versions and cluster, by name.
        trials: Planned number of trials per cell.
        signal: Number of the signal that stopped it, as in ``RunVerdict``.
    """

    name: str
    command: str
    started: str
    seconds: float
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    trials: int = 1
    signal: int = 0
