"""What a controller has written must be in its local copy before it looks again, or it would do its work twice.

Kubernetes' controllers keep "expectations" for this. Here a handler simply waits until the informer shows its write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from harness.localkube.machinery.client import ApiClient, EventType, Strategy
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.objects import Key, Object, controller_of, is_deleting, key_of, version_of
from harness.localkube.machinery.resources import Resource

_SECONDS = 5.0


class Mirror:
    """An informer and the writes to its resource.

    Args:
        client: The API.
        resource: The resource.
        informer: Its informer, already in sync.
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
        """The object of this key, or None."""
        return self._informer.items.get(key)

    def all(self) -> list[Object]:
        """Every object."""
        return list(self._informer.items.values())

    def in_namespace(self, namespace: str) -> list[Object]:
        """The objects of one namespace."""
        return self._informer.in_namespace(namespace)

    def owned_by(self, owner: Object) -> list[Object]:
        """The objects that another one controls."""
        uid = owner["metadata"]["uid"]
        namespace = owner["metadata"]["namespace"]
        return [obj for obj in self.in_namespace(namespace) if (controller_of(obj) or {}).get("uid") == uid]

    async def create(self, obj: Object, namespace: str) -> Object:
        """Create an object and wait until it is seen."""
        created = await self._client.create(self._resource, obj, namespace)
        await self._seen(created)
        return created

    async def patch(self, obj: Object, body: Any, *, strategy: Strategy = "merge", subresource: str = "") -> Object:
        """Patch an object and wait until the result is seen."""
        namespace, name = key_of(obj)
        result = await self._client.patch(
            self._resource, name, namespace or None, body, strategy=strategy, subresource=subresource
        )
        await self._seen(result)
        return result

    async def update(self, obj: Object) -> Object:
        """Replace an object and wait until the result is seen."""
        result = await self._client.update(self._resource, obj)
        await self._seen(result)
        return result

    async def delete(self, obj: Object, *, propagation: str | None = None) -> None:
        """Delete an object and wait until it is gone or seen to be going."""
        namespace, name = key_of(obj)
        uid = obj["metadata"]["uid"]
        await self._client.delete(self._resource, name, namespace or None, uid=uid, propagation=propagation)

        def going() -> bool:
            now = self.get((namespace, name))
            return now is None or now["metadata"]["uid"] != uid or is_deleting(now)

        await self._until(going)

    async def _seen(self, written: Object) -> None:
        # Every write is an event of this resource's own watch, and events come in the order of versions.
        version = version_of(written)
        await self._until(lambda: self._latest >= version)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Raises ``TimeoutError`` when the watch is cut off; the work queue then tries the whole again."""
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = condition
        try:
            async with asyncio.timeout(_SECONDS):
                await future
        finally:
            del self._waiting[future]

    def _changed(self, _kind: EventType, _old: Object | None, new: Object) -> None:
        self._latest = max(self._latest, version_of(new))
        for future, condition in self._waiting.items():
            if not future.done() and condition():
                future.set_result(None)
