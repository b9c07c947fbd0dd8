"""Records of a run's plan, which is sealed before anything starts, and of its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model.experiment import Experiment


@dataclass(frozen=True, slots=True)
class InPlacePlan:
    """The running application that is changed in place.

    Together with the undo journals this is all that `harness undo` needs.

    Attributes:
        target: The object to change: ``Deployment/apple``.
        namespace: Its namespace.
        context: Context of the kubeconfig.
        kubeconfig: Absolute path of the file, or several as in ``$KUBECONFIG``.
        cluster: The cluster's name in the kubeconfig.
        server: URL of the API server.
        watched: The objects that nobody else may change during the run.
        notes: Other managers of these objects, as found at the start.
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
        experiment: The whole Experiment, with the manifests of every configuration.
        cluster: Kind of cluster.
        profile: Delay profile of local clusters.
        command: Command line of the run.
        started: Start of the run, ISO 8601, UTC.
        environment: Machine, system and versions.
        in_place: The application to change in place; None if every trial deploys the workload itself.
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
    """The content of ``end.json``: facts that are known only after the last trial.

    Attributes:
        seconds: Duration of all trials.
        interrupted: The run was stopped before its end.
        signal: Number of the signal that stopped it; 0 if none did.
        bugs: Tracebacks of trials that failed because of a bug of the harness.
        facts: The clusters' description of themselves; the first trial that gives a fact decides.
        repeated: Descriptions of the trials that were repeated; the last repetition of each is judged.
    """

    seconds: float
    interrupted: bool = False
    signal: int = 0
    bugs: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
