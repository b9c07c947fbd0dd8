"""Reads facts that the measurement of delays needs: waiting times of pods, and times when pods stopped answering."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_NS: Final = 1_000_000_000
#: Statuses that nginx logs if an upstream did not answer.
_NO_ANSWER: Final = frozenset({"502", "504"})


@dataclass(frozen=True, slots=True)
class PodPlan:
    """The waiting times in the manifest of an application.

    Attributes:
        probe_delay: Initial delay of its readiness probe in seconds; None without a probe or with several containers.
        hook: Length of its preStop sleep in seconds; 0 without a hook; None for another hook, whose length is unknown.
    """

    probe_delay: float | None
    hook: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A request of the ingress controller that a pod did not answer.

    Attributes:
        at: Nanoseconds of CLOCK_MONOTONIC, exact to a millisecond.
        address: Address of the pod.
    """

    at: int
    address: str


def read_plans(manifest: Path) -> dict[str, PodPlan]:
    """Return the waiting times of each application by its label ``app``; empty if there is no such file."""
    if not manifest.exists():
        return {}
    documents = [each for each in yaml.safe_load_all(manifest.read_text(encoding="utf-8")) if each]
    templates = [each["spec"]["template"] for each in documents if each["kind"] == "Deployment"]
    return {str(each["metadata"].get("labels", {}).get("app", "")): plan_of(each["spec"]) for each in templates}


def plan_of(spec: Mapping[str, Any]) -> PodPlan:
    """Return the waiting times in a pod's spec."""
    containers = spec["containers"]
    if len(containers) != 1:
        return PodPlan(None, None)
    probe = containers[0].get("readinessProbe")
    hook = (containers[0].get("lifecycle") or {}).get("preStop")
    seconds = 0.0 if not hook else float(hook["sleep"]["seconds"]) if hook.get("sleep") else None
    return PodPlan(float(probe.get("initialDelaySeconds") or 0) if probe is not None else None, seconds)


def read_failures(trial: Path) -> list[Failure]:
    """Return the failures in a trial's access log; empty if there is no log or no clock."""
    log, outcome = trial / "access.jsonl", trial / "outcome.json"
    if not log.exists() or not outcome.exists():
        return []
    clock = json.loads(outcome.read_text(encoding="utf-8"))["clock"]
    shift = clock["monotonic_anchor_ns"] - clock["wall_anchor_ns"]
    with log.open(encoding="utf-8") as lines:
        return sorted(_failures(map(json.loads, lines), shift), key=lambda failure: failure.at)


def _failures(entries: Any, shift: int) -> list[Failure]:
    found = []
    for entry in entries:
        statuses = str(entry.get("upstream_status", "")).split(", ")
        if _NO_ANSWER.isdisjoint(statuses):
            continue
        at = round(float(entry["time"]) * 1000) * (_NS // 1000) + shift
        for target, status in zip(str(entry["upstream_addr"]).split(", "), statuses, strict=False):
            if status in _NO_ANSWER:
                found.append(Failure(at, target.rpartition(":")[0]))
    return found
