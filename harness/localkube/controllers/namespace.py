"""The namespace controller: creates each namespace's ServiceAccount, and empties a namespace that is deleted."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness.localkube.controllers.context import Context
from harness.localkube.machinery.client import AlreadyExists, ApiError, Conflict, EventType, NotFound
from harness.localkube.machinery.objects import Key, Object, is_deleting, key_of
from harness.localkube.machinery.resources import NAMESPACES, RESOURCES, SERVICEACCOUNTS, Resource
from harness.localkube.machinery.workqueue import WorkQueue

#: Seconds between two checks of a namespace in which something takes time to end, such as a pod's grace period.
_RECHECK_SECONDS = 0.2


class NamespaceController:
    """A controller that watches Namespaces.

    Args:
        context: Caches and client.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.queue: WorkQueue[Key] = WorkQueue(self._sync, name="namespace")

    def start(self) -> None:
        """Subscribe to the resource it watches."""
        self._context.namespaces.subscribe(self._on_namespace)

    def _on_namespace(self, kind: EventType, _old: Object | None, namespace: Object) -> None:
        if kind == "ADDED" or is_deleting(namespace):
            self.queue.add(key_of(namespace))

    async def _sync(self, key: Key) -> None:
        namespace = self._context.namespaces.get(key)
        if namespace is None:
            return
        name = key[1]
        if not is_deleting(namespace):
            with suppress(AlreadyExists):
                account = {"metadata": {"name": "default", "namespace": name}}
                await self._context.client.create(SERVICEACCOUNTS, account, name)
            return
        if await self._empty(name):
            await self._finalize(name)
        else:
            self.queue.add_after(key, _RECHECK_SECONDS)

    async def _empty(self, name: str) -> bool:
        """Delete the objects in a namespace; return True if none was left."""
        kinds = [each for each in RESOURCES if each.namespaced and not each.stored_as]
        return not any(await asyncio.gather(*(self._clear(each, name) for each in kinds)))

    async def _clear(self, resource: Resource, name: str) -> bool:
        """Delete all objects of a kind; return True if there were any."""
        objects, _ = await self._context.client.list(resource, name)
        for obj in objects:
            if not is_deleting(obj):
                with suppress(NotFound, Conflict):
                    await self._context.client.delete(resource, obj["metadata"]["name"], name)
        return bool(objects)

    async def _finalize(self, name: str) -> None:
        with suppress(NotFound):
            current = await self._context.client.get(NAMESPACES, name)
            current["spec"] = {**(current.get("spec") or {}), "finalizers": []}
            try:
                await self._context.client.update(NAMESPACES, current, subresource="finalize")
            except ApiError as error:
                if error.status != 409:
                    raise
