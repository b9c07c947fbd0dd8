"""Read Endpoints, which are computed from EndpointSlices when a client asks for them.

On a real cluster a controller writes them, but no other component needs them. An object that a user has stored takes
precedence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.localkube.api.storage import Change, Storage
from harness.localkube.machinery.client import EventType
from harness.localkube.machinery.objects import Key, Object
from harness.localkube.machinery.resources import ENDPOINTS, ENDPOINTSLICES, Resource

#: The warning that a server since 1.33 sends with each answer.
DEPRECATED = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"

_SERVICE = "kubernetes.io/service-name"
_OF_SLICES = frozenset({_SERVICE, "endpointslice.kubernetes.io/managed-by"})


class DerivedChanges:
    """A queue of the changes of Endpoints that follow from changes of EndpointSlices.

    Args:
        queue: The changes of EndpointSlices.
        storage: Storage of the objects.
    """

    def __init__(self, queue: asyncio.Queue[Change], storage: Storage) -> None:
        self._queue = queue
        self._storage = storage

    async def get(self) -> Change:
        """Return the next change."""
        while True:
            if (found := _change(self._storage, await self._queue.get())) is not None:
                return found


class EndpointsReader:
    """Reads Endpoints as ``Storage`` reads objects of other kinds.

    Args:
        storage: Storage of the objects.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def version(self) -> int:
        """Return the version of the last write."""
        return self._storage.version

    def get(self, resource: Resource, key: Key) -> Object | None:
        """Return the object, or None."""
        return self._storage.get(resource, key) or _derived(self._storage, key)

    def list(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        """Return all objects, or those of one namespace, sorted by namespace and name."""
        stored = self._storage.list(resource, namespace)
        keys = {key for each in self._storage.list(ENDPOINTSLICES, namespace) if (key := _service(each)) is not None}
        found = {(each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in stored}
        for key in keys - found.keys():
            if (obj := _derived(self._storage, key)) is not None:
                found[key] = obj
        return [found[key] for key in sorted(found)]

    def since(self, _resource: Resource, version: int) -> tuple[Change, ...]:
        """Return the changes after a version; raise ``StatusError`` 410 if some have left the history."""
        past = self._storage.since(ENDPOINTSLICES, version)
        return tuple(found for each in past if (found := _change(self._storage, each)) is not None)

    @contextmanager
    def subscribe(self, _resource: Resource) -> Iterator[DerivedChanges]:
        """Yield a queue that receives every change from now on."""
        with self._storage.subscribe(ENDPOINTSLICES) as queue:
            yield DerivedChanges(queue, self._storage)


def _service(piece: Object) -> Key | None:
    """Return namespace and name of the Service of a slice; None for a slice of no Service."""
    metadata = piece["metadata"]
    name = (metadata.get("labels") or {}).get(_SERVICE)
    return (metadata.get("namespace", ""), name) if name else None


def _change(storage: Storage, change: Change) -> Change | None:
    key = _service(change.new)
    if key is None or storage.get(ENDPOINTS, key) is not None:
        return None
    last = _of(key, [change.new])
    now = _derived(storage, key)
    old = None if change.old is None else _of(key, [change.old])
    kind: EventType = "DELETED" if now is None else change.kind if change.kind != "DELETED" else "MODIFIED"
    new: Object = last if now is None else now
    versioned = {**new, "metadata": {**new["metadata"], "resourceVersion": str(change.version)}}
    return Change(change.version, kind, old, versioned)


def _derived(storage: Storage, key: Key) -> Object | None:
    pieces = [each for each in storage.list(ENDPOINTSLICES, key[0]) if _service(each) == key]
    return _of(key, pieces) if pieces else None


def _of(key: Key, pieces: list[Object]) -> Object:
    """Return the Endpoints of a Service from its slices."""
    newest = max(pieces, key=lambda each: int(each["metadata"]["resourceVersion"]))["metadata"]
    labels = {name: text for name, text in (newest.get("labels") or {}).items() if name not in _OF_SLICES}
    subsets = [subset for each in pieces if (subset := _subset(each))]
    return {
        "kind": ENDPOINTS.kind,
        "apiVersion": ENDPOINTS.api_version,
        "metadata": {
            "namespace": key[0],
            "name": key[1],
            "uid": newest["uid"],
            "resourceVersion": newest["resourceVersion"],
            "creationTimestamp": min(each["metadata"]["creationTimestamp"] for each in pieces),
            "labels": {**labels, "endpoints.kubernetes.io/managed-by": "endpoint-controller"},
        },
        **({"subsets": subsets} if subsets else {}),
    }


def _subset(piece: Object) -> Object:
    """Return the addresses and ports of a slice; pods that are ending are in neither list."""
    endpoints = [each for each in piece.get("endpoints") or () if not (each.get("conditions") or {}).get("terminating")]
    ready = _addresses(each for each in endpoints if (each.get("conditions") or {}).get("ready"))
    waiting = _addresses(each for each in endpoints if not (each.get("conditions") or {}).get("ready"))
    ports = [{name: value for name, value in each.items() if value != ""} for each in piece.get("ports") or ()]
    filled: dict[str, Any] = {"addresses": ready, "notReadyAddresses": waiting, "ports": ports}
    return {name: value for name, value in filled.items() if value} if ready or waiting else {}


def _addresses(endpoints: Iterable[Object]) -> list[Object]:
    return [
        {"ip": address, **{name: each[name] for name in ("nodeName", "targetRef") if name in each}}
        for each in endpoints
        for address in each["addresses"]
    ]
