"""What is known of one trial, as the judge is given it: everything that was recorded, and nothing else.

Whoever reads a run directory builds these records; judging never opens a file. Times in the arrays are nanoseconds
from ``origin_ns``, those of events are CLOCK_MONOTONIC, as on disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.model.attempt import Outcome
from harness.model.changes import ChangeSpec
from harness.model.experiment import Assumption, Manifest, TrafficPlan
from harness.model.timeline import Event

#: A structured array with the field names of a ledger's records.
Rows = np.ndarray[tuple[int], np.dtype[np.void]]


@dataclass(frozen=True, slots=True)
class CalibrationCase:
    """One known fault, and what the detector made of it.

    Attributes:
        name: What it is called.
        expected: The outcome label that it must get.
        planned: How often it was met.
        found: Outcome label -> how often the ledger says so.
    """

    name: str
    expected: str
    planned: int
    found: Mapping[str, int]

    @property
    def is_exact(self) -> bool:
        """Every meeting has the expected outcome, and there were any."""
        return self.planned > 0 and {label: n for label, n in self.found.items() if n} == {self.expected: self.planned}


@dataclass(frozen=True, slots=True)
class Calibration:
    """The detector's proof: known faults in, what came out, and what the faulty server itself counted.

    Attributes:
        cases: Every known fault.
        served: Name -> (requests that were sent, requests that the server got).
        duplicates: Requests that the server got more than once: a client that re-sends hides losses.
        faults: What failed on our own side, in words.
    """

    cases: tuple[CalibrationCase, ...]
    served: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    duplicates: int = 0
    faults: tuple[str, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Calibration]) -> Calibration:
        """The proof of several workers, each of which met every fault by itself."""
        if len(parts) == 1:
            return parts[0]
        expected = {case.name: case.expected for part in parts for case in part.cases}
        # A fault that a worker never met is one that it did not find.
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
        """From the content of ``calibration-<worker>.json`` and the rows of the calibration's ledger.

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
    """One fault as several workers met it: added up where each is exact, each by itself where one is not.

    Sums alone could be right where two errors make up for each other.
    """
    if len(cases) == 1 or not all(case.is_exact and case.expected == cases[0].expected for case in cases):
        return tuple(replace(case, name=f"{case.name} (worker {n})") for n, case in enumerate(cases))
    planned = sum(case.planned for case in cases)
    return (replace(cases[0], planned=planned, found={cases[0].expected: planned}),)


def _added_counts(name: str, counts: Sequence[tuple[int, int]]) -> Iterator[tuple[str, tuple[int, int]]]:
    """The same for what servers counted: (sent, served)."""
    if all(sent == served for sent, served in counts):
        yield name, (sum(sent for sent, _ in counts), sum(served for _, served in counts))
        return
    for number, pair in enumerate(counts):
        yield f"{name} (worker {number})", pair


def _found(rows: Rows, route: int) -> dict[str, int]:
    codes = Counter(rows["outcome"][rows["route"] == route].tolist())
    return {label_of(code): n for code, n in sorted(codes.items())}


def label_of(code: int) -> str:
    """An outcome's label; ``unknown-77`` for a code that nobody has given."""
    return Outcome(code).label if code in set(Outcome) else f"unknown-{code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvidence:
    """One trial.

    Attributes:
        number: Counted from 1.
        directory: Where its files are, relative to the run directory.
        change: What was to be changed.
        traffic: What was to be sent.
        attempts: Written rows of the ledger (``harness.store.ledger_format.ATTEMPT``), in any order.
        connections: Written rows of the connections' ledger (``CONNECTION``).
        origin_ns: CLOCK_MONOTONIC of the traffic's origin; 0 if it never began, or nobody knows when.
        stopped_ns: CLOCK_MONOTONIC at which planning stopped; ``None`` if nobody knows.
        timeline: What happened.
        manifests: The workload's objects, as applied.
        responders: Number in the ledger -> the beginning of the answer's body.
        calibration: The detector's proof; ``None`` if there is none.
        workers: How many processes shared the schedule.
        clock_errors: Worker -> seconds by which its times may be wrong; only those on other machines are in it.
        faults: What failed in the traffic process itself, in words (``fault`` events of ``traffic.jsonl``).
        failure: How the trial failed; empty if it did not.
        differences: Files that are not as they were sealed.
        stopped: Whether the run was stopped before the trial was over, or before it began.
        assumed: Fields that the cluster does not carry out and that the run assumes to have no effect.
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
    responders: Mapping[int, str] = field(default_factory=dict)
    calibration: Calibration | None = None
    workers: int = 1
    clock_errors: Mapping[int, float] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    failure: str = ""
    differences: tuple[str, ...] = ()
    stopped: bool = False
    assumed: tuple[Assumption, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a report says of the run as a whole; nothing of it changes a verdict.

    Attributes:
        name: The Experiment's name.
        description: The Experiment's own words.
        command: The command line that began the run.
        started: ISO 8601.
        seconds: How long it took.
        environment: What -> value: machine, versions, what the cluster says of itself.
        trials: How many trials each cell was to have.
        signal: The signal that stopped it, as in ``RunVerdict``.
    """

    name: str
    command: str
    started: str
    seconds: float
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    trials: int = 1
    signal: int = 0
