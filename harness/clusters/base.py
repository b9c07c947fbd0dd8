"""What the rest of the harness may know of a cluster.

A kind of cluster says how to come up, where traffic enters, where its logs are and how to go down. All other
work goes through the Kubernetes API (``harness.kube``), one code path for every kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness.kube.fieldclasses import Classified
from harness.model.controllers import DEFAULT, ControllerAddress
from harness.model.experiment import Manifest
from harness.model.timeline import Event


@dataclass(frozen=True, slots=True)
class Entry:
    """Where traffic enters the cluster.

    Attributes:
        address: The IP address to connect to.
        port: Its port.
        backends: A file with the addresses of which one is chosen for each connection, as kube-proxy has programmed
            them (``harness.kit.backends``); where it is given, nobody listens at ``address`` itself. None where the
            network of the cluster chooses.
        secure: Where traffic with TLS enters; None if it enters at the same place.
    """

    address: str
    port: int
    backends: Path | None = None
    secure: Entry | None = None


@dataclass(frozen=True, slots=True)
class BringUp:
    """What a cluster is asked to be.

    Attributes:
        name: Unique among the clusters of this user.
        directory: Where it may keep state, logs and its kubeconfig.
        ingress: The ingress controller to run: its word in an Experiment, or ``none``.
        profile: Name of the delay profile (local clusters only).
        seed: Seed of every random choice the cluster makes.
        images: Images that the workload names, to be loaded or checked.
        changes: Kinds of the changes that will be made, by their words.
        workload: The workload's objects, those of all configurations; a shared cluster refuses those that do not live
            in namespaces.
        options: Further options of the kind, by name.
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


#: Told of each bring-up step as it begins: a short text for people.
Progress = Callable[[str], None]


class Cluster(Protocol):
    """A cluster that is up."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig file that reaches it, with one context."""

    @property
    def entry(self) -> Entry:
        """Where traffic enters, through the ingress controller."""

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Where traffic enters that goes straight to a Service, as kube-proxy carries it out.

        Args:
            namespace: The Service's; it is there.
            service: Its name; its first port is meant.

        Raises:
            HarnessError: Here is no way in that leads past the ingress controller, or the Service can't be carried out.
        """

    @property
    def controller(self) -> ControllerAddress | None:
        """Where the ingress controller runs, if a run may restart it; None where others depend on it, too."""

    def facts(self) -> Mapping[str, str]:
        """Versions and settings worth a line in the report's environment."""

    @property
    def ingress_tells(self) -> frozenset[str]:
        """Names of the events of the ingress controller that can be seen here, if they happen.

        ``harness.model.controllers.SIGNALS`` says what each of them shows.
        """

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Follow what the ingress controller does until ``stop()``; blocks in between."""

    def check(self) -> None:
        """Raise ``HarnessError`` if it has ended by itself: what is lost from then on is the harness's own fault."""

    def collect(self, destination: Path) -> None:
        """Copy logs (ingress access log as ``access.jsonl``, controller and pods under ``logs/``) for evidence."""


class SharedCluster(Cluster, Protocol):
    """A cluster that serves all trials of a run, one after the other, since it takes minutes to come up."""

    def part(self, namespace: str, directory: Path) -> AbstractContextManager[Cluster]:
        """The cluster as one trial sees it.

        Args:
            namespace: The trial's own; not there when the part begins, and gone when it has been left.
            directory: Where the logs of the time between go.
        """


class Provider(Protocol):
    """A kind of cluster.

    Attributes:
        kind: The word for it.
        shared: Whether one cluster (a ``SharedCluster``) serves all trials of a run; otherwise each has its own.
    """

    kind: str
    shared: bool

    def check(self, request: BringUp) -> None:
        """Raise ``InvalidInputError`` or ``MissingToolError`` for what can't work, before anything starts."""

    def classify(self, manifest: Manifest, ingress: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        """Classify the fields of an object; a cluster that carries out every field has nothing to say.

        Args:
            manifest: The object.
            ingress: The ingress controller, by its word in an Experiment.
            objects: All objects that are applied together.
        """

    def up(self, request: BringUp, progress: Progress) -> AbstractContextManager[Cluster]:
        """Bring it up; leaving the context takes it down, whatever happened inside. Raises ``BringUpError``."""
