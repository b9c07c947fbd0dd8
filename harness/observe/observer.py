"""Everything that can be seen of a trial while it runs: one thread per kind of object, one for the ingress controller.

A thread that fails is never silent: the timeline says so, and the trial fails when it is next checked. Without its
eyes the harness could call a change unobserved, or worse, a loss unexplained.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from harness.errors import HarnessError
from harness.kit.clock import Clock
from harness.kit.waiting import wait_until
from harness.kube.api import KubeApi
from harness.model.timeline import Event, EventKind
from harness.observe.endpoints import EndpointTracker
from harness.observe.kubelet import KubeletTracker
from harness.observe.nodes import NodeTracker
from harness.observe.pods import PodTracker
from harness.observe.rest import at_rest
from harness.observe.scope import Scope, Scoped
from harness.observe.services import ServiceTracker
from harness.observe.tracker import Tracker, Unrecorded
from harness.observe.watcher import Watcher

#: Seconds for the first lists to arrive.
SYNC_SECONDS = 20.0
#: Seconds for all threads to end; a watch sees the stop within a fraction of one.
JOIN_SECONDS = 5.0


class ObservationError(HarnessError):
    """A watcher failed, so the timeline has a gap that can't be closed."""


class Recorder(Protocol):
    """Whoever keeps events: the timeline. Called from several threads."""

    def record(self, event: Event) -> None:
        """Keep one event."""


class IngressSource(Protocol):
    """Whoever knows what the ingress controller does: the cluster."""

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Follow it until ``stop()``."""


class Observer:
    """Watches a namespace and the ingress controller; a context manager.

    Args:
        kube: The API server; used from several threads.
        cluster: Where the ingress controller's events come from.
        namespace: What is watched.
        timeline: Where events go.
        clock: The run's clock.
        scope: What of the namespace is looked at; None for all of it.
        targets: What else is kept in sight, by kind: the objects that others must leave alone meanwhile.
    """

    def __init__(
        self,
        kube: KubeApi,
        cluster: IngressSource,
        namespace: str,
        timeline: Recorder,
        clock: Clock,
        *,
        scope: Scope | None = None,
        targets: Mapping[str, Tracker] = MappingProxyType({}),
    ) -> None:
        self._cluster = cluster
        self._timeline = timeline
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failure: tuple[str, Exception] | None = None
        self._ingress: dict[str, int] = {}
        self._pods, self._endpoints, self._services = PodTracker(), EndpointTracker(), ServiceTracker()
        trackers: dict[str, Tracker] = {
            "Pod": self._pods,
            "EndpointSlice": self._endpoints,
            "Service": self._services,
            "Event": KubeletTracker(),
        }
        self._watchers = [
            Watcher(kind, namespace, kube=kube, tracker=tracker, keep=self._keep, stop=self._stop, clock=clock)
            for kind, tracker in [
                *((kind, Scoped(kind, one, scope) if scope else one) for kind, one in trackers.items()),
                *targets.items(),
            ]
        ]
        # On somebody's cluster the right to see its nodes is seldom given, and nothing depends on it. A Deployment is
        # looked at by the change itself; that it is followed, too, saves looks.
        optional: tuple[tuple[str, str, Tracker], ...] = (
            ("Node", "", NodeTracker()),
            *((("Deployment", namespace, Unrecorded()),) if "Deployment" not in targets else ()),
        )
        self._watchers += [
            Watcher(
                kind, where, kube=kube, tracker=tracker, keep=self._keep, stop=self._stop, clock=clock, optional=True
            )
            for kind, where, tracker in optional
        ]
        self._threads = [
            threading.Thread(target=self._guarded, args=(name, work), name=f"observe {name}", daemon=True)
            for name, work in [*((w.kind, w.run) for w in self._watchers), ("ingress", self._follow_ingress)]
        ]

    def __enter__(self) -> Self:
        """Start watching; returns when everything that is there has been seen.

        Raises:
            ObservationError: A watcher can't begin.
        """
        for thread in self._threads:
            thread.start()
        try:
            wait_until(self._all_synced, timeout=SYNC_SECONDS, what="the first look at the workload")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Stop; a failure is raised here unless something else is already on its way."""
        self._end()
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise what a watcher failed of.

        Raises:
            ObservationError: One has failed.
        """
        if self._failure:
            name, error = self._failure
            raise ObservationError(f"Watching {name} failed: {error or type(error).__name__}") from error

    def ingress_seen(self, what: str, since_ns: int) -> bool:
        """Whether the ingress controller has done ``what`` (``reload``, ``configured``) at or after ``since_ns``."""
        with self._lock:
            return self._ingress.get(what, -1) >= since_ns

    def ingress_idle(self, seconds: float) -> bool:
        """Whether the ingress controller has done nothing for so long."""
        with self._lock:
            return self._clock.now() - max(self._ingress.values(), default=0) >= seconds * 1e9

    def revision(self, kind: str, namespace: str) -> int | None:
        """Return how often objects of a kind in a namespace were seen to change; None where they are not followed."""
        return next((w.revision for w in self._watchers if (w.kind, w.namespace) == (kind, namespace)), None)

    def quiet(self, since_ns: int) -> bool:
        """Whether the system has come to rest after a change that began at ``since_ns``; see ``rest.at_rest``."""
        with self._lock:
            return at_rest(
                self._pods.views.values(),
                self._services.selectors,
                self._endpoints,
                ingress_last=max(self._ingress.values(), default=-1),
                since=since_ns,
                now=self._clock.now(),
            )

    def _all_synced(self) -> bool:
        self.check()
        return all(watcher.synced.is_set() for watcher in self._watchers)

    def _keep(self, events: Iterable[Event]) -> None:
        with self._lock:
            for event in events:
                self._timeline.record(event)

    def _follow_ingress(self) -> None:
        for event in self._cluster.ingress_events(self._stop.is_set):
            with self._lock:
                self._timeline.record(event)
                self._ingress[event.what] = max(event.at, self._ingress.get(event.what, -1))

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 -- kept, told and raised by check()
            self._failure = self._failure or (name, error)
            with contextlib.suppress(Exception):  # if it was the timeline that failed, check() still says so
                self._keep([Event(self._clock.now(), EventKind.WATCH, name, "failed", {"reason": repr(error)})])

    def _end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
            if thread.is_alive():
                late = HarnessError(f"its thread did not end within {JOIN_SECONDS:g} s")
                self._failure = self._failure or (thread.name, late)
