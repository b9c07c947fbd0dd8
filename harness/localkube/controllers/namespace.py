"""Namespaces: a ServiceAccount when they come, and nothing left in them when they go."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness.localkube.controllers.context import Context
from harness.localkube.machinery.client import AlreadyExists, ApiError, Conflict, EventType, NotFound
from harness.localkube.machinery.objects import Key, Object, is_deleting, key_of
from harness.localkube.machinery.resources import NAMESPACES, RESOURCES, SERVICEACCOUNTS, Resource
from harness.localkube.machinery.workqueue import WorkQueue

#: While something in a namespace needs time to go (a pod its grace period), it is looked at again.
_AGAIN_SECONDS = 0.2


class NamespaceController:
    """Follows Namespaces.

    Args:
        context: Local copies and client.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.queue: WorkQueue[Key] = WorkQueue(self._sync, name="namespace")

    def start(self) -> None:
        """Follow what concerns it."""
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
            self.queue.add_after(key, _AGAIN_SECONDS)

    async def _empty(self, name: str) -> bool:
        """Delete what is in a namespace; True if there was nothing left to delete or to wait for."""
        kinds = [each for each in RESOURCES if each.namespaced and not each.stored_as]
        return not any(await asyncio.gather(*(self._clear(each, name) for each in kinds)))

    async def _clear(self, resource: Resource, name: str) -> bool:
        """Delete all objects of a kind; True if there were any."""
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
