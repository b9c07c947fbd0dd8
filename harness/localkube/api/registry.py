"""Create and change objects: metadata, defaults, validation and optimistic concurrency on top of the storage.

No function here awaits, so that each write is atomic: no other request sees or makes a change in between.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable

from harness.kube.admission.defaults import apply_defaults, drop_nulls
from harness.kube.admission.objects import validate
from harness.kube.admission.services import drop_of_former_type
from harness.kube.copies import copied
from harness.kube.custom import GROUPS
from harness.localkube.api import errors
from harness.localkube.api.allocation import Allocator
from harness.localkube.api.managed_fields import Owner, record_changed, record_created
from harness.localkube.api.pod_classes import admit
from harness.localkube.api.requests import RequestInfo
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.objects import Key, Object, is_deleting, timestamp
from harness.localkube.machinery.resources import NAMESPACES, PODS, RESOURCES, Resource

#: Kinds whose objects count the changes of their specification.
_WITH_GENERATION = frozenset(
    {
        "Pod",
        "Deployment",
        "ReplicaSet",
        "Ingress",
        "IngressClass",
        "EndpointSlice",
        "PodDisruptionBudget",
        "PriorityClass",
    }.union(*(group.plurals for group in GROUPS))
)
#: Fields that are not part of such an object's specification.
_NOT_SPECIFIED = frozenset({"apiVersion", "kind", "metadata", "status"})
#: Metadata that only the server writes.
_SERVER_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
#: Subresources that do not change the specification.
_PARTIAL = frozenset({"status", "finalize"})
#: Kinds that may be created with a status: a kubelet registers its node with one.
_REGISTERED_WITH_STATUS = frozenset({"Node"})
_WITH_SPEC = frozenset({"Pod", "Deployment", "ReplicaSet", "Service", "Ingress", "Namespace", "PodDisruptionBudget"})


class Registry:
    """The writes to the storage, except deletion.

    Args:
        storage: Storage of the objects.
        admit_pod: The admission plugins of a new pod; they change it in place.
    """

    def __init__(self, storage: Storage, admit_pod: Callable[[Object, Storage], None] = admit) -> None:
        self.storage = storage
        self._admit_pod = admit_pod
        self._allocator = Allocator()

    def read(self, target: RequestInfo) -> Object:
        """Return the object; raise ``StatusError`` 404 if it does not exist."""
        obj = self.storage.get(target.resource, target.key)
        if obj is None:
            raise errors.not_found(target.resource, target.name)
        return obj

    def create(self, target: RequestInfo, body: Object, *, dry_run: bool = False, manager: str = "") -> Object:
        """Store a new object; ``body`` is changed in place.

        Args:
            target: The collection.
            body: The object.
            dry_run: True to store nothing.
            manager: The client's ``fieldManager``; empty if it sent none, or if ``body`` names the owners.

        Raises:
            StatusError: 409 if the name is in use, 422 if invalid, 403 for a pod of a class that does not exist, 404
                for an unknown namespace, 400 if the body does not match the path.
        """
        resource = target.resource
        _check_type(resource, body)
        key = self._resolve_key(target, body)
        if self.storage.get(resource, key) is not None:
            raise errors.already_exists(resource, key[1])
        metadata = body["metadata"]
        for name in (*_SERVER_FIELDS, "resourceVersion", "selfLink"):
            metadata.pop(name, None)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
        if resource.kind in _WITH_GENERATION:
            metadata["generation"] = 1
        if "status" in resource.subresources and resource.kind not in _REGISTERED_WITH_STATUS:
            body.pop("status", None)
        if resource is PODS:
            self._admit_pod(body, self.storage)
        self._complete(resource, body, None)
        record_created(body, manager)
        if dry_run:
            return body
        return self.storage.put(resource, key, body)

    def _resolve_key(self, target: RequestInfo, body: Object) -> Key:
        """Return namespace and name of a new object; generate the name if requested."""
        metadata = body["metadata"]
        if target.resource.namespaced:
            _check_namespace(target, metadata)
            metadata["namespace"] = target.namespace
            self._check_admits(target, metadata.get("name", ""))
        else:
            metadata.pop("namespace", None)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + _suffix()
        return (target.namespace or "", metadata.get("name", ""))

    def _check_admits(self, target: RequestInfo, name: str) -> None:
        namespace = target.namespace or ""
        holder = self.storage.get(NAMESPACES, ("", namespace))
        if holder is None:
            raise errors.not_found(NAMESPACES, namespace)
        if is_deleting(holder):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            message = f"namespace {namespace} is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
            raise errors.forbidden(target.resource, name, why, [cause])

    def modify(
        self,
        target: RequestInfo,
        change: Callable[[Object], Object],
        *,
        dry_run: bool = False,
        manager: Owner | None = None,
    ) -> Object:
        """Replace an object by the result of ``change`` on a copy of it.

        Args:
            target: The object.
            change: Returns the new object.
            dry_run: True to store nothing.
            manager: The client; None if ``change`` has written the owners.

        Raises:
            StatusError: 404; 409 if it was changed meanwhile; 422 if invalid.
        """
        live = self.read(target)
        new = change(copied(live))
        _check_type(target.resource, new)
        _check_identity(target, live, new)
        new = _merged(target, live, new)
        if target.subresource not in _PARTIAL:
            self._complete(target.resource, new, live)
            if manager is not None:
                record_changed(live, new, manager)
        subresource = target.subresource
        if _specified(target.resource, new, subresource) != _specified(target.resource, live, subresource):
            new["metadata"]["generation"] = live["metadata"].get("generation", 0) + 1
        if dry_run or new == live:
            return new
        if is_deleting(new) and not deletion_blocked(new):
            return self.storage.remove(target.resource, target.key, new)
        return self.storage.put(target.resource, target.key, new)

    def _complete(self, resource: Resource, new: Object, old: Object | None) -> None:
        """Apply defaults and validate; values of wrong types are rejected like any other problem."""
        name = str(new["metadata"].get("name", ""))
        _prune(new)
        try:
            if resource.kind in _WITH_SPEC and new.get("spec") is None:
                new["spec"] = {}
            if resource.kind == "Service" and old is not None:
                drop_of_former_type(new, old)
            apply_defaults(new)
            if resource.kind == "Service":
                self._allocator.allocate(new, old)
            problems = validate(new, old)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise errors.bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
                f"a field has a value of the wrong type ({error})"
            ) from error
        if problems:
            raise errors.invalid(resource, name, problems)


def deletion_blocked(obj: Object) -> bool:
    """Return True if finalizers or a grace period still keep an object that is marked for deletion."""
    metadata = obj["metadata"]
    waiting = obj["kind"] == "Namespace" and obj["spec"].get("finalizers")
    return bool(metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds") or waiting)


def _prune(obj: Object) -> None:
    """Remove values that a real server does not store: nulls, and empty lists and maps in the metadata."""
    drop_nulls(obj)
    metadata = obj["metadata"]
    for name in [name for name, value in metadata.items() if value in ({}, [])]:
        del metadata[name]


def _suffix() -> str:
    """Return five random characters without vowels, as in generated names."""
    return "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))


def _check_type(resource: Resource, body: Object) -> None:
    body.setdefault("kind", resource.kind)
    body.setdefault("apiVersion", resource.api_version)
    given = (body["apiVersion"], body["kind"])
    if given == (resource.api_version, resource.kind):
        return
    version, kind = given
    if kind == resource.kind and "/" in version:
        raise errors.bad_request(
            f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})"
        )
    if any(each.kind == kind and each.api_version == version for each in RESOURCES):
        group = {"apps": "apps", "": "core"}.get(resource.group, resource.group.partition(".")[0])
        word = version.rpartition("/")[2]
        why = f"converting ({word}.{kind}) to ({group}.{resource.kind}): unknown conversion"
    else:
        word = version.rpartition("/")[2]
        why = f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:110"'
    raise errors.bad_request(f'{kind} in version "{word}" cannot be handled as a {resource.kind}: {why}')


def _check_namespace(target: RequestInfo, metadata: Object) -> None:
    given = metadata.get("namespace")
    if target.namespace is None:
        raise errors.bad_request("an empty namespace may not be set during creation")
    if given and given != target.namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def _check_identity(target: RequestInfo, live: Object, new: Object) -> None:
    """Check that name, namespace, uid and resourceVersion, if given, are those of the stored object."""
    metadata = new.get("metadata")
    if not isinstance(metadata, dict):
        metadata = new["metadata"] = {}
    if not metadata.get("name"):
        raise errors.bad_request(
            f"the name of the object ({target.name} based on URL) was undeterminable: name must be provided"
        )
    if metadata["name"] != target.name:
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        )
    if metadata.get("namespace") not in {None, "", target.namespace}:
        _check_namespace(target, metadata)
    version, uid = metadata.get("resourceVersion"), metadata.get("uid")
    if version and not version.isdigit():
        raise errors.server_error(f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if version and version != live["metadata"]["resourceVersion"]:
        raise errors.modified(target.resource, target.name)
    if uid and uid != live["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {live['metadata']['uid']}"
        raise errors.conflict(target.resource, target.name, why)


def _merged(target: RequestInfo, live: Object, new: Object) -> Object:
    """Return the new object restricted to the part that its subresource may write."""
    if target.subresource == "status":
        status = new.get("status") or {}
        if not isinstance(status, dict):
            raise errors.bad_request("status must be an object")
        metadata = live["metadata"]
        annotations = (new.get("metadata") or {}).get("annotations")
        if target.resource.kind == "Deployment" and annotations:
            # Its controller writes the revision in this way, because that does not raise the generation.
            metadata = {**metadata, "annotations": annotations}
        return {**live, "metadata": metadata, "status": status}
    if target.subresource == "finalize":
        spec = {**live["spec"], "finalizers": (new.get("spec") or {}).get("finalizers") or []}
        return {**live, "spec": spec}
    kept = {name: live["metadata"][name] for name in (*_SERVER_FIELDS, "resourceVersion") if name in live["metadata"]}
    metadata = {k: v for k, v in new["metadata"].items() if k not in _SERVER_FIELDS}
    metadata["managedFields"] = metadata.get("managedFields") or live["metadata"].get("managedFields") or []
    if target.namespace:
        metadata["namespace"] = target.namespace
    merged = {**new, "metadata": metadata | kept}
    if "status" in target.resource.subresources:
        merged["status"] = live.get("status", {})
    return merged


def _specified(resource: Resource, obj: Object, subresource: str) -> Object:
    """Return the part of an object whose change increments the generation; a Deployment's annotations belong to it."""
    if resource.kind not in _WITH_GENERATION:
        return {}
    spec = {name: value for name, value in obj.items() if name not in _NOT_SPECIFIED}
    if resource.kind == "Deployment" and not subresource:
        spec["annotations"] = obj["metadata"].get("annotations") or {}
    return spec
