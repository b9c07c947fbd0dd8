"""The garbage collector: deletes the dependents of an object that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from harness.localkube.controllers.context import Context
from harness.localkube.controllers.resource_cache import ResourceCache
from harness.localkube.machinery.client import Conflict, EventType, NotFound
from harness.localkube.machinery.objects import Object, is_deleting
from harness.localkube.machinery.workqueue import WorkQueue

_FOREGROUND = "foregroundDeletion"
_ORPHAN = "orphan"


class GarbageCollector:
    """A controller that watches owners (Deployments, ReplicaSets, Services) and their dependents.

    The dependents are ReplicaSets, pods and EndpointSlices. When an owner is gone, its dependents are deleted. An owner
    in foreground deletion is removed after its dependents. An owner with the ``orphan`` finalizer leaves its dependents
    behind, without the owner reference.

    Args:
        context: Caches and client.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._owners = (context.deployments, context.replicasets, context.services)
        self._dependents = (context.replicasets, context.pods, context.slices)
        self.queue: WorkQueue[str] = WorkQueue(self._sync, name="garbage collector")

    def start(self) -> None:
        """Subscribe to the resources it watches."""
        for owners in self._owners:
            owners.subscribe(self._on_owner)
        for dependents in self._dependents:
            dependents.subscribe(self._on_dependent)

    def _on_owner(self, kind: EventType, _old: Object | None, owner: Object) -> None:
        if kind == "DELETED" or is_deleting(owner):
            self.queue.add(owner["metadata"]["uid"])

    def _on_dependent(self, kind: EventType, _old: Object | None, dependent: Object) -> None:
        """Handle a dependent that appeared after its owner was gone, or whose removal unblocks its owner."""
        for reference in dependent["metadata"].get("ownerReferences") or []:
            found = self._find(reference["uid"])
            owner = found[1] if found else None
            if (kind == "DELETED" and owner and is_deleting(owner)) or (kind == "ADDED" and owner is None):
                self.queue.add(reference["uid"])

    def _find(self, uid: str) -> tuple[ResourceCache, Object] | None:
        pairs = ((owners, each) for owners in self._owners for each in owners.all())
        return next((pair for pair in pairs if pair[1]["metadata"]["uid"] == uid), None)

    def _owned(self, uid: str) -> Iterable[tuple[ResourceCache, Object]]:
        for dependents in self._dependents:
            for each in dependents.all():
                if any(r["uid"] == uid for r in each["metadata"].get("ownerReferences") or []):
                    yield dependents, each

    async def _sync(self, uid: str) -> None:
        found = self._find(uid)
        owned = list(self._owned(uid))
        finalizers = (found[1]["metadata"].get("finalizers") or []) if found else []
        if found is None or _FOREGROUND in finalizers:
            going = [pair for pair in owned if not is_deleting(pair[1])]
            await asyncio.gather(*(self._delete(*pair, foreground=found is not None) for pair in going))
        if found is None:
            return
        if _ORPHAN in finalizers:
            await asyncio.gather(*(_free(cache, each, uid) for cache, each in owned))
            await _drop(*found, _ORPHAN)
        elif _FOREGROUND in finalizers and not list(self._owned(uid)):
            await _drop(*found, _FOREGROUND)

    async def _delete(self, cache: ResourceCache, obj: Object, *, foreground: bool) -> None:
        # Foreground deletion applies to all levels: the owner must outlive the dependents of its dependents.
        blocked = foreground and any(self._owned(obj["metadata"]["uid"]))
        with suppress(NotFound, Conflict):
            await cache.delete(obj, propagation="Foreground" if blocked else None)


async def _free(cache: ResourceCache, obj: Object, owner: str) -> None:
    left = [each for each in obj["metadata"]["ownerReferences"] if each["uid"] != owner]
    with suppress(NotFound):
        await cache.patch(obj, {"metadata": {"ownerReferences": left or None}})


async def _drop(cache: ResourceCache, obj: Object, finalizer: str) -> None:
    left = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
    with suppress(NotFound):
        await cache.patch(obj, {"metadata": {"finalizers": left or None}})
