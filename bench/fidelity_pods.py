"""What the delays of a trial have to be held against: the pods' own waiting times, and when a pod stopped answering."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_NS: Final = 1_000_000_000
#: What nginx notes where it got no answer from an upstream.
_NO_ANSWER: Final = frozenset({"502", "504"})


@dataclass(frozen=True, slots=True)
class PodPlan:
    """What the manifest of an application makes its pods wait for.

    Attributes:
        probe_delay: Seconds that its readiness probe waits; None if it has no such probe, or more than one container.
        hook: Seconds of its preStop sleep; 0 without a hook; None if it is another hook, whose length is not known.
    """

    probe_delay: float | None
    hook: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """The ingress controller got no answer from a pod.

    Attributes:
        at: Nanoseconds of CLOCK_MONOTONIC, exact to a millisecond.
        address: The pod's.
    """

    at: int
    address: str


def read_plans(manifest: Path) -> dict[str, PodPlan]:
    """Of each application of a configuration, by the label ``app``; empty if there is no such file."""
    if not manifest.exists():
        return {}
    documents = [each for each in yaml.safe_load_all(manifest.read_text(encoding="utf-8")) if each]
    templates = [each["spec"]["template"] for each in documents if each["kind"] == "Deployment"]
    return {str(each["metadata"].get("labels", {}).get("app", "")): plan_of(each["spec"]) for each in templates}


def plan_of(spec: Mapping[str, Any]) -> PodPlan:
    """From a pod's spec."""
    containers = spec["containers"]
    if len(containers) != 1:
        return PodPlan(None, None)
    probe = containers[0].get("readinessProbe")
    hook = (containers[0].get("lifecycle") or {}).get("preStop")
    seconds = 0.0 if not hook else float(hook["sleep"]["seconds"]) if hook.get("sleep") else None
    return PodPlan(float(probe.get("initialDelaySeconds") or 0) if probe is not None else None, seconds)


def read_failures(trial: Path) -> list[Failure]:
    """From a trial's access log; empty if there is none, or no clock to hold it against."""
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
