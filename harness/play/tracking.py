"""Tracks objects that a participant changes, and tells a participant's changes from those of controllers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.kube.api import KubeApi, Object, Objects
from harness.kube.errors import NotFoundError
from harness.model.timeline import Event, EventKind
from harness.observe.event_time import Observation
from harness.play.wording import describe_change

#: Called with every change that a participant made.
OnChange = Callable[["MadeChange"], None]


@dataclass(frozen=True, slots=True)
class MadeChange:
    """A change that a participant made.

    Attributes:
        at: CLOCK_MONOTONIC at which it was seen, in nanoseconds.
        kind: Kind of the object.
        name: Its name.
        namespace: Its namespace; empty for a cluster-scoped object.
        text: The change in words.
    """

    at: int
    kind: str
    name: str
    namespace: str
    text: str

    @property
    def event(self) -> Event:
        """Return the change as an event of the timeline."""
        detail = {"namespace": self.namespace, "text": self.text}
        return Event(self.at, EventKind.TARGET, f"{self.kind}/{self.name}", "changed", detail)


class ObjectTracker:
    """A ``Tracker`` without events: keeps the objects of one kind, and reports changes of fields that people write.

    Args:
        kind: The kind.
        changed_by_hand: Receives the changes.

    Attributes:
        objects: (namespace, name) -> the object.
    """

    def __init__(self, kind: str, changed_by_hand: OnChange) -> None:
        self.kind = kind
        self.objects: dict[tuple[str, str], Object] = {}
        self._report = changed_by_hand
        self._is_synced = False

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Take in all objects; those of the first list were there before the session."""
        found = {_key(one): one for one in objects}
        for key in [key for key in self.objects if key not in found]:
            self._compare(self.objects.pop(key), None, observation)
        for key, one in found.items():
            if self._is_synced:
                self._compare(self.objects.get(key), one, observation)
            self.objects[key] = one
        self._is_synced = True
        yield from ()

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Take in a new or changed object."""
        self._compare(self.objects.get(_key(obj)), obj, observation)
        self.objects[_key(obj)] = obj
        yield from ()

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Remove a deleted object."""
        self._compare(self.objects.pop(_key(obj), obj), None, observation)
        yield from ()

    def is_by_hand(self, old: Object | None, new: Object | None) -> bool:
        """Return True if a person made a change. A subclass recognises changes that controllers make."""
        del old, new
        return True

    def _compare(self, old: Object | None, new: Object | None, observation: Observation) -> None:
        text = describe_change(self.kind, old, new)
        if text and self.is_by_hand(old, new):
            namespace, name = _key(new or old or {})
            self._report(MadeChange(observation.place()[0], self.kind, name, namespace, text))


class HandMadePods(ObjectTracker):
    """Tracks Pods; those of a ReplicaSet count only if a person has deleted one.

    A ReplicaSet deletes pods while it has too many. One that is deleted while its ReplicaSet has too few was deleted by
    somebody else.

    Args:
        changed_by_hand: Receives the changes.
        kube: The API server, which is asked for the ReplicaSet of a deleted pod.
    """

    def __init__(self, changed_by_hand: OnChange, kube: KubeApi) -> None:
        super().__init__("Pod", changed_by_hand)
        self._kube = kube

    def _compare(self, old: Object | None, new: Object | None, observation: Observation) -> None:
        if new is None:
            # The deletion was reported when the pod was marked, unless it vanished at once.
            if old is not None and not _is_marked(old):
                super()._compare(old, None, observation)
        elif _is_marked(new) and not (old and _is_marked(old)):
            super()._compare(new, None, observation)
        else:
            super()._compare(old, new, observation)

    def is_by_hand(self, old: Object | None, new: Object | None) -> bool:
        """Return True for pods without a ReplicaSet, and for a deletion that their ReplicaSet did not request."""
        pod = old or new or {}
        owner = _owner(pod)
        if not owner:
            return True
        if new is not None:
            # A change of a label by hand; the creation of an owned pod is its ReplicaSet's.
            return old is not None
        namespace, name = _key(pod)
        others = [
            other
            for key, other in self.objects.items()
            if key != (namespace, name) and _owner(other) == owner and not _is_marked(other)
        ]
        try:
            wanted = self._kube.get("ReplicaSet", owner, namespace)["spec"].get("replicas", 1)
        except NotFoundError:
            return False
        return bool(len(others) < wanted)


def _key(obj: Object) -> tuple[str, str]:
    metadata = obj.get("metadata", {})
    return str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def _is_marked(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _owner(pod: Object) -> str:
    owners = pod.get("metadata", {}).get("ownerReferences") or ()
    return next((str(one["name"]) for one in owners if one.get("kind") == "ReplicaSet"), "")
