"""Tracks the states of pods: created, scheduled, started, ready, unready, terminating, gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.kube.api import Object, Objects
from harness.model.timeline import Detail, Event, EventKind
from harness.observe.event_time import Observation, earlier

_HASH = "pod-template-hash"
_LABELS = {"app": "app", "version": "version", _HASH: "hash"}


@dataclass(frozen=True, slots=True)
class PodView:
    """The observed fields of a pod.

    Attributes:
        uid: UID of the pod.
        name: Name of the pod.
        address: Its IP address; empty until it has one.
        labels: Its labels.
        image: Image of the first container.
        created: ``creationTimestamp``.
        scheduled: Timestamp of its scheduling; empty until then.
        started: Container -> ``startedAt``, for running containers.
        ready: Its Ready condition.
        ready_since: Timestamp of the last change of that condition; may be empty.
        deletion: ``deletionTimestamp``, the end of its grace period; empty if it is not being deleted.
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
        """Return the observed fields of a Pod object."""
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
        """Return the facts that every event of the pod has."""
        known = {"ip": self.address, "image": self.image}
        return known | {word: self.labels[label] for label, word in _LABELS.items() if label in self.labels}


class PodTracker:
    """Tracks the pods of a namespace, as a ``harness.observe.tracker.Tracker``."""

    def __init__(self) -> None:
        self.views: dict[str, PodView] = {}

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Take in all pods."""
        there = {pod["metadata"]["uid"] for pod in objects}
        for uid in [uid for uid in self.views if uid not in there]:
            yield _event(self.views.pop(uid), "gone", observation.place())
        for pod in objects:
            yield from self.changed(pod, observation)

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Take in a new or changed pod."""
        new = PodView.of(obj)
        old = self.views.get(new.uid)
        self.views[new.uid] = new
        yield from _life(old, new, observation)

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Remove a deleted pod."""
        # One event may have several steps: a forced deletion marks and removes the pod at once.
        yield from self.changed(obj, observation)
        yield _event(self.views.pop(obj["metadata"]["uid"]), "gone", observation.place())


def _life(old: PodView | None, new: PodView, observation: Observation) -> Iterator[Event]:
    """Yield the steps between two views, in the order of a pod's lifecycle."""
    if old is None:
        yield _event(new, "created", observation.place(new.created))
    if new.scheduled and not (old and old.scheduled):
        yield _event(new, "scheduled", observation.place(new.scheduled))
    for container, started in new.started.items():
        if started and not (old and old.started.get(container) == started):
            yield _event(new, "started", observation.place_reported(started), {"container": container})
    if new.ready and not (old and old.ready):
        yield _event(new, "ready", observation.place(new.ready_since))
    if new.deletion and not (old and old.deletion):
        asked = earlier(new.deletion, new.grace)
        yield _event(new, "terminating", observation.place(asked), {"grace": new.grace, "deletion": new.deletion})
    if old and old.ready and not new.ready:
        yield _event(new, "unready", observation.place(new.ready_since))


def _event(view: PodView, what: str, when: tuple[int, int], more: Detail | None = None) -> Event:
    return Event(when[0], EventKind.POD, view.name, what, {**view.detail, **(more or {})}, when[1])


def _started(status: Mapping[str, Any]) -> dict[str, str]:
    running = {c["name"]: c.get("state", {}).get("running") for c in status.get("containerStatuses") or ()}
    return {name: state.get("startedAt") or "" for name, state in running.items() if state}
