"""Groups the parts of a running trial, and decides when the system is at rest."""

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

#: Seconds for which the ingress controller must have been idle when the change begins. A controller that has just
#: synced (its own status update is enough) processes the next change later than an idle one. Then a loss that occurs
#: on every idle cluster could stay unseen. This is the longest sync interval plus a margin of 0.2 s.
INGRESS_REST_SECONDS = LONGEST_SYNC_S + 0.2
#: Seconds for the ingress controller to become idle.
INGRESS_REST_WAIT = 90.0
#: Seconds for old pods to go and the ingress to sync after a change was observed.
REST_SECONDS = 90.0
#: Seconds between two looks whether something is at rest.
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class TrialParts:
    """The parts of a running trial.

    Attributes:
        child: The traffic process.
        cluster: The cluster under test.
        entry: Address to which the traffic is sent.
        observer: Records events of the cluster.
        timeline: The file of all events.
        clock: The trial's clock.
    """

    child: TrafficChild
    cluster: Cluster
    entry: Entry
    observer: Observer
    timeline: TimelineWriter
    clock: Clock

    def record(self, kind: EventKind, subject: str, what: str, detail: Detail | None = None) -> int:
        """Write an event to the timeline, and return its time."""
        at = self.clock.now()
        self.timeline.record(Event(at, kind, subject, what, detail or {}))
        return at

    def record_change(self, name: str, event: ChangeEvent, detail: EventDetail, *, n: int | None = None) -> None:
        """Write an event of the change that the change does not record itself.

        Args:
            name: The change's name.
            event: Type of the event.
            detail: Detail that belongs to this type.
            n: Number of the repetition; 0 for the whole change; None omits it.
        """
        self.timeline.record(written(self.clock.now(), name, event, detail, n=n))

    def wait_for_ingress_rest(self) -> None:
        """Wait until the ingress controller is idle, so that it would process a change at once.

        Raises:
            WaitTimeoutError: It did not become idle in time.
        """
        wait_until(
            lambda: self.observer.ingress_idle(INGRESS_REST_SECONDS),
            timeout=INGRESS_REST_WAIT,
            what="the ingress controller to come to rest",
            interval=_LOOK,
        )

    def wait_for_rest(self, since_ns: int, change: ChangeSpec, check: Callable[[], None]) -> None:
        """Wait until old pods are gone and the ingress has synced.

        A timeout is recorded as a change that was not observed to its end. It is no failure of the trial: requests lost
        until then are lost, whatever the system does later.
        """

        def at_rest() -> bool:
            check()
            return self.observer.quiet(since_ns)

        try:
            wait_until(at_rest, timeout=REST_SECONDS, what="the system to come to rest", interval=_LOOK)
        except WaitTimeoutError:
            missing = NotObserved(awaited="rest", missing="old pods to go and the ingress to follow")
            self.record_change(change.name, ChangeEvent.NOT_OBSERVED, missing, n=0)
