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


@dataclass(frozen=True, slots=True)
class TrafficChildPlan:
    """The work of one traffic process.

    Attributes:
        traffic: The traffic.
        answers: All right answers of each path, those that the change brings included; none accepts any.
        directory: Where its files go.
        worker: Its number.
        calibration: Address of the faulty server; None sends without calibrating, which no verdict can rest on.
        token: What the ids of its attempts begin with; chosen at random where empty.
    """

    traffic: TrafficPlan
    answers: Mapping[str, tuple[str, ...]]
    directory: Path
    worker: int = 0
    calibration: tuple[str, int] | None = None
    token: str = ""


def write_plan(plan: TrafficChildPlan) -> Path:
    """Write the plan into its directory; returns the file."""
    path = plan.directory / f"plan-{plan.worker}.json"
    write_text(path, json.dumps(to_json(plan), indent=2, sort_keys=True) + "\n")
    return path


def read_plan(path: Path) -> TrafficChildPlan:
    """The inverse of ``write_plan``.

    Raises:
        EvidenceError: The file holds no plan.
    """
    return from_json(TrafficChildPlan, json.loads(path.read_text()))
