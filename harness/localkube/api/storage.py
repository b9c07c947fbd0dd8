"""Objects in memory, with resourceVersions and a history to watch: what etcd and the watch cache are to a real server.

Stored objects are never changed in place: a write stores a new one, so that readers may keep what they got.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.localkube.api import errors
from harness.localkube.machinery.client import EventType
from harness.localkube.machinery.objects import Key, Object
from harness.localkube.machinery.resources import Resource

#: How many changes of each resource a watch may look back on.
HISTORY = 4096


@dataclass(frozen=True, slots=True)
class Change:
    """One write.

    Attributes:
        version: resourceVersion of the write.
        kind: What it did.
        old: The object before; None when it was added.
        new: The object after; when deleted, its last state with the version of the deletion.
    """

    version: int
    kind: EventType
    old: Object | None
    new: Object


@dataclass(slots=True)
class _Shelf:
    """Objects and history of one resource; ``floor`` is the newest version whose change is no longer in the history."""

    floor: int
    objects: dict[Key, Object] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=deque)
    watchers: set[asyncio.Queue[Change]] = field(default_factory=set)


class Storage:
    """All objects of the cluster.

    Versions start from the time in microseconds: after a restart they are higher than any before, so that watchers of
    an earlier life are told to list again instead of being fed another object's past.

    Args:
        start: First resourceVersion; the time by default.
        history: How many changes are kept per resource.
    """

    def __init__(self, start: int | None = None, history: int = HISTORY) -> None:
        self._start = time.time_ns() // 1000 if start is None else start
        self._version = self._start
        self._limit = history
        self._shelves: dict[str, _Shelf] = {}

    @property
    def version(self) -> int:
        """The version of the last write."""
        return self._version

    def _shelf(self, resource: Resource) -> _Shelf:
        return self._shelves.setdefault(resource.storage_key, _Shelf(self._start - 1))

    def get(self, resource: Resource, key: Key) -> Object | None:
        """The object, or None."""
        return self._shelf(resource).objects.get(key)

    def list(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        """All objects of a resource, or those of one namespace, by namespace and name."""
        objects = self._shelf(resource).objects
        return [objects[key] for key in sorted(objects) if namespace is None or key[0] == namespace]

    def put(self, resource: Resource, key: Key, obj: Object) -> Object:
        """Store an object, new or changed; returns it with its new resourceVersion."""
        shelf = self._shelf(resource)
        old = shelf.objects.get(key)
        new = self._stamped(obj)
        shelf.objects[key] = new
        self._tell(shelf, Change(self._version, "ADDED" if old is None else "MODIFIED", old, new))
        return new

    def remove(self, resource: Resource, key: Key, last: Object) -> Object:
        """Remove an object; ``last`` is its last state. Returns that with the deletion's resourceVersion."""
        shelf = self._shelf(resource)
        old = shelf.objects.pop(key)
        new = self._stamped(last)
        self._tell(shelf, Change(self._version, "DELETED", old, new))
        return new

    def _stamped(self, obj: Object) -> Object:
        self._version += 1
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._version)}}

    def _tell(self, shelf: _Shelf, change: Change) -> None:
        shelf.history.append(change)
        if len(shelf.history) > self._limit:
            shelf.floor = shelf.history.popleft().version
        for watcher in shelf.watchers:
            watcher.put_nowait(change)

    def since(self, resource: Resource, version: int) -> tuple[Change, ...]:
        """The changes after a version.

        Raises:
            StatusError: 410, some of them are no longer known.
        """
        shelf = self._shelf(resource)
        if version < shelf.floor:
            raise errors.expired(version, shelf.floor)
        return tuple(change for change in shelf.history if change.version > version)

    @contextmanager
    def watching(self, resource: Resource) -> Iterator[asyncio.Queue[Change]]:
        """A queue that gets every change from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        watchers = self._shelf(resource).watchers
        watchers.add(queue)
        try:
            yield queue
        finally:
            watchers.discard(queue)
