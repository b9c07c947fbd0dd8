"""The kind of cluster that is there already: nothing is installed on it, and all that is made on it is removed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.clusters.base import BringUp, Cluster, Entry, Progress
from harness.clusters.context.access import check_access, rights_of_run
from harness.clusters.context.entry import entry_of_ingress, parse_entry
from harness.clusters.context.kubeconfig import Target, find_target
from harness.clusters.shared.part import part_of
from harness.clusters.shared.scope import refuse_cluster_scoped
from harness.controllers.base import IngressController
from harness.controllers.registry import find_visible
from harness.errors import HarnessError, InvalidInputError, Problem
from harness.kit.forkserver import Template
from harness.kube.api import KubeApi
from harness.kube.client import Kube
from harness.kube.errors import KubeError, NotFoundError
from harness.kube.fieldclasses import Classified
from harness.model.controllers import ControllerAddress
from harness.model.experiment import Manifest
from harness.model.timeline import Event


@dataclass(frozen=True, slots=True)
class ContextCluster:
    """Somebody's cluster; a ``harness.clusters.base.SharedCluster``.

    Attributes:
        target: Which.
        kubeconfig: With this one context.
        given: The entry that the user gave; None where the Ingress is to say it.
        found: The ingress controller, if we may see its pods.
        told: Names of the events that its log has.
        words: What a report says of it.
        namespace: The trial's, in its part.
    """

    target: Target
    kubeconfig: Path
    given: Entry | None
    found: IngressController | None
    told: frozenset[str] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""

    @property
    def name(self) -> str:
        """The context's name."""
        return self.target.context

    @property
    def entry(self) -> Entry:
        """Where traffic enters."""
        if self.given is not None:
            return self.given
        with Kube(self.kubeconfig) as kube:
            return entry_of_ingress(kube, self.namespace)

    @property
    def controller(self) -> ControllerAddress | None:
        """None: the ingress controller is somebody else's, and a run never restarts it."""
        return None

    def service_entry(self, namespace: str, service: str) -> Entry:
        """The entry that the user gave: how somebody's network leads to a Service can't be guessed.

        Raises:
            HarnessError: None was given.
        """
        if self.given is not None:
            return self.given
        raise HarnessError(
            f"Where Service {service} in namespace {namespace} is reached from here is not known.",
            hint="Say it: --entry-url http://ADDRESS:PORT, of its NodePort or load balancer.",
        )

    def facts(self) -> Mapping[str, str]:
        """What a reader of the report may want to know of it."""
        return self.words

    @property
    def ingress_tells(self) -> frozenset[str]:
        """What can be seen of the ingress controller here."""
        return self.told

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Nothing: a trial's part of the cluster says it."""
        del stop
        yield from ()

    def check(self) -> None:
        """Nothing: that it can't be reached is seen by everybody who watches it."""

    def collect(self, destination: Path) -> None:
        """Nothing: a trial's part of the cluster writes its logs while they come."""

    @contextmanager
    def part(self, namespace: str, directory: Path) -> Iterator[Cluster]:
        """The cluster as one trial sees it."""
        mine = replace(self, namespace=namespace)
        with part_of(mine, namespace, directory, controller=self.found, same_clock=False, disposable=False) as part:
            yield part


class ContextProvider:
    """Uses clusters that are there."""

    kind = "context"
    shared = True
    templates: tuple[Template, ...] = ()

    def check(self, request: BringUp) -> None:
        """Find out what can't work before anything is made.

        Raises:
            InvalidInputError: There is no such context or IngressClass, the entry is none, something isn't allowed, or
                an object of the workload lives outside of namespaces.
            KubeError: The API server does not answer.
        """
        target = _target(request)
        if request.options.get("entry-url"):
            parse_entry(request.options["entry-url"])
        with alone(target) as path, Kube(path) as kube:
            kube.server_version()
            refuse_cluster_scoped(kube, request.workload)
            check_access(kube, target.context, rights_of_run(request.changes, request.ingress))
            _check_classes(kube, request.options.get("ingress-classes", ""))

    def classify(self, manifest: Manifest, ingress: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        """Say nothing: a real cluster carries out every field."""
        del manifest, ingress, objects
        return ()

    @contextmanager
    def up(self, request: BringUp, progress: Progress) -> Iterator[Cluster]:
        """Use the cluster; nothing is made here, and nothing is left.

        Raises:
            KubeError: It does not answer.
        """
        target = _target(request)
        url = request.options.get("entry-url", "")
        progress(f"using context {target.context}: {target.server}")
        with alone(target) as path:
            with Kube(path) as kube:
                version = kube.server_version()
                controller, told = find_visible(kube, request.ingress)
            words = {
                "cluster": f"context {target.context} ({target.server})",
                "kubernetes": version,
                "ingress": f"{request.ingress}, as it was found",
                "seen of the ingress": ", ".join(sorted(told)) or "nothing",
            }
            yield ContextCluster(target, path, parse_entry(url) if url else None, controller, told, words)


def describe(options: Mapping[str, str]) -> str:
    """Which cluster is meant, for the question whether it is the right one.

    Raises:
        InvalidInputError: There is no such context.
    """
    target = find_target(options.get("context", ""), options.get("kubeconfig", ""))
    return f"cluster {target.cluster} at {target.server} (context {target.context})"


def _target(request: BringUp) -> Target:
    return find_target(request.options.get("context", ""), request.options.get("kubeconfig", ""))


def _check_classes(kube: KubeApi, names: str) -> None:
    missing = []
    for name in filter(None, names.split(",")):
        try:
            kube.get("IngressClass", name, "")
        except NotFoundError:
            missing.append(Problem(f"the cluster has no IngressClass {name!r}", hint="kubectl get ingressclass"))
        except KubeError as error:
            raise HarnessError(f"Whether the cluster has IngressClass {name} can't be known.") from error
    if missing:
        raise InvalidInputError(missing)


@contextmanager
def alone(target: Target) -> Iterator[Path]:
    """A kubeconfig with this one context, in a folder that nobody else can read: it is no evidence."""
    with tempfile.TemporaryDirectory(prefix="harness-context-") as folder:
        path = Path(folder) / "kubeconfig"
        target.write(path)
        yield path
