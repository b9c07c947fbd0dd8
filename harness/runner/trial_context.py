"""The parts of a running trial, and when the system has come to rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.clusters.base import Cluster, Entry
from harness.errors import WaitTimeoutError
from harness.kit.clock import Clock
from harness.kit.waiting import wait_until
from harness.model.changes import ChangeSpec
from harness.model.controllers import LONGEST_SYNC_S
from harness.model.events import ChangeEvent, EventDetail, NotObserved, written
from harness.model.timeline import Detail, Event, EventKind
from harness.observe.observer import Observer
from harness.store.timeline import TimelineWriter
from harness.traffic.process import TrafficChild

#: How long the ingress controller must have done nothing when the change begins. One that has just synced (its own
#: status update is enough) takes up the next change later than one at rest, and a loss that any cluster at rest would
#: show goes unseen. The slowest controller and a margin of 0.2 s.
INGRESS_REST_SECONDS = LONGEST_SYNC_S + 0.2
#: Longest time for it to come to rest.
INGRESS_REST_WAIT = 30.0
#: Longest time for pods to go and the ingress to follow after a change was seen.
REST_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Scene:
    """The parts of a running trial.

    Attributes:
        child: The traffic.
        cluster: Where it goes.
        entry: Where it enters.
        observer: What sees the cluster.
        timeline: What is written down.
        clock: The trial's clock.
    """

    child: TrafficChild
    cluster: Cluster
    entry: Entry
    observer: Observer
    timeline: TimelineWriter
    clock: Clock

    def record(self, kind: EventKind, subject: str, what: str, detail: Detail | None = None) -> int:
        """Put an event on the timeline; returns its time."""
        at = self.clock.now()
        self.timeline.record(Event(at, kind, subject, what, detail or {}))
        return at

    def record_change(self, name: str, event: ChangeEvent, detail: EventDetail, *, n: int | None = None) -> None:
        """Put an event of the change on the timeline that the change does not record itself.

        Args:
            name: The change's name.
            event: What happened.
            detail: Of the event's type.
            n: The repetition, 0 for the whole change; None leaves it out.
        """
        self.timeline.record(written(self.clock.now(), name, event, detail, n=n))

    def wait_for_ingress_rest(self) -> None:
        """Wait until the ingress controller would take up a change at once.

        Raises:
            WaitTimeoutError: It never rests.
        """
        wait_until(
            lambda: self.observer.ingress_idle(INGRESS_REST_SECONDS),
            timeout=INGRESS_REST_WAIT,
            what="the ingress controller to come to rest",
        )

    def wait_for_rest(self, since_ns: int, change: ChangeSpec, check: Callable[[], None]) -> None:
        """Wait for the last of: old pods gone, ingress synced. In vain, it is a change that was not seen to its end.

        Not a failure of the trial: what was lost until then is lost, whatever the system still does.
        """

        def at_rest() -> bool:
            check()
            return self.observer.quiet(since_ns)

        try:
            wait_until(at_rest, timeout=REST_SECONDS, what="the system to come to rest")
        except WaitTimeoutError:
            missing = NotObserved(awaited="rest", missing="old pods to go and the ingress to follow")
            self.record_change(change.name, ChangeEvent.NOT_OBSERVED, missing, n=0)
