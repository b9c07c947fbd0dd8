"""The provider of kind clusters. One serves all trials of a run, because it takes long to come up."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.base import BringUp, Cluster, Entry, Progress
from harness.clusters.kind import records, tools
from harness.clusters.kind.bringup import bring_up, load_images
from harness.clusters.kind.entries import open_service
from harness.clusters.kind.preflight import preflight
from harness.clusters.kind.records import ClusterRecord
from harness.clusters.kind.settings import KindSettings
from harness.clusters.shared.trial_cluster import trial_cluster
from harness.controller_objects import ControllerAddress
from harness.errors import HarnessError, InvalidInputError, Problem
from harness.kit.forkserver import Template
from harness.kit.processes import ManagedProcess
from harness.kube.client import Kube
from harness.kube.fieldclasses import Classified
from harness.model.controllers import controller_facts
from harness.model.experiment import Manifest
from harness.model.timeline import Event

#: Default name of the persistent cluster that ``--reuse`` uses.
STANDING = "harness"


@dataclass(frozen=True, slots=True)
class KindCluster:
    """A running kind cluster, as a ``harness.clusters.base.SharedCluster``.

    Attributes:
        record: Its record.
        settings: Its settings.
        watchdog: A process that ends when its node ends.
        same_clock: True if its node runs on this kernel, and so has this machine's clock.
        words: Lines for the report's environment.
    """

    record: ClusterRecord
    settings: KindSettings
    watchdog: ManagedProcess
    same_clock: bool
    words: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return the name of the kind cluster."""
        return self.record.name

    @property
    def kubeconfig(self) -> Path:
        """Return the path of its kubeconfig."""
        return self.record.kubeconfig

    @property
    def entry(self) -> Entry:
        """Return the port of 127.0.0.1 where traffic enters."""
        return self.record.entry

    @property
    def is_own(self) -> bool:
        """Return True: the harness has made it."""
        return True

    @property
    def controller(self) -> ControllerAddress | None:
        """Return the address of the ingress controller; None without one."""
        return controller_facts(self.settings.ingress).address

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Give a Service a NodePort, and return it as the entry."""
        with Kube(self.kubeconfig) as kube:
            return open_service(kube, self.record, namespace, service)

    def facts(self) -> Mapping[str, str]:
        """Return lines for the report's environment."""
        return self.words

    @property
    def ingress_signals(self) -> frozenset[str]:
        """Return the names of all events that the controller's log shows."""
        return controller_facts(self.settings.ingress).tells

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield nothing: the cluster of each trial yields them."""
        del stop
        yield from ()

    def check(self) -> None:
        """Raise if its node has ended.

        Raises:
            HarnessError: The node does not run any more.
        """
        if not self.watchdog.alive():
            raise HarnessError(f"The kind cluster {self.name} ended by itself: its node stopped.")

    def collect(self, destination: Path) -> None:
        """Do nothing: the cluster of each trial writes logs as they come."""

    def for_trial(self, namespace: str, directory: Path) -> AbstractContextManager[Cluster]:
        """Return the cluster for one trial."""
        return trial_cluster(
            self,
            namespace,
            directory,
            controller=self.settings.controller,
            same_clock=self.same_clock,
            disposable=not self.record.standing,
        )


class KindProvider:
    """Brings kind clusters up and down."""

    kind = "kind"
    shared = True
    templates: tuple[Template, ...] = ()

    def check(self, request: BringUp) -> None:
        """Check the request and the machine before anything starts.

        Raises:
            InvalidInputError: Options are invalid, or the persistent cluster has other settings.
            MissingToolError: docker, its daemon, kind, a port, disk space or a kernel module is missing.
        """
        settings = KindSettings.of(request, _name(request))
        preflight(settings)
        if settings.reuse:
            _check_standing(settings)

    def classify(self, manifest: Manifest, ingress: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        """Return nothing: a real cluster implements every field."""
        del manifest, ingress, objects
        return ()

    @contextmanager
    def up(self, request: BringUp, progress: Progress) -> Iterator[Cluster]:
        """Bring a cluster up, or use the persistent one. Leaving the context removes one that is not persistent.

        Raises:
            BringUpError: A step failed; its logs are in the request's directory.
        """
        settings = KindSettings.of(request, _name(request))
        for name in records.remove_orphans():
            progress(f"removed {name}, which a killed run had left")
        begun = time.monotonic()
        with ExitStack() as stack:
            record = _standing(settings)
            if record is None:
                record = bring_up(settings, request.directory, progress, standing=settings.reuse or settings.keep)
                if record.standing:
                    progress(f"it stays up; remove it with: harness cluster down --cluster kind --name {record.name}")
                else:
                    stack.callback(_take_down, record, progress)
                how = f"{time.monotonic() - begun:.1f} s"
            else:
                load_images(settings, request.directory, progress)
                how = "was up already"
            watchdog = stack.enter_context(_watchdog(record, request.directory))
            info = tools.docker_info()
            yield KindCluster(record, settings, watchdog, tools.is_local(info), _facts(record, settings, how))


def _name(request: BringUp) -> str:
    """Return the persistent cluster's name, or a new unique one."""
    if request.options.get("reuse"):
        return request.options.get("name") or STANDING
    return request.options.get("name") or f"harness-{secrets.token_hex(3)}"


def _standing(settings: KindSettings) -> ClusterRecord | None:
    """Return the persistent cluster to reuse; None if it is not up. One that is down is removed."""
    found = records.find(settings.name) if settings.reuse else None
    if found is None:
        return None
    if found.state() == "up":
        return found
    records.remove(found)
    return None


def _check_standing(settings: KindSettings) -> None:
    found = records.find(settings.name)
    if found is None or found.state() != "up":
        return
    # Traffic that goes directly to a Service works with any ingress controller.
    ingress = found.ingress if settings.controller is None else settings.ingress
    if (found.ingress, found.kube_proxy) != (ingress, settings.kube_proxy):
        message = (
            f"the cluster {found.name} has {found.ingress} and kube-proxy {found.kube_proxy}, "
            f"not {ingress} and {settings.kube_proxy}"
        )
        raise InvalidInputError([Problem(message, hint=f"harness cluster down --cluster kind --name {found.name}")])


def _take_down(record: ClusterRecord, progress: Progress) -> None:
    progress("removing the cluster")
    records.remove(record)


def _watchdog(record: ClusterRecord, directory: Path) -> ManagedProcess:
    argv = ["docker", "wait", record.container]
    return ManagedProcess.start(argv, name="docker wait", log=directory / "node-exit.log")


def _facts(record: ClusterRecord, settings: KindSettings, how: str) -> dict[str, str]:
    with Kube(record.kubeconfig) as kube:
        node = kube.list("Node", "")[0]["status"]["nodeInfo"]
    ingress = settings.ingress
    image = settings.ingress_image
    return {
        "cluster": f"kind {tools.kind_version()}",
        "kubernetes": f"{node['kubeletVersion']} on {node['containerRuntimeVersion']}",
        "kube-proxy": settings.kube_proxy,
        "ingress": f"{ingress} ({image})" if image else ingress,
        "cluster up in": how,
    }
