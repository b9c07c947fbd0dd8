"""Keep a local cache of one resource current by list and watch, so that controllers need not query the API."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import aiohttp

from harness.localkube.machinery.client import ApiClient, ApiError, EventType, Gone
from harness.localkube.machinery.objects import Key, Object, key_of
from harness.localkube.machinery.resources import Resource

_log = logging.getLogger(__name__)

#: Called for each change with its type, the object before (None if ADDED) and after (its last state if DELETED).
Callback = Callable[[EventType, Object | None, Object], None]

_RETRY_SECONDS = 0.2
_LOST = (aiohttp.ClientError, ApiError, OSError, TimeoutError, json.JSONDecodeError)


class Informer:
    """A local cache of one resource; entering its context returns once ``items`` is complete.

    Callbacks are plain functions, called in the event loop in the order of changes. A callback that subscribes late is
    called with every existing object as ADDED. After a watch has expired, the informer lists again and calls the
    callbacks with the differences.

    Attributes:
        items: The objects by (namespace, name); treat them as read-only.
        synced: Set once the first list is complete.
    """

    def __init__(self, client: ApiClient, resource: Resource) -> None:
        self.items: dict[Key, Object] = {}
        self.synced = asyncio.Event()
        self._client = client
        self._resource = resource
        self._callbacks: list[Callback] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow(), name=f"informer {self._resource.qualified}")
        try:
            await self.synced.wait()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def subscribe(self, callback: Callback) -> None:
        """Call a function for every existing object now, and for every later change."""
        self._callbacks.append(callback)
        for obj in list(self.items.values()):
            self._call(callback, "ADDED", None, obj)

    def get(self, name: str, namespace: str = "") -> Object | None:
        """Return the object of this name, or None."""
        return self.items.get((namespace, name))

    def in_namespace(self, namespace: str) -> list[Object]:
        """Return the objects of one namespace."""
        return [obj for (ns, _), obj in self.items.items() if ns == namespace]

    async def _follow(self) -> None:
        while True:
            try:
                version = await self._list()
                while True:
                    version = await self._watch(version)
            except Gone:
                _log.info("watch of %s expired, listing again", self._resource.qualified)
            except _LOST as error:
                _log.warning("lost the watch of %s: %r", self._resource.qualified, error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _list(self) -> str:
        objects, version = await self._client.list(self._resource)
        current = {key_of(obj): obj for obj in objects}
        for key in self.items.keys() - current.keys():
            self._apply("DELETED", self.items[key])
        for key, obj in current.items():
            known = self.items.get(key)
            if known is None or known["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                self._apply("MODIFIED", obj)
        self.synced.set()
        return version

    async def _watch(self, version: str) -> str:
        async for kind, obj in self._client.watch(self._resource, version):
            version = obj["metadata"]["resourceVersion"]
            self._apply(kind, obj)
        return version

    def _apply(self, kind: EventType, obj: Object) -> None:
        key = key_of(obj)
        old = self.items.pop(key, None)
        if kind != "DELETED":
            self.items[key] = obj
            kind = "ADDED" if old is None else "MODIFIED"
        for callback in self._callbacks:
            self._call(callback, kind, old, obj)

    def _call(self, callback: Callback, kind: EventType, old: Object | None, new: Object) -> None:
        try:
            callback(kind, old, new)
        except Exception:  # noqa: BLE001 - a failing subscriber must not keep the others from the change
            _log.exception("a subscriber of %s failed on %s %s", self._resource.qualified, kind, key_of(new))
