"""Handle the requests that write: create, update, patch, apply, delete, evict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.localkube.api import errors, patching
from harness.localkube.api.conversion import to_served, to_stored
from harness.localkube.api.deletion import delete
from harness.localkube.api.field_validation import check_fields
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import DeleteOptions, RequestInfo, as_object
from harness.localkube.api.scale import scale_of, scaled
from harness.localkube.api.server_side_apply import AppliedManifests
from harness.localkube.api.watch_stream import Selection
from harness.localkube.machinery.objects import Object, key_of
from harness.localkube.machinery.resources import EVENTS, NEW_EVENTS

#: HTTP status and body. The body is an object of the requested kind unless its ``kind`` field says otherwise.
Answer = tuple[int, Object]

#: Kinds whose deletion is answered with the object; for others, a Status is the answer once they are gone.
_DELETED_SHOWN = frozenset({"Pod", "Service", "ServiceAccount"})


class Writes:
    """Executes writes on a registry; every method raises ``StatusError`` for a rejected request."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._applied = AppliedManifests()

    async def create(self, target: RequestInfo, body: Any, query: Mapping[str, str]) -> Answer:
        """Handle POST."""
        if target.subresource == "eviction":
            options = DeleteOptions.parse(as_object(body).get("deleteOptions") or {}, query)
            delete(self._registry, target, options)
            return 201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        if target.name:
            raise errors.not_allowed("POST")
        obj = as_object(body)
        await check_fields(obj, query)
        stored, obj = _stored_target(target), to_stored(target.resource, obj)
        return 201, self._registry.create(stored, obj, dry_run=is_dry(query))

    async def update(self, target: RequestInfo, body: Any, query: Mapping[str, str]) -> Answer:
        """Handle PUT."""
        _check_named(target, "PUT")
        obj = as_object(body)
        if target.subresource == "scale":
            return 200, self._scale(target, lambda _: obj, query)
        await check_fields(obj, query)
        return 200, self._modify(target, lambda _: obj, query)

    async def patch(self, target: RequestInfo, body: Any, content_type: str, query: Mapping[str, str]) -> Answer:
        """Handle PATCH."""
        _check_named(target, "PATCH")
        if content_type.partition(";")[0].strip() == patching.APPLY_PATCH:
            return await self._apply(target, as_object(body), query)
        if target.subresource == "scale":
            return 200, self._scale(target, lambda scale: patching.patched(scale, body, content_type), query)

        def change(obj: Object) -> Object:
            return patching.patched(obj, body, content_type)

        await check_fields(change(to_served(target.resource, self._registry.read(_stored_target(target)))), query)
        return 200, self._modify(target, change, query)

    async def _apply(self, target: RequestInfo, manifest: Object, query: Mapping[str, str]) -> Answer:
        manager = query.get("fieldManager", "")
        if not manager:
            raise errors.bad_request("fieldManager is required for apply patch")
        await check_fields(manifest, query)
        live = self._registry.storage.get(target.resource, target.key)
        if live is None and not target.subresource:
            manifest["metadata"].setdefault("name", target.name)
            kept = patching.patched({}, manifest, patching.MERGE_PATCH)
            code, obj = 201, self._registry.create(target, manifest, dry_run=is_dry(query))
        else:
            kept = manifest

            def change(obj: Object) -> Object:
                return self._applied.merged(obj, manifest, manager)

            code, obj = 200, self._modify(target, change, query)
        if not is_dry(query):
            self._applied.remember(obj["metadata"]["uid"], kept, manager)
        return code, obj

    def _modify(
        self, target: RequestInfo, change: Callable[[Object], Object], query: Mapping[str, str], by: str = ""
    ) -> Object:
        def changed(obj: Object) -> Object:
            return to_stored(target.resource, change(to_served(target.resource, obj)))

        manager = (query.get("fieldManager", ""), by)
        return self._registry.modify(_stored_target(target), changed, dry_run=is_dry(query), manager=manager)

    def _scale(self, target: RequestInfo, change: Callable[[Object], Object], query: Mapping[str, str]) -> Object:
        whole = RequestInfo(target.resource, target.namespace, target.name)
        return scale_of(self._modify(whole, lambda obj: scaled(obj, change(scale_of(obj))), query, by="scale"))

    def delete(self, target: RequestInfo, body: Any, query: Mapping[str, str]) -> Answer:
        """Handle DELETE of one object."""
        target = _stored_target(target)
        obj, gone = delete(self._registry, target, DeleteOptions.parse(body, query))
        if gone and target.resource.kind not in _DELETED_SHOWN:
            return 200, errors.success(target.resource, target.name, obj["metadata"]["uid"])
        return 200, obj

    def delete_collection(self, target: RequestInfo, body: Any, query: Mapping[str, str]) -> list[Object]:
        """Handle DELETE of all selected objects; return them."""
        target = _stored_target(target)
        selection = Selection.parse(target.namespace, "", query)
        chosen = [o for o in self._registry.storage.list(target.resource, target.namespace) if selection.matches(o)]
        options = DeleteOptions.parse(body, query)
        for obj in chosen:
            namespace, name = key_of(obj)
            delete(self._registry, RequestInfo(target.resource, namespace or None, name), options)
        return chosen


def _stored_target(target: RequestInfo) -> RequestInfo:
    """Return the target in storage: Events are stored as core/v1 regardless of the requested version."""
    resource = EVENTS if target.resource is NEW_EVENTS else target.resource
    return RequestInfo(resource, target.namespace, target.name, target.subresource)


def _check_named(target: RequestInfo, method: str) -> None:
    if not target.name or target.subresource in {"log", "eviction"}:
        raise errors.not_allowed(method)


def is_dry(query: Mapping[str, str]) -> bool:
    """Return True if a request must not store anything."""
    return query.get("dryRun") == "All"
