"""The part of a shared cluster that belongs to one trial: a namespace, and everything logged while it is there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from harness.clusters.base import Cluster, Entry
from harness.clusters.shared.namespaces import remove_namespace
from harness.clusters.shared.podlogs import Container, PodLogs, Sink
from harness.controllers.base import ControllerLog, IngressController
from harness.errors import HarnessError
from harness.kit import interruption
from harness.kit.clock import Clock
from harness.kit.files import expendable, open_log
from harness.kube.client import Kube
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps
from harness.model.controllers import ControllerAddress
from harness.model.timeline import Event

ACCESS_LOG = "access.jsonl"


class Part:
    """A shared cluster as one trial sees it; a ``harness.clusters.base.Cluster``.

    Args:
        cluster: The whole of it.
        directory: Where logs go.
        stamps: How its times are ours.
        log: How the ingress controller's log is read; None where it is not.
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
        """Of the whole cluster."""
        return self._cluster.name

    @property
    def kubeconfig(self) -> Path:
        """Of the whole cluster."""
        return self._cluster.kubeconfig

    @property
    def entry(self) -> Entry:
        """Of the whole cluster."""
        return self._cluster.entry

    @property
    def controller(self) -> ControllerAddress | None:
        """Of the whole cluster."""
        return self._cluster.controller

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Of the whole cluster."""
        return self._cluster.service_entry(namespace, service)

    def facts(self) -> Mapping[str, str]:
        """Of the whole cluster."""
        return self._cluster.facts()

    @property
    def ingress_tells(self) -> frozenset[str]:
        """Of the whole cluster."""
        return self._cluster.ingress_tells

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """What the ingress controller has said since the part began, until ``stop()``."""
        while True:
            last_look = stop()
            try:
                while True:
                    yield self._events.get(timeout=0 if last_look else 0.05)
            except queue.Empty:
                if last_look:
                    return

    def check(self) -> None:
        """Raise if the cluster has ended, or the ingress controller can't be followed any more.

        Raises:
            HarnessError: Saying which.
        """
        self._cluster.check()
        for follower in self.followers:
            if follower.failure:
                raise HarnessError(f"The cluster's logs can't be followed any more: {follower.failure}")

    def collect(self, destination: Path) -> None:
        """Nothing is left to do: logs are written while they come, since a pod's log goes with the pod."""

    @contextmanager
    def workload_sink(self, container: Container) -> Iterator[Sink]:
        """Takes the log of a container of the workload, as it is."""
        with self._file(self._directory / "logs" / "pods" / _file_name(container)) as write:
            yield lambda line: write(line.text)

    @contextmanager
    def controller_sink(self, container: Container) -> Iterator[Sink]:
        """Takes the ingress controller's log: access log and all else apart, and events of what it says it did."""
        log = self._log
        if log is None:
            raise RuntimeError("there is no ingress controller whose log could be read")
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
        """Give a function that appends a whole line to a log; several threads may write to the same file.

        A log that cannot be written is left out: no verdict depends on it.
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


def _file_name(container: Container) -> str:
    again = f"-{container.restarts}" if container.restarts else ""
    return f"{container.pod}_{container.name}{again}.log"


@contextmanager
def part_of(
    cluster: Cluster,
    namespace: str,
    directory: Path,
    *,
    controller: IngressController | None,
    same_clock: bool,
    disposable: bool,
) -> Iterator[Cluster]:
    """A trial's part: the namespace is not there when it begins, and is gone when it ends.

    Args:
        cluster: The whole cluster.
        namespace: The trial's namespace; whoever deploys makes it.
        directory: Where its logs go.
        controller: The ingress controller whose log is followed; None where it can't be.
        same_clock: Whether the nodes' clock is this machine's.
        disposable: Whether the cluster goes with the run, so that nobody need tidy it up after an interruption.

    Raises:
        HarnessError: The namespace is somebody else's, or does not go.
    """
    clock = Clock.start()
    part = Part(cluster, directory, Stamps(clock, same_clock), controller.log if controller else None)
    with ExitStack() as stack:
        kube = stack.enter_context(Kube(cluster.kubeconfig))
        remove_namespace(kube, namespace)
        stack.callback(_tidy, kube, namespace, disposable=disposable)
        for follower in _followers(kube, part, namespace, controller, clock):
            part.followers.append(stack.enter_context(follower))
        yield part


def _tidy(kube: Kube, namespace: str, *, disposable: bool) -> None:
    if not (disposable and interruption.requested()):
        remove_namespace(kube, namespace)


def _followers(
    kube: Kube, part: Part, namespace: str, controller: IngressController | None, clock: Clock
) -> Iterator[AbstractContextManager[PodLogs]]:
    yield PodLogs(kube, namespace, {}, part.workload_sink)
    address = controller.facts.address if controller is not None else None
    if address is not None:
        since = clock.isoformat(clock.now())
        yield PodLogs(kube, address.namespace, address.labels, part.controller_sink, since=since, stamps=True)
