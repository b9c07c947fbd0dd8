"""Cache a resource so that a controller sees its own writes before it reads again; else it would repeat its work.

Kubernetes' controllers keep "expectations" for this. Here, a write waits until the informer shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from harness.localkube.machinery.client import ApiClient, EventType, Strategy
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.objects import Key, Object, controller_of, is_deleting, key_of, version_of
from harness.localkube.machinery.resources import Resource

_TIMEOUT_SECONDS = 5.0


class ResourceCache:
    """Reads one resource from an informer, and waits after each write until the informer shows it.

    Args:
        client: API client.
        resource: The resource.
        informer: Its informer, already synced.
    """

    def __init__(self, client: ApiClient, resource: Resource, informer: Informer) -> None:
        self._client = client
        self._resource = resource
        self._informer = informer
        self._waiting: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self._latest = 0
        self.subscribe = informer.subscribe
        informer.subscribe(self._changed)

    def get(self, key: Key) -> Object | None:
        """Return the object of this key, or None."""
        return self._informer.items.get(key)

    def all(self) -> list[Object]:
        """Return every object."""
        return list(self._informer.items.values())

    def in_namespace(self, namespace: str) -> list[Object]:
        """Return the objects of one namespace."""
        return self._informer.in_namespace(namespace)

    def owned_by(self, owner: Object) -> list[Object]:
        """Return the objects that another one controls."""
        uid = owner["metadata"]["uid"]
        namespace = owner["metadata"]["namespace"]
        return [obj for obj in self.in_namespace(namespace) if (controller_of(obj) or {}).get("uid") == uid]

    async def create(self, obj: Object, namespace: str) -> Object:
        """Create an object and wait until the cache contains it."""
        created = await self._client.create(self._resource, obj, namespace)
        await self._seen(created)
        return created

    async def patch(self, obj: Object, body: Any, *, strategy: Strategy = "merge", subresource: str = "") -> Object:
        """Patch an object and wait until the cache contains the result."""
        namespace, name = key_of(obj)
        result = await self._client.patch(
            self._resource, name, namespace or None, body, strategy=strategy, subresource=subresource
        )
        await self._seen(result)
        return result

    async def update(self, obj: Object) -> Object:
        """Replace an object and wait until the cache contains the result."""
        result = await self._client.update(self._resource, obj)
        await self._seen(result)
        return result

    async def delete(self, obj: Object, *, propagation: str | None = None) -> None:
        """Delete an object and wait until the cache shows that it is gone or marked for deletion."""
        namespace, name = key_of(obj)
        uid = obj["metadata"]["uid"]
        await self._client.delete(self._resource, name, namespace or None, uid=uid, propagation=propagation)

        def going() -> bool:
            now = self.get((namespace, name))
            return now is None or now["metadata"]["uid"] != uid or is_deleting(now)

        await self._until(going)

    async def _seen(self, written: Object) -> None:
        # The resource's watch reports every write, in the order of versions.
        version = version_of(written)
        await self._until(lambda: self._latest >= version)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on the cache.

        Raises:
            TimeoutError: The watch is cut off; the work queue then retries the key.
        """
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = condition
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await future
        finally:
            del self._waiting[future]

    def _changed(self, _kind: EventType, _old: Object | None, new: Object) -> None:
        self._latest = max(self._latest, version_of(new))
        for future, condition in self._waiting.items():
            if not future.done() and condition():
                future.set_result(None)
