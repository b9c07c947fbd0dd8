"""A shared cluster as one trial uses it: with a namespace of its own, and with the logs written during the trial."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from harness.clusters.base import Cluster, Entry
from harness.clusters.shared.event_queue import queued_events
from harness.clusters.shared.namespaces import remove_namespace
from harness.clusters.shared.pod_logs import ContainerRun, PodLogs, Sink
from harness.controller_objects import ControllerAddress
from harness.controllers.base import ControllerLog, IngressController
from harness.errors import HarnessError
from harness.kit import interruption
from harness.kit.clock import Clock
from harness.kit.files import expendable, open_log
from harness.kube.client import Kube
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps
from harness.model.timeline import Event

ACCESS_LOG = "access.jsonl"
#: The namespace that every cluster has.
DEFAULT = "default"


class TrialCluster:
    """A shared cluster during one trial, as a ``harness.clusters.base.Cluster``.

    Args:
        cluster: The shared cluster.
        directory: Folder for logs.
        stamps: Converts times of the cluster.
        log: Parser of the ingress controller's log; None if the log is not read.
    """

    def __init__(self, cluster: Cluster, directory: Path, stamps: Stamps, log: ControllerLog | None) -> None:
        self._cluster = cluster
        self._directory = directory
        self._stamps = stamps
        self._log = log
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.followers: list[PodLogs] = []

    @property
    def name(self) -> str:
        """Return the shared cluster's name."""
        return self._cluster.name

    @property
    def kubeconfig(self) -> Path:
        """Return the shared cluster's kubeconfig."""
        return self._cluster.kubeconfig

    @property
    def entry(self) -> Entry:
        """Return the shared cluster's entry."""
        return self._cluster.entry

    @property
    def is_own(self) -> bool:
        """Return True if the harness has made the shared cluster."""
        return self._cluster.is_own

    @property
    def controller(self) -> ControllerAddress | None:
        """Return the address of the shared cluster's ingress controller."""
        return self._cluster.controller

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Return the shared cluster's entry for a Service."""
        return self._cluster.service_entry(namespace, service)

    def facts(self) -> Mapping[str, str]:
        """Return the shared cluster's lines for the report."""
        return self._cluster.facts()

    @property
    def ingress_signals(self) -> frozenset[str]:
        """Return the shared cluster's observable signals."""
        return self._cluster.ingress_signals

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Return the ingress controller's events since the trial began, until ``stop()``."""
        return queued_events(self._events, stop)

    def check(self) -> None:
        """Raise if the cluster has ended, or a log can't be followed any more.

        Raises:
            HarnessError: With the reason.
        """
        self._cluster.check()
        for follower in self.followers:
            if follower.failure:
                raise HarnessError(f"The cluster's logs can't be followed any more: {follower.failure}")

    def collect(self, destination: Path) -> None:
        """Do nothing: logs are written as they come, because a pod's log is removed with the pod."""

    @contextmanager
    def workload_sink(self, container: ContainerRun) -> Iterator[Sink]:
        """Yield a function that stores the log of a container of the workload."""
        with self._file(self._directory / "logs" / "pods" / _file_name(container)) as write:
            yield lambda line: write(line.text)

    @contextmanager
    def controller_sink(self, container: ContainerRun) -> Iterator[Sink]:
        """Yield a function that stores the controller's access log and other lines, and extracts its events."""
        log = self._log
        if log is None:
            raise RuntimeError("there is no ingress controller with a readable log")
        events_of = log.reader()
        with (
            self._file(self._directory / ACCESS_LOG) as write_access,
            self._file(self._directory / "logs" / f"ingress-controller-{_file_name(container)}") as write,
        ):

            def take(line: LogLine) -> None:
                if log.is_access(line.text):
                    write_access(log.access(line.text))
                    return
                write(f"{line.stamp} {line.text}")
                for event in events_of(line, self._stamps):
                    self._events.put(event)

            yield take

    @contextmanager
    def _file(self, path: Path) -> Iterator[Callable[[str], None]]:
        """Yield a function that appends a line to a log. Several threads may write to the same file.

        A log that can't be written is left out: no verdict depends on it.
        """
        file = open_log(path)

        def write(text: str) -> None:
            with self._lock, expendable(path, remove=True):
                file.write(text.encode() + b"\n")
                file.flush()

        try:
            yield write
        finally:
            with expendable(path, remove=True):
                file.close()


def _file_name(container: ContainerRun) -> str:
    again = f"-{container.restarts}" if container.restarts else ""
    return f"{container.pod}_{container.name}{again}.log"


@contextmanager
def trial_cluster(
    cluster: Cluster,
    namespace: str,
    directory: Path,
    *,
    controller: IngressController | None,
    same_clock: bool,
    disposable: bool,
) -> Iterator[Cluster]:
    """Yield the cluster for one trial. Its namespace does not exist at the start, and is removed at the end.

    The namespace ``default`` is neither expected to be new nor removed, because no cluster can be without it.

    Args:
        cluster: The shared cluster.
        namespace: The trial's namespace. The deployment of the workload creates it.
        directory: Folder for its logs.
        controller: The ingress controller whose log is followed; None if it can't be followed.
        same_clock: True if the nodes use this machine's clock.
        disposable: True if the cluster is removed after the run, so that an interrupted trial need not clean up.

    Raises:
        HarnessError: The namespace belongs to somebody else, or can't be removed.
    """
    clock = Clock.start()
    part = TrialCluster(cluster, directory, Stamps(clock, same_clock), controller.log if controller else None)
    with ExitStack() as stack:
        kube = stack.enter_context(Kube(cluster.kubeconfig))
        if namespace != DEFAULT:
            remove_namespace(kube, namespace)
            stack.callback(_clean_up, kube, namespace, disposable=disposable)
        for follower in _followers(kube, part, namespace, controller, clock):
            part.followers.append(stack.enter_context(follower))
        yield part


def _clean_up(kube: Kube, namespace: str, *, disposable: bool) -> None:
    if not (disposable and interruption.requested()):
        remove_namespace(kube, namespace)


def _followers(
    kube: Kube, part: TrialCluster, namespace: str, controller: IngressController | None, clock: Clock
) -> Iterator[AbstractContextManager[PodLogs]]:
    yield PodLogs(kube, namespace, {}, part.workload_sink)
    address = controller.facts.address if controller is not None else None
    if address is not None:
        since = clock.isoformat(clock.now())
        yield PodLogs(kube, address.namespace, address.labels, part.controller_sink, since=since, stamps=True)
