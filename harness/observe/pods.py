"""The lives of pods: created, scheduled, started, ready, unready, terminating, gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.kube.api import Object, Objects
from harness.model.timeline import Detail, Event, EventKind
from harness.observe.event_time import Sighting, earlier

_HASH = "pod-template-hash"
_LABELS = {"app": "app", "version": "version", _HASH: "hash"}


@dataclass(frozen=True, slots=True)
class PodView:
    """What is looked at of a pod.

    Attributes:
        uid: Identity.
        name: Name.
        address: Its IP; empty until it has one.
        labels: Its labels.
        image: Image of the first container.
        created: ``creationTimestamp``.
        scheduled: When it was scheduled; empty if it is not.
        started: ``startedAt`` of each running container, by name.
        ready: Its Ready condition.
        ready_since: When that last changed; may be empty.
        deletion: ``deletionTimestamp``: when its grace period ends; empty unless it is being deleted.
        grace: Its grace period in seconds, if it is being deleted.
    """

    uid: str
    name: str
    address: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    created: str = ""
    scheduled: str = ""
    started: Mapping[str, str] = field(default_factory=dict)
    ready: bool = False
    ready_since: str = ""
    deletion: str = ""
    grace: int = 0

    @classmethod
    def of(cls, pod: Mapping[str, Any]) -> PodView:
        """The view of a Pod object."""
        metadata, status = pod["metadata"], pod.get("status", {})
        conditions = {c["type"]: c for c in status.get("conditions") or ()}
        scheduled, ready = conditions.get("PodScheduled", {}), conditions.get("Ready", {})
        return cls(
            uid=metadata["uid"],
            name=metadata["name"],
            address=status.get("podIP", ""),
            labels=metadata.get("labels", {}),
            image=next((c.get("image", "") for c in pod.get("spec", {}).get("containers", ())), ""),
            created=metadata.get("creationTimestamp") or "",
            scheduled=(scheduled.get("lastTransitionTime") or "") if scheduled.get("status") == "True" else "",
            started=_started(status),
            ready=ready.get("status") == "True",
            ready_since=ready.get("lastTransitionTime") or "",
            deletion=metadata.get("deletionTimestamp") or "",
            grace=metadata.get("deletionGracePeriodSeconds") or 0,
        )

    @property
    def detail(self) -> Detail:
        """What every event of a pod says."""
        known = {"ip": self.address, "image": self.image}
        return known | {word: self.labels[label] for label, word in _LABELS.items() if label in self.labels}


class PodTracker:
    """Keeps the pods of a namespace; a ``harness.observe.tracker.Tracker``."""

    def __init__(self) -> None:
        self.views: dict[str, PodView] = {}

    def listed(self, objects: Objects, sighting: Sighting) -> Iterator[Event]:
        """All pods there are."""
        there = {pod["metadata"]["uid"] for pod in objects}
        for uid in [uid for uid in self.views if uid not in there]:
            yield _event(self.views.pop(uid), "gone", sighting.place())
        for pod in objects:
            yield from self.changed(pod, sighting)

    def changed(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """A pod is new or different."""
        new = PodView.of(obj)
        old = self.views.get(new.uid)
        self.views[new.uid] = new
        yield from _life(old, new, sighting)

    def deleted(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """A pod is gone."""
        # Several steps may arrive as one, with the last: a forced deletion marks and removes at once.
        yield from self.changed(obj, sighting)
        yield _event(self.views.pop(obj["metadata"]["uid"]), "gone", sighting.place())


def _life(old: PodView | None, new: PodView, sighting: Sighting) -> Iterator[Event]:
    """The steps between two views, in the order in which they happen in a pod's life."""
    if old is None:
        yield _event(new, "created", sighting.place(new.created))
    if new.scheduled and not (old and old.scheduled):
        yield _event(new, "scheduled", sighting.place(new.scheduled))
    for container, started in new.started.items():
        if started and not (old and old.started.get(container) == started):
            yield _event(new, "started", sighting.place_reported(started), {"container": container})
    if new.ready and not (old and old.ready):
        yield _event(new, "ready", sighting.place(new.ready_since))
    if new.deletion and not (old and old.deletion):
        asked = earlier(new.deletion, new.grace)
        yield _event(new, "terminating", sighting.place(asked), {"grace": new.grace, "deletion": new.deletion})
    if old and old.ready and not new.ready:
        yield _event(new, "unready", sighting.place(new.ready_since))


def _event(view: PodView, what: str, when: tuple[int, int], more: Detail | None = None) -> Event:
    return Event(when[0], EventKind.POD, view.name, what, {**view.detail, **(more or {})}, when[1])


def _started(status: Mapping[str, Any]) -> dict[str, str]:
    running = {c["name"]: c.get("state", {}).get("running") for c in status.get("containerStatuses") or ()}
    return {name: state.get("startedAt") or "" for name, state in running.items() if state}
