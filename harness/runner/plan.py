"""What a run was asked to do, as it is sealed before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
