"""Detects changes of a trial's objects by others: an autoscaler, a GitOps controller, a colleague.

The result of such a trial can't be attributed to its own change alone, whether requests were lost or not. Each
observation of an object is compared with the one before. A difference in fields that users write, and that the harness
did not write, is a change by others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.kube.api import KubeApi, Object, Objects, Strategy
from harness.kube.pointer import ABSENT
from harness.model.timeline import Event, EventKind
from harness.observe.event_time import Observation

#: Annotations that Kubernetes' own controllers write while they carry out a change.
_CLUSTERS_OWN = frozenset({"deployment.kubernetes.io/revision"})
#: Maximum number of fields to name in an event.
_MOST_FIELDS = 5

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Alteration:
    """An observed change of an object. If a list showed it (``listed``), versions in between may have been missed."""

    kind: str
    name: str
    object: Object | None
    at: int
    exact_ns: int
    listed: bool
    fields: tuple[str, ...]
    managers: tuple[str, ...]


class InterferenceDetector:
    """Separates changes by others from the harness's own.

    An own patch can be observed before the API server has answered it. Changes are therefore only classified while no
    own patch is under way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ours: list[Object] = []
        self._under_way = 0
        self._pending: list[_Alteration] = []

    def own_api(self, kube: KubeApi) -> KubeApi:
        """Return an API client whose patches count as own changes."""
        return _OwnApi(kube, self)

    def tracker(self, kind: str, names: frozenset[str]) -> TargetTracker:
        """Return a tracker for some objects of a kind."""
        return TargetTracker(kind, names, self)

    def take_foreign(self) -> tuple[Event, ...]:
        """Return new changes by others as events, each once; nothing while an own patch is under way."""
        with self._lock:
            if self._under_way:
                return ()
            foreign = [seen for seen in self._pending if not self._is_ours(seen)]
            self._pending.clear()
        return tuple(_event(seen) for seen in foreign)

    def begins(self) -> None:
        """Record that an own patch is under way."""
        with self._lock:
            self._under_way += 1

    def ends(self, answer: Object | None) -> None:
        """Record the end of an own patch, with the object after it; None if it was refused."""
        with self._lock:
            self._under_way -= 1
            self._ours += [answer] if answer is not None else []

    def saw(self, seen: _Alteration) -> None:
        """Record an observed change by anyone."""
        with self._lock:
            self._pending.append(seen)

    def _is_ours(self, seen: _Alteration) -> bool:
        """Return True for an own change: by its version or, in a list, by the fields that users write."""
        found = seen.object
        return found is not None and any(
            _version(found) == _version(ours) or (seen.listed and _users_part(found) == _users_part(ours))
            for ours in self._ours
            if (ours.get("kind"), ours["metadata"]["name"]) == (seen.kind, seen.name)
        )


class TargetTracker:
    """Tracks some objects of one kind, as a ``harness.observe.tracker.Tracker``.

    Args:
        kind: The kind.
        names: Names of the objects.
        interference: Receives each change.
    """

    def __init__(self, kind: str, names: frozenset[str], interference: InterferenceDetector) -> None:
        self.kind = kind
        self._names = names
        self._interference = interference
        self._last: dict[str, Object] = {}
        self._lock = threading.Lock()

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Take in all objects."""
        there = {obj["metadata"]["name"] for obj in objects}
        for name in [name for name in self._last if name not in there]:
            self._compare(name, None, observation)
        for obj in objects:
            yield from self.changed(obj, observation)

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Take in a new or changed object."""
        if obj["metadata"]["name"] in self._names:
            self._compare(obj["metadata"]["name"], obj, observation)
        yield from ()

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Take in a deleted object."""
        if obj["metadata"]["name"] in self._names:
            self._compare(obj["metadata"]["name"], None, observation)
        yield from ()

    def _compare(self, name: str, new: Object | None, observation: Observation) -> None:
        with self._lock:
            old = self._last.pop(name, None)
            if new is not None:
                self._last[name] = new
            fields, managers = differences(old, new)
        listed = observation.since is not None
        if not fields or (old is None and listed):
            return  # the first observation, or no change of a field that users write
        at, exact = observation.place()
        self._interference.saw(_Alteration(self.kind, name, new, at, exact, listed, fields, managers))


class _OwnApi:
    """A ``KubeApi`` that records its patches as own changes."""

    def __init__(self, kube: KubeApi, interference: InterferenceDetector) -> None:
        self._kube = kube
        self._interference = interference
        self.get = kube.get
        self.list = kube.list
        self.list_with_version = kube.list_with_version
        self.is_namespaced = kube.is_namespaced
        self.create = kube.create
        self.apply = kube.apply
        self.delete = kube.delete
        self.evict = kube.evict
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
        """Change an object, and record the new version as an own one."""
        answer: Object | None = None
        self._interference.begins()
        try:
            answer = self._kube.patch(kind, name, namespace, body, strategy=strategy)
        finally:
            self._interference.ends(answer)
        return answer


def differences(old: Object | None, new: Object | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths of changed fields that users write, and the field managers of the changes.

    Args:
        old: The object before; None if it did not exist.
        new: The object now; None if it no longer exists.
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
    """Return field managers that gained fields, without those of statuses: ``kubectl-edit``, ``x (scale)``.

    A manager that only lost fields has written nothing: another one has taken them.
    """
    before = _entries(old)
    return tuple(sorted({name for name, facts in _entries(new).items() if facts - before.get(name, frozenset())}))


def _entries(obj: Mapping[str, Any]) -> dict[str, frozenset[tuple[Any, ...]]]:
    """Return the operations with times, and the fields, of each field manager except those of statuses."""
    found: dict[str, set[tuple[Any, ...]]] = {}
    for entry in obj.get("metadata", {}).get("managedFields") or ():
        part = entry.get("subresource", "")
        if part != "status":
            name = f"{entry.get('manager', '')} ({part})" if part else str(entry.get("manager", ""))
            facts = found.setdefault(name, set())
            facts.add((entry.get("operation"), entry.get("time")))
            facts.update(_fields(entry.get("fieldsV1") or {}, ()))
    return {name: frozenset(facts) for name, facts in found.items()}


def _fields(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not value:
        yield path
    for name, below in value.items():
        yield from _fields(below, (*path, name))


def _event(seen: _Alteration) -> Event:
    more = f" and {len(seen.fields) - _MOST_FIELDS} more" if len(seen.fields) > _MOST_FIELDS else ""
    detail = {
        "object": f"{seen.kind}/{seen.name}",
        "fields": ", ".join(seen.fields[:_MOST_FIELDS]) + more,
        "who": ", ".join(seen.managers),
    }
    return Event(seen.at, EventKind.TARGET, seen.name, "altered", detail, seen.exact_ns)
