"""The provider of local clusters: a process tree on loopback addresses, up in about a second."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.base import BringUp, Cluster, Entry, Progress
from harness.clusters.local import bringup
from harness.clusters.local.images import check_image
from harness.clusters.local.logs import CONTROLLER_LOG, collect_logs, follow_ingress
from harness.controller_objects import ControllerAddress
from harness.errors import HarnessError, InvalidInputError, MissingToolError, Problem
from harness.kit.forkserver import Template
from harness.kit.processes import ManagedProcess
from harness.kube.fieldclasses import Classified
from harness.localkube.addresses import take_block
from harness.localkube.fields import CLASSIFIER
from harness.localkube.forked import NODE
from harness.localkube.kubelet.images import find_image
from harness.localkube.profiles import PROFILES
from harness.localkube.settings import PROXY_LOG, NodeSettings
from harness.localkube.system.programs import INGRESS_PROGRAMS, silent
from harness.model.controllers import ENDPOINTS, NO_CONTROLLER, controller_facts
from harness.model.experiment import Manifest
from harness.model.timeline import Event

#: Ingress controllers of local clusters, by their names in an Experiment.
INGRESSES = (*INGRESS_PROGRAMS, NO_CONTROLLER.word)


@dataclass(frozen=True, slots=True)
class LocalCluster:
    """A running local cluster.

    Attributes:
        settings: Settings of its process.
        entry: Where traffic enters.
        seconds: Seconds that it took to come up.
        node: Its process.
        program: The ingress controller's program and version; empty without a controller.
    """

    settings: NodeSettings
    entry: Entry
    seconds: float
    node: ManagedProcess
    program: str = ""

    @property
    def name(self) -> str:
        """Return the name."""
        return self.settings.name

    @property
    def kubeconfig(self) -> Path:
        """Return the path of its kubeconfig."""
        return bringup.ClusterFiles(self.settings.directory).kubeconfig

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Return the entry of a Service: the file with its endpoints, and an address on which nothing listens."""
        return bringup.service_entry(self.settings, namespace, service, self.node.alive)

    @property
    def is_own(self) -> bool:
        """Return True: the harness has made it."""
        return True

    @property
    def controller(self) -> ControllerAddress | None:
        """Return the address of the ingress controller; None without one."""
        return controller_facts(self.settings.ingress).address

    def facts(self) -> Mapping[str, str]:
        """Return lines for the report's environment."""
        return {
            "cluster": "local",
            "ingress": f"{self.settings.ingress} ({self.program})" if self.program else self.settings.ingress,
            "delay profile": self.settings.profile,
            "addresses": f"127.{self.settings.block.number}.0.0/16",
            "cluster up in": f"{self.seconds:.2f} s",
        }

    @property
    def ingress_signals(self) -> frozenset[str]:
        """Return the names of all events of its controller, or without one, of kube-proxy."""
        return controller_facts(self.settings.ingress).tells or frozenset({ENDPOINTS.word})

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield the events of the ingress controller, or without one, of kube-proxy, until ``stop()``."""
        logs, ingress = self.settings.logs, self.settings.ingress
        if self.controller is None:
            return follow_ingress(logs / PROXY_LOG, "kube-proxy", stop)
        return follow_ingress(logs / CONTROLLER_LOG, ingress, stop)

    def check(self) -> None:
        """Raise if its process has ended by itself.

        Raises:
            HarnessError: With the last lines of its log.
        """
        if not self.node.alive():
            raise HarnessError(f"The local cluster {self.name} ended by itself.", detail=self.node.tail())

    def collect(self, destination: Path) -> None:
        """Copy its logs: ``access.jsonl`` at the top, all others below ``logs``."""
        collect_logs(self.settings.logs, destination, self.settings.ingress)


class LocalProvider:
    """Brings local clusters up and down."""

    kind = "local"
    shared = False
    templates: tuple[Template, ...] = (NODE,)

    def check(self, request: BringUp) -> None:
        """Check the request and the machine before anything starts.

        Raises:
            InvalidInputError: Local clusters do not have the image, ingress controller or profile; lists all of them.
            MissingToolError: This is not Linux, the controller's program is missing, or a low port can't be used.
        """
        if not sys.platform.startswith("linux"):
            raise MissingToolError("Local clusters run on Linux only.", hint="Use a Linux machine or container.")
        problems = list(_problems(request))
        if problems:
            raise InvalidInputError(problems)
        _check_low_ports(request)
        bringup.find_program(request, silent)

    def classify(self, manifest: Manifest, ingress: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        """Classify the fields of an object by the tables of the embedded cluster."""
        return CLASSIFIER.classify(manifest, ingress, objects)

    @contextmanager
    def up(self, request: BringUp, progress: Progress) -> Iterator[Cluster]:
        """Bring a cluster up. Leaving the context ends its processes, and removes its folder unless ``keep`` is set.

        Raises:
            BringUpError: A step failed; the message names the folder of its logs.
        """
        begun = time.monotonic()
        with ExitStack() as stack:
            directory = bringup.make_directory(request.directory)
            settings, entry, node, program = self._start(request, directory, progress, stack)
            try:
                yield LocalCluster(settings, entry, time.monotonic() - begun, node, program)
            finally:
                stack.close()
                if not request.options.get("keep"):
                    shutil.rmtree(directory, ignore_errors=True)

    def _start(
        self, request: BringUp, directory: Path, progress: Progress, stack: ExitStack
    ) -> tuple[NodeSettings, Entry, ManagedProcess, str]:
        def step(name: str) -> AbstractContextManager[None]:
            return bringup.step(name, request.name, directory, progress)

        with step("looking for the ingress controller"):
            found = bringup.find_program(request, progress)
        with step("taking loopback addresses"):
            held = stack.enter_context(take_block())
            settings = bringup.write_settings(request, directory, held.block, found)
        with step("starting the cluster's process"):
            start = ManagedProcess.start if request.servers is None else request.servers.of(NODE).spawn
            node = stack.enter_context(
                start(
                    bringup.node_argv(directory),
                    name=f"local cluster {request.name}",
                    log=bringup.ClusterFiles(directory).node_log,
                    pass_fds=(held.fileno(),),
                )
            )
        with step("waiting for the API server"):
            bringup.wait_for_api(settings, node.alive)
        with step("waiting for the ingress"):
            bringup.wait_for_ingress(settings, node.alive)
        return settings, bringup.controller_entry(settings), node, found.name if found is not None else ""


def _problems(request: BringUp) -> Iterator[Problem]:
    if request.ingress not in INGRESSES:
        yield Problem(
            f"local clusters have no ingress controller {request.ingress!r}", hint=f"one of {', '.join(INGRESSES)}"
        )
    if request.profile not in PROFILES:
        yield Problem(f"there is no delay profile {request.profile!r}", hint=f"one of {', '.join(sorted(PROFILES))}")
    yield from filter(None, map(check_image, dict.fromkeys(request.images)))


def _check_low_ports(request: BringUp) -> None:
    """Check that this user may listen on the ports below 1024 that the images use."""
    for name in request.images:
        image = find_image(name)
        if image is not None and image.port < 1024:
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", image.port))
                except PermissionError:
                    raise MissingToolError(
                        f"The image {name} listens on port {image.port}, which this user may not use.",
                        hint=f"sudo sysctl net.ipv4.ip_unprivileged_port_start={image.port}",
                    ) from None
                except OSError:
                    continue  # the port is in use at this address; pods have other addresses
