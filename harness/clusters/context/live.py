"""The existing cluster during a trial in place. Nothing is created or removed on it, and no logs are stored.

The ingress controller may log requests of other users, and the application's log belongs to its owner. So only events
of the controller itself, such as reloads, are taken from its log, and no line is stored.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.clusters.base import Entry
from harness.clusters.shared.event_queue import queued_events
from harness.clusters.shared.pod_logs import ContainerRun, PodLogs, Sink
from harness.controller_objects import ControllerAddress
from harness.controllers.registry import find_visible
from harness.errors import HarnessError
from harness.kit.clock import Clock
from harness.kube.client import Kube
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps
from harness.model.timeline import Event


@dataclass(frozen=True, slots=True)
class LiveCluster:
    """An existing cluster, as a ``harness.clusters.base.Cluster``.

    Attributes:
        name: Name of the context.
        kubeconfig: A kubeconfig with only this context.
        entry: Where traffic enters.
        words: Lines for the report's environment.
        ingress_signals: Names of the ingress controller's events that can be observed.
        followers: Readers of its log.
        events: Events from these readers.
    """

    name: str
    kubeconfig: Path
    entry: Entry
    words: Mapping[str, str]
    ingress_signals: frozenset[str] = frozenset()
    followers: tuple[PodLogs, ...] = ()
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)

    @property
    def is_own(self) -> bool:
        """Return False: others use its nodes too."""
        return False

    @property
    def controller(self) -> ControllerAddress | None:
        """Return None: a run never restarts an ingress controller that others use."""
        return None

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Return the entry that was given."""
        del namespace, service
        return self.entry

    def facts(self) -> Mapping[str, str]:
        """Return lines for the report's environment."""
        return self.words

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Return the ingress controller's events until ``stop()``."""
        return queued_events(self.events, stop)

    def check(self) -> None:
        """Raise if the ingress controller's log can't be followed any more.

        Raises:
            HarnessError: With the reason.
        """
        for follower in self.followers:
            if follower.failure:
                raise HarnessError(f"The ingress controller's log can't be followed any more: {follower.failure}")

    def collect(self, destination: Path) -> None:
        """Store nothing: the logs belong to others."""


@contextmanager
def live_cluster(name: str, kubeconfig: Path, entry: Entry, words: Mapping[str, str]) -> Iterator[LiveCluster]:
    """Yield the cluster for one trial. Its ingress controller's log is followed if the user may read it."""
    clock = Clock.start()
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with Kube(kubeconfig) as kube:
        found, signals = find_visible(kube)
        address = found.facts.address if found is not None else None
        if found is None or address is None:
            yield LiveCluster(name, kubeconfig, entry, words)
            return
        stamps, log = Stamps(clock, same_clock=False), found.log

        @contextmanager
        def sink(container: ContainerRun) -> Iterator[Sink]:
            del container
            read = log.reader()

            def take(line: LogLine) -> None:
                for event in () if log.is_access(line.text) else read(line, stamps):
                    events.put(event)

            yield take

        since = clock.isoformat(clock.now())
        with PodLogs(kube, address.namespace, address.labels, sink, since=since, stamps=True) as follower:
            yield LiveCluster(name, kubeconfig, entry, words, signals, (follower,), events)
