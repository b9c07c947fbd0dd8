"""The plan file of a traffic process, written before it starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.kit.files import write_text
from harness.model.experiment import TrafficPlan
from harness.store.records import from_json, to_json

#: Environment variable with the plan file's path; absent when a locustfile is run by plain ``locust``.
VARIABLE = "HARNESS_TRAFFIC_PLAN"


#: The file with the plan, in the plan's directory.
PLAN = "plan.json"
#: The event log of a traffic process that works alone, or leads others.
JOURNAL = "traffic.jsonl"


def journal_of(worker: int) -> str:
    """Return the file name of the event log of one of several workers."""
    return f"traffic-{worker}.jsonl"


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    """The processes that share a schedule. A Locust master leads them and sends nothing itself.

    Attributes:
        local: Workers that the master starts on this machine.
        remote: Workers that are expected to join, from this machine or others.
        bind: Address and port at which the master listens; port 0 is any free one.
        last: True if this is the last trial; otherwise workers that have joined join the next one too.
    """

    local: int = 1
    remote: int = 0
    bind: tuple[str, int] = ("127.0.0.1", 0)
    last: bool = True

    @property
    def size(self) -> int:
        """Return the number of workers."""
        return self.local + self.remote


@dataclass(frozen=True, slots=True)
class TrafficChildPlan:
    """The work of one traffic process.

    Attributes:
        traffic: The traffic.
        answers: Route key -> all right answers, those of the change included. An empty tuple accepts any answer.
        directory: The folder of its files.
        worker: Its number, counted from 0.
        workers: The number of workers that share the schedule.
        crew: The workers, for the process that leads them; None for one that sends.
        journal: File name of its event log.
        calibration: Address of the faulty server; None skips the calibration, and no verdict can rest on the result.
        token: The prefix of the ids of its attempts; random if empty.
        traced: Each request carries a ``traceparent`` that follows from its id.
        segment_seconds: Seconds after which its ledger continues in another file; 0 for one file.
    """

    traffic: TrafficPlan
    answers: Mapping[str, tuple[str, ...]]
    directory: Path
    worker: int = 0
    workers: int = 1
    crew: WorkerGroup | None = None
    journal: str = JOURNAL
    calibration: tuple[str, int] | None = None
    token: str = ""
    traced: bool = False
    segment_seconds: float = 0.0


def write_plan(plan: TrafficChildPlan) -> Path:
    """Write the plan into its directory; return the path."""
    path = plan.directory / PLAN
    write_text(path, json.dumps(to_json(plan), indent=2, sort_keys=True) + "\n")
    return path


def read_plan(path: Path) -> TrafficChildPlan:
    """Read what ``write_plan`` wrote.

    Raises:
        EvidenceError: The file holds no plan.
    """
    return from_json(TrafficChildPlan, json.loads(path.read_text()))
