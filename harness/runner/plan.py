"""What a run was asked to do, as it is sealed before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model.experiment import Experiment


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The content of ``run.json``.

    Attributes:
        experiment: All of it, with the manifests of every configuration.
        cluster: Kind of cluster.
        profile: Delay profile of local clusters.
        command: The command line that began the run.
        started: ISO 8601, UTC.
        environment: Machine, system and versions.
    """

    experiment: Experiment
    cluster: str
    profile: str
    command: str
    started: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The content of ``end.json``: what is known only when the trials are over.

    Attributes:
        seconds: How long they took.
        interrupted: Whether the run was stopped before its end.
        signal: The signal that stopped it; 0 if none did.
        bugs: Tracebacks of trials in which the harness itself failed.
        facts: What the clusters say of themselves, of the first trial that had one.
    """

    seconds: float
    interrupted: bool = False
    signal: int = 0
    bugs: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
