"""Read and build the parts of Kubernetes objects that every controller needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: A Kubernetes object as decoded JSON.
Object = dict[str, Any]

#: (namespace, name); the namespace is empty for cluster-scoped objects.
Key = tuple[str, str]


def key_of(obj: Object) -> Key:
    """Return the (namespace, name) of an object."""
    metadata = obj["metadata"]
    return (metadata.get("namespace", ""), metadata["name"])


def version_of(obj: Object) -> int:
    """Return the resourceVersion as a number, so that two can be compared."""
    return int(obj["metadata"].get("resourceVersion", "0"))


def labels_of(obj: Object) -> dict[str, str]:
    """Return the labels; empty if there are none."""
    return obj["metadata"].get("labels") or {}


def is_deleting(obj: Object) -> bool:
    """Return True if the object is marked for deletion."""
    return "deletionTimestamp" in obj["metadata"]


def controller_of(obj: Object) -> Object | None:
    """Return the owner reference with ``controller: true``, or None."""
    owners: list[Object] = obj["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def owner_reference(owner: Object) -> Object:
    """Build a controlling owner reference, as controllers put it on the objects they create."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def reference_to(obj: Object) -> Object:
    """Build an ObjectReference, as Events contain it."""
    metadata = obj["metadata"]
    full = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "uid": metadata.get("uid", ""),
        "resourceVersion": metadata.get("resourceVersion", ""),
    }
    return {name: value for name, value in full.items() if value}


def condition(obj: Object, kind: str) -> Object | None:
    """Return the entry of ``status.conditions`` with this type, or None."""
    conditions: list[Object] = obj.get("status", {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == kind), None)


def is_true(obj: Object, kind: str) -> bool:
    """Return True if a condition exists and has status ``True``."""
    entry = condition(obj, kind)
    return entry is not None and entry["status"] == "True"


def with_condition(obj: Object, entry: Object) -> list[Object]:
    """Return ``status.conditions`` with an entry at their end, which replaces the one of its type."""
    conditions: list[Object] = (obj.get("status") or {}).get("conditions") or []
    return [*(each for each in conditions if each["type"] != entry["type"]), entry]


def timestamp(moment: datetime | None = None) -> str:
    """Return a ``Time``: RFC 3339 in whole seconds, as in creationTimestamp. The default is now."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(moment: datetime | None = None) -> str:
    """Return a ``MicroTime``: RFC 3339 with microseconds, as in an Event's eventTime. The default is now."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """Parse a ``Time`` or ``MicroTime`` to an aware datetime in UTC."""
    return datetime.fromisoformat(text)
