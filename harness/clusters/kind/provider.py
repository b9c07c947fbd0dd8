"""The kind of cluster that is real Kubernetes in Docker: minutes to come up, so one serves all trials of a run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.base import BringUp, Cluster, Entry, Progress
from harness.clusters.kind import owned, tools
from harness.clusters.kind.bringup import bring_up, load_images
from harness.clusters.kind.entries import open_service
from harness.clusters.kind.owned import Owned
from harness.clusters.kind.preflight import preflight
from harness.clusters.kind.settings import KindSettings
from harness.clusters.shared.part import part_of
from harness.errors import HarnessError, InvalidInputError, Problem
from harness.kit.forkserver import Template
from harness.kit.processes import ManagedProcess
from harness.kube.client import Kube
from harness.kube.fieldclasses import Classified
from harness.model.controllers import ControllerAddress, controller_facts
from harness.model.experiment import Manifest
from harness.model.timeline import Event

#: The standing cluster that `--reuse` takes.
STANDING = "harness"


@dataclass(frozen=True, slots=True)
class KindCluster:
    """A kind cluster that is up; a ``harness.clusters.base.SharedCluster``.

    Attributes:
        owned: What is written down of it.
        settings: What it was asked to be.
        watchdog: Ends when its node does.
        same_clock: Whether its node runs on this kernel.
        words: What a report says of it.
    """

    owned: Owned
    settings: KindSettings
    watchdog: ManagedProcess
    same_clock: bool
    words: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its name, as kind knows it."""
        return self.owned.name

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig file that reaches it."""
        return self.owned.kubeconfig

    @property
    def entry(self) -> Entry:
        """Where traffic enters: a port of 127.0.0.1."""
        return self.owned.entry

    @property
    def controller(self) -> ControllerAddress | None:
        """Where its manifests put the ingress controller."""
        return controller_facts(self.settings.ingress).address

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Where a Service is reached without an ingress: its NodePort, which it is given here."""
        with Kube(self.kubeconfig) as kube:
            return open_service(kube, self.owned, namespace, service)

    def facts(self) -> Mapping[str, str]:
        """What a reader of the report may want to know of it."""
        return self.words

    @property
    def ingress_tells(self) -> frozenset[str]:
        """Everything, of the controllers whose log is understood."""
        return controller_facts(self.settings.ingress).tells

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Nothing: a trial's part of the cluster says it."""
        del stop
        yield from ()

    def check(self) -> None:
        """Raise if its node has ended.

        Raises:
            HarnessError: It has.
        """
        if not self.watchdog.alive():
            raise HarnessError(f"The kind cluster {self.name} ended by itself: its node does not run any more.")

    def collect(self, destination: Path) -> None:
        """Nothing: a trial's part of the cluster writes its logs while they come."""

    def part(self, namespace: str, directory: Path) -> AbstractContextManager[Cluster]:
        """The cluster as one trial sees it."""
        return part_of(
            self,
            namespace,
            directory,
            controller=self.settings.controller,
            same_clock=self.same_clock,
            disposable=not self.owned.standing,
        )


class KindProvider:
    """Brings kind clusters up and down."""

    kind = "kind"
    shared = True
    templates: tuple[Template, ...] = ()

    def check(self, request: BringUp) -> None:
        """Find out what can't work before anything starts.

        Raises:
            InvalidInputError: An option that can't be; all of them.
            MissingToolError: docker, its daemon, kind, a port, disk or a kernel module is missing.
        """
        settings = KindSettings.of(request, _name(request))
        preflight(settings)
        if settings.reuse:
            _check_standing(settings)

    def classify(self, manifest: Manifest, ingress: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        """Say nothing: a real cluster carries out every field."""
        del manifest, ingress, objects
        return ()

    @contextmanager
    def up(self, request: BringUp, progress: Progress) -> Iterator[Cluster]:
        """Bring a cluster up, or take the standing one; one that is not to stay is gone when the context is left.

        Raises:
            BringUpError: A step failed; its logs are kept in the request's directory.
        """
        settings = KindSettings.of(request, _name(request))
        for name in owned.remove_orphans():
            progress(f"took down {name}, which a killed run had left")
        begun = time.monotonic()
        with ExitStack() as stack:
            mine = _standing(settings)
            if mine is None:
                mine = bring_up(settings, request.directory, progress, standing=settings.reuse or settings.keep)
                if mine.standing:
                    progress(f"it stays up; to take it down: harness cluster down --cluster kind --name {mine.name}")
                else:
                    stack.callback(_take_down, mine, progress)
                how = f"{time.monotonic() - begun:.1f} s"
            else:
                load_images(settings, request.directory, progress)
                how = "it stood already"
            watchdog = stack.enter_context(_watchdog(mine, request.directory))
            info = tools.docker_info()
            yield KindCluster(mine, settings, watchdog, tools.is_local(info), _facts(mine, settings, how))


def _name(request: BringUp) -> str:
    """The standing cluster's name, or one that nobody has."""
    if request.options.get("reuse"):
        return request.options.get("name") or STANDING
    return request.options.get("name") or f"harness-{secrets.token_hex(3)}"


def _standing(settings: KindSettings) -> Owned | None:
    """The standing cluster that is to be used again, if it is up."""
    found = owned.find(settings.name) if settings.reuse else None
    if found is None:
        return None
    if found.state() == "up":
        return found
    owned.remove(found)
    return None


def _check_standing(settings: KindSettings) -> None:
    found = owned.find(settings.name)
    if found is None or found.state() != "up":
        return
    # Who goes straight to a Service does not mind the ingress controller beside it.
    ingress = found.ingress if settings.controller is None else settings.ingress
    if (found.ingress, found.kube_proxy) != (ingress, settings.kube_proxy):
        message = (
            f"the cluster {found.name} has {found.ingress} and kube-proxy {found.kube_proxy}, "
            f"not {ingress} and {settings.kube_proxy}"
        )
        raise InvalidInputError([Problem(message, hint=f"harness cluster down --cluster kind --name {found.name}")])


def _take_down(mine: Owned, progress: Progress) -> None:
    progress("taking the cluster down")
    owned.remove(mine)


def _watchdog(mine: Owned, directory: Path) -> ManagedProcess:
    argv = ["docker", "wait", mine.container]
    return ManagedProcess.start(argv, name="docker wait", log=directory / "node-exit.log")


def _facts(mine: Owned, settings: KindSettings, how: str) -> dict[str, str]:
    with Kube(mine.kubeconfig) as kube:
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
