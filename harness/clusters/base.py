"""The Protocols of clusters and of their providers. The rest of the harness uses nothing else of a cluster.

A provider brings a cluster up and down. A cluster says where traffic enters, and collects its logs. All other work
goes through the Kubernetes API (``harness.kube``), with one code path for every kind of cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness.controller_objects import ControllerAddress
from harness.kit.forkserver import ForkServers, Template
from harness.kube.fieldclasses import Classified
from harness.model.controllers import DEFAULT
from harness.model.experiment import Manifest
from harness.model.timeline import Event


@dataclass(frozen=True, slots=True)
class Entry:
    """The address where traffic enters a cluster.

    Attributes:
        address: IP address to connect to.
        port: Port to connect to.
        backends: File with the endpoints that kube-proxy has programmed (``harness.kit.backends``). The client picks
            one of them for each connection, and nothing listens on ``address``. None if the cluster's network
            balances connections.
        secure: The address where traffic with TLS enters; None if it is the same.
    """

    address: str
    port: int
    backends: Path | None = None
    secure: Entry | None = None


@dataclass(frozen=True, slots=True)
class BringUp:
    """A request for a cluster.

    Attributes:
        name: Name, unique among the clusters of this user.
        directory: Folder for its state, logs and kubeconfig.
        ingress: Ingress controller to run, by its name in an Experiment, or ``none``.
        profile: Delay profile; only for local clusters.
        seed: Seed of every random choice of the cluster.
        images: Images of the workload, to load or check.
        changes: Kinds of the changes that will be made, as ``ChangeSpec.made``.
        workload: Objects of the workload in all configurations. A shared cluster refuses cluster-scoped ones.
        options: Further options of the kind of cluster, by name.
        commands: Commands that run in place of images, each as its folder, its program and its arguments; only for
            local clusters.
        servers: Fork servers for the processes of clusters. If None, each process is a new interpreter.
    """

    name: str
    directory: Path
    ingress: str = DEFAULT.word
    profile: str = "kind"
    seed: int = 0
    images: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    workload: tuple[Mapping[str, Any], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[tuple[str, ...], ...] = ()
    servers: ForkServers | None = None


#: Called with the name of each bring-up step as it begins.
Progress = Callable[[str], None]


class Cluster(Protocol):
    """A running cluster."""

    @property
    def name(self) -> str:
        """Return the name."""

    @property
    def kubeconfig(self) -> Path:
        """Return the path of a kubeconfig with this cluster as its only context."""

    @property
    def entry(self) -> Entry:
        """Return the address where traffic enters, through the ingress controller."""

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Return the address where traffic enters for a Service, without the ingress controller.

        Args:
            namespace: Namespace of the Service, which must exist.
            service: Its name. The entry leads to its first port.

        Raises:
            HarnessError: The cluster has no such entry, or kube-proxy can't implement the Service.
        """

    @property
    def controller(self) -> ControllerAddress | None:
        """Return the address of the ingress controller; None without one, or if others use it: no run restarts it."""

    @property
    def is_own(self) -> bool:
        """Return True if the harness has made the cluster, so that a run may change its nodes."""

    def facts(self) -> Mapping[str, str]:
        """Return versions and settings for the report's environment."""

    @property
    def ingress_signals(self) -> frozenset[str]:
        """Return the names of the ingress controller's events that can be observed on this cluster.

        ``harness.model.controllers.SIGNALS`` defines the meaning of each.
        """

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield the ingress controller's events until ``stop()``. Blocks between events."""

    def check(self) -> None:
        """Raise ``HarnessError`` if the cluster has ended by itself: later losses would be the harness's own fault."""

    def collect(self, destination: Path) -> None:
        """Copy the logs as evidence: the access log as ``access.jsonl``, all others below ``logs/``."""


class SharedCluster(Cluster, Protocol):
    """A cluster that serves all trials of a run, one after the other, because it takes long to come up."""

    def for_trial(self, namespace: str, directory: Path) -> AbstractContextManager[Cluster]:
        """Return the cluster for one trial. Its namespace does not exist at the start, and is removed at the end.

        Args:
            namespace: The trial's namespace.
            directory: Folder for the logs that are written during the trial.
        """


class Provider(Protocol):
    """A kind of cluster, which brings clusters up and down.

    Attributes:
        kind: The value of ``--cluster`` that selects it.
        shared: True if one cluster (a ``SharedCluster``) serves all trials of a run; False if each has its own.
        templates: Templates of the processes that ``up`` forks from the request's fork servers.
    """

    kind: str
    shared: bool
    templates: tuple[Template, ...]

    def check(self, request: BringUp) -> None:
        """Raise ``InvalidInputError`` or ``MissingToolError`` if the request can't work, before anything starts."""

    def classify(self, manifest: Manifest, ingress: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        """Classify the fields of an object by how the cluster implements them; empty if it implements every field.

        Args:
            manifest: The object.
            ingress: The ingress controller, by its name in an Experiment.
            objects: All objects that are applied together.
        """

    def up(self, request: BringUp, progress: Progress) -> AbstractContextManager[Cluster]:
        """Bring a cluster up, or use one that is up. Raises ``BringUpError``.

        Leaving the context takes down a cluster that ``up`` has started, unless an option asks to keep it.
        """
