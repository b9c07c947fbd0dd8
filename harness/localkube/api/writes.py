"""Handle the requests that write: create, update, patch, apply, delete, evict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from harness.kube.copies import copied
from harness.localkube.api import errors, patching, tokens
from harness.localkube.api.conversion import stored_resource, to_served, to_stored
from harness.localkube.api.deletion import delete
from harness.localkube.api.eviction import evict
from harness.localkube.api.field_validation import FieldValidation
from harness.localkube.api.managed_fields import Owner
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import DeleteOptions, RequestInfo, as_object, is_dry
from harness.localkube.api.scale import scale_of, scaled
from harness.localkube.api.server_side_apply import applied
from harness.localkube.api.watch_stream import Selection
from harness.localkube.machinery.client import COMPONENT_AGENT
from harness.localkube.machinery.objects import Object, key_of

#: HTTP status and body. The body is an object of the requested kind unless its ``kind`` field says otherwise.
Answer = tuple[int, Object]

#: Parameter that holds the default manager of a client that names none. To apply a manifest, a client must name one.
_DEFAULT_MANAGER = "defaultManager"

#: Kinds whose deletion is answered with the object; for others, a Status is the answer once they are gone.
_DELETED_SHOWN = frozenset({"Pod", "Service", "ServiceAccount"})


class Writes:
    """Executes writes on a registry; every method raises ``StatusError`` for a rejected request."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def create(self, target: RequestInfo, body: Any, query: Mapping[str, str], validation: FieldValidation) -> Answer:
        """Handle POST."""
        if target.subresource == "eviction":
            return 201, evict(self._registry, target, body, query)
        if target.subresource == "token":
            return 201, tokens.issue(self._registry.read(target), body, datetime.now(UTC))
        if target.name:
            raise errors.not_allowed("POST")
        obj = as_object(body)
        validation.check(_typed(target, obj))
        stored, obj = _stored_target(target), to_stored(target.resource, obj)
        obj["metadata"].pop("managedFields", None)
        manager = _manager(query)
        return 201, self._registry.create(stored, obj, dry_run=is_dry(query), manager=manager)

    def update(self, target: RequestInfo, body: Any, query: Mapping[str, str], validation: FieldValidation) -> Answer:
        """Handle PUT."""
        _check_named(target, "PUT")
        obj = as_object(body)
        if target.subresource == "scale":
            return 200, self._scale(target, lambda _: obj, query)
        validation.check(_typed(target, obj))
        return 200, self._modify(target, lambda _: obj, query)

    def patch(
        self, target: RequestInfo, body: Any, content_type: str, query: Mapping[str, str], validation: FieldValidation
    ) -> Answer:
        """Handle PATCH."""
        _check_named(target, "PATCH")
        if content_type.partition(";")[0].strip() == patching.APPLY_PATCH:
            return self._apply(target, as_object(body), query, validation)
        if target.subresource == "scale":
            return 200, self._scale(target, lambda scale: patching.patched(scale, body, content_type), query)
        live = self._registry.read(_stored_target(target))
        new = patching.patched(copied(to_served(target.resource, live)), body, content_type)
        validation.check(new, patched=True)
        return 200, self._modify(target, lambda _: new, query)

    def _apply(
        self, target: RequestInfo, manifest: Object, query: Mapping[str, str], validation: FieldValidation
    ) -> Answer:
        manager = query.get("fieldManager", "")
        if not manager:
            raise errors.invalid_options("Patch", "fieldManager", "", why="is required for apply patch")
        _check_applied(manifest, target, validation)
        force = query.get("force") in {"true", "1"}
        stored, manifest = _stored_target(target), to_stored(target.resource, manifest)
        if self._registry.storage.get(stored.resource, target.key) is None and not target.subresource:
            manifest["metadata"].setdefault("name", target.name)
            manifest["metadata"].pop("managedFields", None)
            owned = applied({"metadata": {}}, manifest, manager, force=force)
            return 201, self._registry.create(stored, owned, dry_run=is_dry(query))

        def change(obj: Object) -> Object:
            return applied(obj, manifest, manager, force=force)

        return 200, self._registry.modify(stored, change, dry_run=is_dry(query))

    def _modify(
        self, target: RequestInfo, change: Callable[[Object], Object], query: Mapping[str, str], by: str = ""
    ) -> Object:
        def changed(obj: Object) -> Object:
            return to_stored(target.resource, change(to_served(target.resource, obj)))

        manager = Owner(_manager(query), by)
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
    """Return the target in storage, where every kind has one version."""
    return RequestInfo(stored_resource(target.resource), target.namespace, target.name, target.subresource)


def _check_applied(manifest: Object, target: RequestInfo, validation: FieldValidation) -> None:
    """Check a manifest to apply: a real server rejects its unknown fields in any mode, with another message."""
    kind, version = manifest.get("kind", ""), manifest.get("apiVersion", "")
    if not version:
        raise errors.bad_request(f"invalid object type: /, Kind={kind}")
    if validation.trusted:
        return
    decoding = FieldValidation("Warn")
    try:
        decoding.check(manifest)
    except errors.StatusError as error:
        why = error.status["message"].rpartition(": ")[2]
    else:
        unknown = [said.removeprefix('unknown field "').removesuffix('"') for said in decoding.said]
        if not unknown:
            return
        why = f".{unknown[0]}: field not declared in schema"
    name = f"{manifest['metadata'].get('namespace', '')}/{manifest['metadata'].get('name', target.name)}"
    raise errors.server_error(f"failed to create typed patch object ({name}; {version}, Kind={kind}): {why}")


def _typed(target: RequestInfo, obj: Object) -> Object:
    """Return an object with its kind and version, which a client may leave to the path."""
    obj.setdefault("kind", target.resource.kind)
    obj.setdefault("apiVersion", target.resource.api_version)
    return obj


def _check_named(target: RequestInfo, method: str) -> None:
    if not target.name or target.subresource in {"log", "eviction", "token"}:
        raise errors.not_allowed(method)


def _manager(query: Mapping[str, str]) -> str:
    return query.get("fieldManager") or query.get(_DEFAULT_MANAGER, "")


def signed(query: Mapping[str, str], agent: str) -> Mapping[str, str]:
    """Return a query with the manager that its client has if it names none: the first word of its user agent.

    The cluster's own components stay without one.
    """
    if query.get("fieldManager") or agent.startswith(COMPONENT_AGENT):
        return query
    return {**query, _DEFAULT_MANAGER: agent.partition("/")[0]}


def check_options(method: str, query: Mapping[str, str]) -> None:
    """Check the parameters that all writes share; raise ``StatusError`` 422 for an unknown value of ``dryRun``."""
    dry = query.get("dryRun")
    if dry not in {None, "", "All"}:
        verb = {"POST": "Create", "PUT": "Update", "PATCH": "Patch"}.get(method, "Delete")
        raise errors.invalid_options(verb, "dryRun", f'["{dry}"]', ("All",))
