"""What a run was asked to do, as it is sealed before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model.experiment import Experiment


@dataclass(frozen=True, slots=True)
class InPlacePlan:
    """Which application that was running already is changed: all that `harness undo` needs beside the journals.

    Attributes:
        target: The object that is changed: ``Deployment/apple``.
        namespace: Its namespace.
        context: Context of the kubeconfig.
        kubeconfig: The file, or several as in ``$KUBECONFIG``; absolute.
        cluster: The cluster's name there.
        server: Its API server's URL.
        watched: The objects that others must leave alone meanwhile.
        notes: Who else manages them, as found at the start.
    """

    target: str
    namespace: str
    context: str
    kubeconfig: str
    cluster: str
    server: str
    watched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


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
        in_place: What is changed in place; None where every trial deploys the workload itself.
    """

    experiment: Experiment
    cluster: str
    profile: str
    command: str
    started: str
    environment: Mapping[str, str]
    in_place: InPlacePlan | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The content of ``end.json``: what is known only when the trials are over.

    Attributes:
        seconds: How long they took.
        interrupted: Whether the run was stopped before its end.
        signal: The signal that stopped it; 0 if none did.
        bugs: Tracebacks of trials in which the harness itself failed.
        facts: What the clusters say of themselves, of the first trial that had one.
        repeated: The trials that were repeated, in words: each is judged by its last repetition.
    """

    seconds: float
    interrupted: bool = False
    signal: int = 0
    bugs: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
