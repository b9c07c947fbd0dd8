"""What a traffic process is told: one file, written before it starts."""

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
#: The journal of a traffic process that works alone, or leads others.
JOURNAL = "traffic.jsonl"


@dataclass(frozen=True, slots=True)
class Crew:
    """Who shares the work where one process is not enough: a master of Locust's leads them, and sends nothing itself.

    Attributes:
        local: Workers that are started on this machine.
        remote: Workers that are expected to join, from this machine or others.
        bind: Address and port at which the master listens; port 0 is any that is free.
        last: Whether workers that have joined may go home afterwards; otherwise they join the next trial.
    """

    local: int = 1
    remote: int = 0
    bind: tuple[str, int] = ("127.0.0.1", 0)
    last: bool = True

    @property
    def size(self) -> int:
        """How many they are."""
        return self.local + self.remote


@dataclass(frozen=True, slots=True)
class TrafficChildPlan:
    """The work of one traffic process.

    Attributes:
        traffic: The traffic.
        answers: All right answers of each route, by its key, those that the change brings included; none accepts any.
        directory: Where its files go.
        worker: Its number, counted from 0.
        workers: How many share the schedule.
        crew: Who they are, for the process that leads them; None for one that sends.
        journal: Name of the file in which it tells of itself.
        calibration: Address of the faulty server; None sends without calibrating, which no verdict can rest on.
        token: What the ids of its attempts begin with; chosen at random where empty.
    """

    traffic: TrafficPlan
    answers: Mapping[str, tuple[str, ...]]
    directory: Path
    worker: int = 0
    workers: int = 1
    crew: Crew | None = None
    journal: str = JOURNAL
    calibration: tuple[str, int] | None = None
    token: str = ""


def write_plan(plan: TrafficChildPlan) -> Path:
    """Write the plan into its directory; returns the file."""
    path = plan.directory / PLAN
    write_text(path, json.dumps(to_json(plan), indent=2, sort_keys=True) + "\n")
    return path


def read_plan(path: Path) -> TrafficChildPlan:
    """The inverse of ``write_plan``.

    Raises:
        EvidenceError: The file holds no plan.
    """
    return from_json(TrafficChildPlan, json.loads(path.read_text()))
