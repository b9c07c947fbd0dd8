"""Somebody's cluster as a trial in place sees it: nothing is made or removed, and nobody's logs are kept.

An ingress controller that others use logs their requests, too, and an application's log is its owner's; so of logs only
the controller's words about its own reloads are read, and none is written down.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.clusters.base import Entry
from harness.clusters.shared.podlogs import Container, PodLogs, Sink
from harness.controllers.registry import find_visible
from harness.errors import HarnessError
from harness.kit.clock import Clock
from harness.kube.client import Kube
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps
from harness.model.controllers import ControllerAddress
from harness.model.timeline import Event


@dataclass(frozen=True, slots=True)
class LiveCluster:
    """A ``harness.clusters.base.Cluster``.

    Attributes:
        name: The context's name.
        kubeconfig: With this one context.
        entry: Where traffic enters.
        words: What a report says of it.
        ingress_tells: What can be seen of the ingress controller.
        followers: Follow its log.
        events: What they have read.
    """

    name: str
    kubeconfig: Path
    entry: Entry
    words: Mapping[str, str]
    ingress_tells: frozenset[str] = frozenset()
    followers: tuple[PodLogs, ...] = ()
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)

    @property
    def controller(self) -> ControllerAddress | None:
        """None: the ingress controller is somebody else's, and a run never restarts it."""
        return None

    def service_entry(self, namespace: str, service: str) -> Entry:
        """The one entry that was given."""
        del namespace, service
        return self.entry

    def facts(self) -> Mapping[str, str]:
        """What a reader of the report may want to know of it."""
        return self.words

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """What the ingress controller has said, until ``stop()``."""
        while True:
            last_look = stop()
            try:
                while True:
                    yield self.events.get(timeout=0 if last_look else 0.05)
            except queue.Empty:
                if last_look:
                    return

    def check(self) -> None:
        """Raise if the ingress controller can't be followed any more.

        Raises:
            HarnessError: Why.
        """
        for follower in self.followers:
            if follower.failure:
                raise HarnessError(f"The ingress controller's log can't be followed any more: {follower.failure}")

    def collect(self, destination: Path) -> None:
        """Nothing: whose logs these are is not ours to say."""


@contextmanager
def live_cluster(name: str, kubeconfig: Path, entry: Entry, words: Mapping[str, str]) -> Iterator[LiveCluster]:
    """Somebody's cluster while a trial lasts, its ingress controller in sight where that is allowed."""
    clock = Clock.start()
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with Kube(kubeconfig) as kube:
        found, told = find_visible(kube)
        address = found.facts.address if found is not None else None
        if found is None or address is None:
            yield LiveCluster(name, kubeconfig, entry, words)
            return
        stamps, log = Stamps(clock, same_clock=False), found.log

        @contextmanager
        def sink(container: Container) -> Iterator[Sink]:
            del container
            read = log.reader()

            def take(line: LogLine) -> None:
                for event in () if log.is_access(line.text) else read(line, stamps):
                    events.put(event)

            yield take

        since = clock.isoformat(clock.now())
        with PodLogs(kube, address.namespace, address.labels, sink, since=since, stamps=True) as follower:
            yield LiveCluster(name, kubeconfig, entry, words, told, (follower,), events)
