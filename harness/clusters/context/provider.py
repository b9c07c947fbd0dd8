"""The kind of cluster that is there already: nothing is installed on it, and all that is made on it is removed."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.clusters.base import BringUp, Cluster, Controller, Entry, Progress
from harness.clusters.context.access import check_access, rights_of_run
from harness.clusters.context.entry import entry_of_ingress, parse_entry
from harness.clusters.context.kubeconfig import Target, find_target
from harness.clusters.shared.part import part_of
from harness.errors import HarnessError, InvalidInputError, Problem
from harness.kube.api import KubeApi
from harness.kube.client import Kube
from harness.kube.errors import KubeError, NotFoundError
from harness.model.timeline import Event

#: Where ingress-nginx runs, installed by its own manifests or chart.
_USUAL = Controller(
    "ingress-nginx",
    "ingress-nginx-controller",
    {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
)


@dataclass(frozen=True, slots=True)
class ContextCluster:
    """Somebody's cluster; a ``harness.clusters.base.SharedCluster``.

    Attributes:
        target: Which.
        kubeconfig: With this one context.
        given: The entry that the user gave; None where the Ingress is to say it.
        controller: Where the ingress controller's pods are, if we may read their logs.
        told: What can be seen of that.
        words: What a report says of it.
        namespace: The trial's, in its part.
    """

    target: Target
    kubeconfig: Path
    given: Entry | None
    controller: Controller | None
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
        with part_of(
            mine, namespace, directory, controller=self.controller, same_clock=False, disposable=False
        ) as part:
            yield part


class ContextProvider:
    """Uses clusters that are there."""

    kind = "context"
    shared = True

    def check(self, request: BringUp) -> None:
        """Find out what can't work before anything is made.

        Raises:
            InvalidInputError: There is no such context or IngressClass, the entry is none, or something isn't allowed.
            KubeError: The API server does not answer.
        """
        target = _target(request)
        if request.options.get("entry-url"):
            parse_entry(request.options["entry-url"])
        with alone(target) as path, Kube(path) as kube:
            kube.server_version()
            check_access(kube, target.context, rights_of_run(request.changes, request.ingress))
            _check_classes(kube, request.options.get("ingress-classes", ""))

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
                controller, told = find_controller(kube)
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


def find_controller(kube: KubeApi) -> tuple[Controller | None, frozenset[str]]:
    """The ingress controller and what can be seen of it; None where nothing can."""
    told = _told(kube)
    return (_USUAL if told else None), told


@contextmanager
def alone(target: Target) -> Iterator[Path]:
    """A kubeconfig with this one context, in a folder that nobody else can read: it is no evidence."""
    with tempfile.TemporaryDirectory(prefix="harness-context-") as folder:
        path = Path(folder) / "kubeconfig"
        target.write(path)
        yield path


def _told(kube: KubeApi) -> frozenset[str]:
    """What can be seen of the ingress controller: nothing unless we may see its pods; endpoints from --v=2 on."""
    labels = ",".join(f"{key}={value}" for key, value in _USUAL.labels.items())
    try:
        pods = kube.list("Pod", _USUAL.namespace, labels=labels)
    except KubeError:
        return frozenset()
    if not pods:
        return frozenset()
    words = [word for pod in pods for c in pod["spec"]["containers"] for word in (c.get("args") or ())]
    verbose = any(re.fullmatch(r"--?v=([2-9]|\d\d+)", word) for word in words)
    return frozenset({"reload", "endpoints"} if verbose else {"reload"})
