"""Store objects in memory with resourceVersions and a history to watch, like etcd and the watch cache.

Stored objects are never changed in place. A write stores a new object, so that readers may keep what they read.
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

#: Number of past changes of each resource from which a watch can start.
HISTORY = 4096


@dataclass(frozen=True, slots=True)
class Change:
    """One write.

    Attributes:
        version: resourceVersion of the write.
        kind: Type of the change.
        old: The object before; None if it was added.
        new: The object after; if deleted, its last state with the version of the deletion.
    """

    version: int
    kind: EventType
    old: Object | None
    new: Object


@dataclass(slots=True)
class _ResourceStore:
    """The objects and history of one resource.

    ``floor`` is the newest version whose change has left the history.
    """

    floor: int
    objects: dict[Key, Object] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=deque)
    watchers: set[asyncio.Queue[Change]] = field(default_factory=set)


class Storage:
    """All objects of the cluster.

    Versions start from the time in microseconds. After a restart they are higher than any version before, so that a
    watcher from before the restart has to list again and does not see another object's history.

    Args:
        start: First resourceVersion; the default is the time.
        history: Number of changes to keep for each resource.
    """

    def __init__(self, start: int | None = None, history: int = HISTORY) -> None:
        self._start = time.time_ns() // 1000 if start is None else start
        self._version = self._start
        self._limit = history
        self._stores: dict[str, _ResourceStore] = {}

    @property
    def version(self) -> int:
        """Return the version of the last write."""
        return self._version

    def _store(self, resource: Resource) -> _ResourceStore:
        return self._stores.setdefault(resource.storage_key, _ResourceStore(self._start - 1))

    def get(self, resource: Resource, key: Key) -> Object | None:
        """Return the object, or None."""
        return self._store(resource).objects.get(key)

    def list(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        """Return all objects of a resource, or those of one namespace, sorted by namespace and name."""
        objects = self._store(resource).objects
        return [objects[key] for key in sorted(objects) if namespace is None or key[0] == namespace]

    def put(self, resource: Resource, key: Key, obj: Object) -> Object:
        """Store a new or changed object; return it with its new resourceVersion."""
        store = self._store(resource)
        old = store.objects.get(key)
        new = self._stamped(obj)
        store.objects[key] = new
        self._notify(store, Change(self._version, "ADDED" if old is None else "MODIFIED", old, new))
        return new

    def remove(self, resource: Resource, key: Key, last: Object) -> Object:
        """Remove an object; return ``last``, its last state, with the deletion's resourceVersion."""
        store = self._store(resource)
        old = store.objects.pop(key)
        new = self._stamped(last)
        self._notify(store, Change(self._version, "DELETED", old, new))
        return new

    def _stamped(self, obj: Object) -> Object:
        self._version += 1
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._version)}}

    def _notify(self, store: _ResourceStore, change: Change) -> None:
        store.history.append(change)
        if len(store.history) > self._limit:
            store.floor = store.history.popleft().version
        for watcher in store.watchers:
            watcher.put_nowait(change)

    def since(self, resource: Resource, version: int) -> tuple[Change, ...]:
        """Return the changes after a version.

        Raises:
            StatusError: 410 if some of them have left the history.
        """
        store = self._store(resource)
        if version < store.floor:
            raise errors.expired(version, store.floor)
        return tuple(change for change in store.history if change.version > version)

    @contextmanager
    def subscribe(self, resource: Resource) -> Iterator[asyncio.Queue[Change]]:
        """Yield a queue that receives every change from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        watchers = self._store(resource).watchers
        watchers.add(queue)
        try:
            yield queue
        finally:
            watchers.discard(queue)
