"""Whether somebody else alters an object that a trial is about: an autoscaler, a GitOps controller, a colleague.

What was lost then can't be put down to the change alone, nor can nothing lost. Every sight of such an object is held
against the one before; what differs in a part that users write, and was not written by us, is somebody else's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.kube.api import KubeApi, Object, Objects, Strategy
from harness.kube.pointer import ABSENT
from harness.model.timeline import Event, EventKind
from harness.observe.event_time import Sighting

#: Annotations that the cluster's own controllers write as they carry a change out.
_CLUSTERS_OWN = frozenset({"deployment.kubernetes.io/revision"})
#: Fields named at most; more say no more.
_MOST_FIELDS = 5

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A sight of an object that differs from the one before; ``listed``: versions in between may have gone unseen."""

    kind: str
    name: str
    object: Object | None
    at: int
    exact_ns: int
    listed: bool
    fields: tuple[str, ...]
    managers: tuple[str, ...]


class InterferenceTracker:
    """Tells what others alter from what we do.

    A patch of ours may be seen before the API server has answered it, so that a sight is sorted only while none of ours
    is under way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ours: list[Object] = []
        self._under_way = 0
        self._pending: list[_Seen] = []

    def signed(self, kube: KubeApi) -> KubeApi:
        """The API server by which we change objects: what it answers is known to be ours."""
        return _Signed(kube, self)

    def tracker(self, kind: str, names: frozenset[str]) -> TargetTracker:
        """What is told of the objects of a kind."""
        return TargetTracker(kind, names, self)

    def sorted_out(self) -> tuple[Event, ...]:
        """What others have done and was not told yet; nothing while a patch of ours is under way."""
        with self._lock:
            if self._under_way:
                return ()
            foreign = [seen for seen in self._pending if not self._is_ours(seen)]
            self._pending.clear()
        return tuple(_event(seen) for seen in foreign)

    def begins(self) -> None:
        """A patch of ours is under way."""
        with self._lock:
            self._under_way += 1

    def ends(self, answer: Object | None) -> None:
        """It is over; the object as it is since then, None where it was refused."""
        with self._lock:
            self._under_way -= 1
            self._ours += [answer] if answer is not None else []

    def saw(self, seen: _Seen) -> None:
        """An object was altered by whomever."""
        with self._lock:
            self._pending.append(seen)

    def _is_ours(self, seen: _Seen) -> bool:
        """By its version; of a list, which may show a later one, by what users write in it."""
        found = seen.object
        return found is not None and any(
            _version(found) == _version(ours) or (seen.listed and _users_part(found) == _users_part(ours))
            for ours in self._ours
            if (ours.get("kind"), ours["metadata"]["name"]) == (seen.kind, seen.name)
        )


class TargetTracker:
    """Keeps the objects of one kind that a trial is about; a ``harness.observe.tracker.Tracker``.

    Args:
        kind: The kind.
        names: The objects.
        interference: Told of each difference.
    """

    def __init__(self, kind: str, names: frozenset[str], interference: InterferenceTracker) -> None:
        self.kind = kind
        self._names = names
        self._interference = interference
        self._last: dict[str, Object] = {}
        self._lock = threading.Lock()

    def listed(self, objects: Objects, sighting: Sighting) -> Iterator[Event]:
        """All objects there are."""
        there = {obj["metadata"]["name"] for obj in objects}
        for name in [name for name in self._last if name not in there]:
            self._compare(name, None, sighting)
        for obj in objects:
            yield from self.changed(obj, sighting)

    def changed(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """One is new or different."""
        if obj["metadata"]["name"] in self._names:
            self._compare(obj["metadata"]["name"], obj, sighting)
        yield from ()

    def deleted(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """One is gone."""
        if obj["metadata"]["name"] in self._names:
            self._compare(obj["metadata"]["name"], None, sighting)
        yield from ()

    def _compare(self, name: str, new: Object | None, sighting: Sighting) -> None:
        with self._lock:
            old = self._last.pop(name, None)
            if new is not None:
                self._last[name] = new
            fields, managers = differences(old, new)
        listed = sighting.since is not None
        if not fields or (old is None and listed):
            return  # the first look, or nothing that a user writes
        at, exact = sighting.place()
        self._interference.saw(_Seen(self.kind, name, new, at, exact, listed, fields, managers))


class _Signed:
    """A ``KubeApi`` whose patches are known to be ours."""

    def __init__(self, kube: KubeApi, interference: InterferenceTracker) -> None:
        self._kube = kube
        self._interference = interference
        self.get = kube.get
        self.list = kube.list
        self.list_with_version = kube.list_with_version
        self.is_namespaced = kube.is_namespaced
        self.create = kube.create
        self.apply = kube.apply
        self.delete = kube.delete
        self.watch = kube.watch

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        strategy: Strategy = "merge",
    ) -> Object:
        """Change an object; the version that it has since is ours."""
        answer: Object | None = None
        self._interference.begins()
        try:
            answer = self._kube.patch(kind, name, namespace, body, strategy=strategy)
        finally:
            self._interference.ends(answer)
        return answer


def differences(old: Object | None, new: Object | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(fields, managers): what of a user's part differs, and who is on record for a change since.

    Args:
        old: The object before; None if it was not there.
        new: The object now; None if it is not there any more.
    """
    if new is None:
        return ("the whole object, which was deleted",), ()
    fields = tuple(dict.fromkeys(_paths(_users_part(old or {}), _users_part(new), ())))
    return fields, _managers(old or {}, new)


def _version(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))


def _users_part(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = obj.get("metadata", {})
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _CLUSTERS_OWN}
    return {
        "metadata": {"annotations": annotations, "labels": metadata.get("labels") or {}},
        "spec": obj.get("spec") or {},
    }


def _paths(old: Any, new: Any, path: _Path) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _paths(old.get(key, ABSENT), new.get(key, ABSENT), (*path, str(key)))
    else:
        yield ".".join(path)


def _managers(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Field managers whose entry is new or different, statuses apart: ``kubectl-edit``, ``x (scale)``."""
    before = _entries(old)
    return tuple(sorted({name for name, entry in _entries(new).items() if before.get(name) != entry}))


def _entries(obj: Mapping[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for entry in obj.get("metadata", {}).get("managedFields") or ():
        part = entry.get("subresource", "")
        if part != "status":
            name = f"{entry.get('manager', '')} ({part})" if part else str(entry.get("manager", ""))
            found.setdefault(name, []).append((entry.get("operation"), entry.get("time"), entry.get("fieldsV1")))
    return found


def _event(seen: _Seen) -> Event:
    more = f" and {len(seen.fields) - _MOST_FIELDS} more" if len(seen.fields) > _MOST_FIELDS else ""
    detail = {
        "object": f"{seen.kind}/{seen.name}",
        "fields": ", ".join(seen.fields[:_MOST_FIELDS]) + more,
        "who": ", ".join(seen.managers),
    }
    return Event(seen.at, EventKind.TARGET, seen.name, "altered", detail, seen.exact_ns)
