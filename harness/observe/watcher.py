"""Observes one kind of object: lists, watches, and lists again when the watch breaks.

The list after an interruption shows what has changed meanwhile: the tracker compares it with the last known state, and
its events say how inexact their times are. It can't show a change that was undone meanwhile, or an object that was
created and deleted; the recorded interruption makes that visible.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from harness.kit.clock import Clock
from harness.kube.api import KubeApi, Objects, WatchEvent
from harness.kube.errors import (
    ForbiddenError,
    KubeError,
    NotFoundError,
    RejectedError,
    WatchExpiredError,
    WatchInterruptedError,
)
from harness.model.timeline import Event, EventKind
from harness.observe.event_time import Observation, wall_ns
from harness.observe.tracker import Tracker

#: Seconds before the next attempt to list, doubled up to the second one.
_BACKOFF = (0.1, 1.0)
#: Errors for which retries are useless.
_FINAL = (ForbiddenError, NotFoundError, RejectedError)


class Watcher:
    """Observes one kind of object until it is stopped.

    Args:
        kind: The kind.
        namespace: Namespace of the objects.
        kube: The API server.
        tracker: Turns objects into events.
        keep: Receives a tracker's events. The tracker works while they are iterated over, so ``keep`` can hold a lock.
        stop: Ends the watcher.
        clock: The run's clock.
        optional: True if the watcher may end when the server does not permit it. The timeline then says so.

    Attributes:
        synced: Set after the first list.
    """

    def __init__(
        self,
        kind: str,
        namespace: str,
        *,
        kube: KubeApi,
        tracker: Tracker,
        keep: Callable[[Iterable[Event]], None],
        stop: threading.Event,
        clock: Clock,
        optional: bool = False,
    ) -> None:
        self.kind = kind
        self.namespace = namespace
        self.synced = threading.Event()
        self._kube = kube
        self._tracker = tracker
        self._keep = keep
        self._stop = stop
        self._clock = clock
        self._optional = optional
        self._whole: int | None = None  # time up to which everything is known
        self._outage = 0  # begin of the current interruption
        self._revision = 0
        self._is_following = False

    @property
    def revision(self) -> int | None:
        """Return the number of changes of the kind that were observed; None while it is not watched."""
        return self._revision if self._is_following else None

    def run(self) -> None:
        """Observe until stopped.

        Raises:
            KubeError: The kind can't be listed.
        """
        delay = _BACKOFF[0]
        while not self._stop.is_set():
            try:
                version = self._list()
                delay = _BACKOFF[0]
                self._watch(version)
            except (KubeError, WatchInterruptedError, WatchExpiredError) as error:
                self._is_following = False
                if self._optional and isinstance(error, ForbiddenError):
                    self._record("not-permitted", self._clock.now(), {"reason": str(error)})
                    self.synced.set()
                    return
                if isinstance(error, _FINAL) or not self.synced.is_set():
                    raise
                self._interrupted(error)
                self._stop.wait(delay)
                delay = min(delay * 2, _BACKOFF[1])

    def _list(self) -> str:
        objects, version = self._kube.list_with_version(self.kind, self.namespace)
        now = self._clock.now()
        since = self._oldest(objects) if self._whole is None else self._whole
        self._keep(self._tracker.listed(objects, Observation(self._clock, now, since)))
        if self._outage:
            self._record("resumed", now, {"seconds": round((now - self._outage) / 1e9, 3)})
        self._whole, self._outage = now, 0
        self._revision += 1
        self._is_following = True
        self.synced.set()
        return version

    def _oldest(self, objects: Objects) -> int:
        """Return the earliest time of changes in the first list: the trial's begin, or an earlier creation."""
        made = [str(one["metadata"].get("creationTimestamp") or "") for one in objects]
        return min(
            [self._clock.monotonic_anchor_ns, *(self._clock.from_wall(wall_ns(stamp)) for stamp in made if stamp)]
        )

    def _watch(self, version: str) -> None:
        """Watch again and again. If the server ends a watch normally, nothing is missed and no list is needed."""
        while not self._stop.is_set():
            for event in self._kube.watch(self.kind, self.namespace, since=version, stop=self._stop.is_set):
                version = event.version or version
                self._whole = event.received_ns
                self._take(event)

    def _take(self, event: WatchEvent) -> None:
        if event.type != "BOOKMARK":
            self._revision += 1
        observation = Observation(self._clock, event.received_ns)
        if event.type in {"ADDED", "MODIFIED"}:
            self._keep(self._tracker.changed(event.object, observation))
        elif event.type == "DELETED":
            self._keep(self._tracker.deleted(event.object, observation))

    def _interrupted(self, error: Exception) -> None:
        if not self._outage:
            self._outage = self._clock.now()
            self._record("interrupted", self._outage, {"reason": str(error)})

    def _record(self, what: str, at: int, detail: dict[str, str | int | float | bool]) -> None:
        self._keep([Event(at, EventKind.WATCH, self.kind, what, detail)])
