"""The provider of existing clusters. Nothing is installed on them, and everything that a run creates is removed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.clusters.base import BringUp, Cluster, Entry, Progress
from harness.clusters.context.access import check_access, rights_of_run
from harness.clusters.context.entry import entry_of_ingress, parse_entry
from harness.clusters.context.kubeconfig import KubeContext, find_context
from harness.clusters.shared.scope import refuse_cluster_scoped
from harness.clusters.shared.trial_cluster import trial_cluster
from harness.controller_objects import ControllerAddress
from harness.controllers.base import IngressController
from harness.controllers.registry import find_visible
from harness.errors import HarnessError, InvalidInputError, Problem
from harness.kit.forkserver import Template
from harness.kube.api import KubeApi
from harness.kube.client import Kube
from harness.kube.errors import KubeError, NotFoundError
from harness.kube.fieldclasses import Classified
from harness.model.experiment import Manifest
from harness.model.timeline import Event


@dataclass(frozen=True, slots=True)
class ContextCluster:
    """An existing cluster, as a ``harness.clusters.base.SharedCluster``.

    Attributes:
        target: Its context.
        kubeconfig: A kubeconfig with only this context.
        given: The entry that the user gave; None if it comes from the Ingress.
        found: The ingress controller, if the user may read its pods.
        signals: Names of the events that its log shows.
        words: Lines for the report's environment.
        namespace: The trial's namespace; empty outside of a trial.
    """

    target: KubeContext
    kubeconfig: Path
    given: Entry | None
    found: IngressController | None
    signals: frozenset[str] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""

    @property
    def name(self) -> str:
        """Return the name of the context."""
        return self.target.context

    @property
    def entry(self) -> Entry:
        """Return the address where traffic enters."""
        if self.given is not None:
            return self.given
        with Kube(self.kubeconfig) as kube:
            return entry_of_ingress(kube, self.namespace)

    @property
    def is_own(self) -> bool:
        """Return False: others use its nodes too."""
        return False

    @property
    def controller(self) -> ControllerAddress | None:
        """Return None: a run never restarts an ingress controller that others use."""
        return None

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Return the entry that the user gave: the way to a Service of an existing cluster can't be guessed.

        Raises:
            HarnessError: The user gave none.
        """
        if self.given is not None:
            return self.given
        raise HarnessError(
            f"The address of Service {service} in namespace {namespace}, as seen from this machine, is unknown.",
            hint="Give its NodePort or load balancer with --entry-url http://ADDRESS:PORT.",
        )

    def facts(self) -> Mapping[str, str]:
        """Return lines for the report's environment."""
        return self.words

    @property
    def ingress_signals(self) -> frozenset[str]:
        """Return the names of the ingress controller's events that can be observed."""
        return self.signals

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield nothing: the cluster of each trial yields them."""
        del stop
        yield from ()

    def check(self) -> None:
        """Do nothing: watchers notice if the API server can't be reached."""

    def collect(self, destination: Path) -> None:
        """Do nothing: the cluster of each trial writes logs as they come."""

    @contextmanager
    def for_trial(self, namespace: str, directory: Path) -> Iterator[Cluster]:
        """Yield the cluster for one trial."""
        mine = replace(self, namespace=namespace)
        with trial_cluster(
            mine, namespace, directory, controller=self.found, same_clock=False, disposable=False
        ) as part:
            yield part


class ContextProvider:
    """Uses existing clusters."""

    kind = "context"
    shared = True
    templates: tuple[Template, ...] = ()

    def check(self, request: BringUp) -> None:
        """Check the request before anything is created.

        Raises:
            InvalidInputError: There is no such context or IngressClass, the entry is invalid, a right is missing, or
                an object of the workload is cluster-scoped.
            KubeError: The API server does not answer.
        """
        target = _target(request)
        if request.options.get("entry-url"):
            parse_entry(request.options["entry-url"])
        with private_kubeconfig(target) as path, Kube(path) as kube:
            kube.server_version()
            refuse_cluster_scoped(kube, request.workload)
            check_access(kube, target.context, rights_of_run(request.changes, request.ingress))
            _check_classes(kube, request.options.get("ingress-classes", ""))

    def classify(self, manifest: Manifest, ingress: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        """Return nothing: a real cluster implements every field."""
        del manifest, ingress, objects
        return ()

    @contextmanager
    def up(self, request: BringUp, progress: Progress) -> Iterator[Cluster]:
        """Yield the cluster. Nothing is created here, and nothing is left.

        Raises:
            KubeError: The API server does not answer.
        """
        target = _target(request)
        url = request.options.get("entry-url", "")
        progress(f"using context {target.context}: {target.server}")
        with private_kubeconfig(target) as path:
            with Kube(path) as kube:
                version = kube.server_version()
                controller, signals = find_visible(kube, request.ingress)
            words = {
                "cluster": f"context {target.context} ({target.server})",
                "kubernetes": version,
                "ingress": f"{request.ingress}, not installed by the harness",
                "seen of the ingress": ", ".join(sorted(signals)) or "nothing",
            }
            yield ContextCluster(target, path, parse_entry(url) if url else None, controller, signals, words)


def describe(options: Mapping[str, str]) -> str:
    """Return the name and address of the cluster, for the prompt that asks for confirmation.

    Raises:
        InvalidInputError: There is no such context.
    """
    target = find_context(options.get("context", ""), options.get("kubeconfig", ""))
    return f"cluster {target.cluster} at {target.server} (context {target.context})"


def _target(request: BringUp) -> KubeContext:
    return find_context(request.options.get("context", ""), request.options.get("kubeconfig", ""))


def _check_classes(kube: KubeApi, names: str) -> None:
    missing = []
    for name in filter(None, names.split(",")):
        try:
            kube.get("IngressClass", name, "")
        except NotFoundError:
            missing.append(Problem(f"the cluster has no IngressClass {name!r}", hint="kubectl get ingressclass"))
        except KubeError as error:
            raise HarnessError(f"Cannot find out whether the cluster has IngressClass {name}.") from error
    if missing:
        raise InvalidInputError(missing)


@contextmanager
def private_kubeconfig(target: KubeContext) -> Iterator[Path]:
    """Yield a kubeconfig with only this context, in a folder that only this user can read. It is not evidence."""
    with tempfile.TemporaryDirectory(prefix="harness-context-") as folder:
        path = Path(folder) / "kubeconfig"
        target.write(path)
        yield path
