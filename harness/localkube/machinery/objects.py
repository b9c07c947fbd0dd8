"""Small questions that every controller asks a Kubernetes object, in one place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: A Kubernetes object as JSON has it.
Object = dict[str, Any]

#: (namespace, name); the namespace is empty for objects without one.
Key = tuple[str, str]


def key_of(obj: Object) -> Key:
    """(namespace, name) of an object."""
    metadata = obj["metadata"]
    return (metadata.get("namespace", ""), metadata["name"])


def version_of(obj: Object) -> int:
    """Its resourceVersion as a number, so that two can be compared."""
    return int(obj["metadata"].get("resourceVersion", "0"))


def labels_of(obj: Object) -> dict[str, str]:
    """Its labels; empty if it has none."""
    return obj["metadata"].get("labels") or {}


def is_deleting(obj: Object) -> bool:
    """Whether its deletion has begun."""
    return "deletionTimestamp" in obj["metadata"]


def controller_of(obj: Object) -> Object | None:
    """The owner reference with ``controller: true``, or None."""
    owners: list[Object] = obj["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def owner_reference(owner: Object) -> Object:
    """A controlling owner reference to an object, as controllers put it on what they create."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def reference_to(obj: Object) -> Object:
    """An ObjectReference, as Events carry it."""
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
    """The entry of ``status.conditions`` with this type, or None."""
    conditions: list[Object] = obj.get("status", {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == kind), None)


def is_true(obj: Object, kind: str) -> bool:
    """Whether a condition is there and ``True``."""
    entry = condition(obj, kind)
    return entry is not None and entry["status"] == "True"


def timestamp(moment: datetime | None = None) -> str:
    """A ``Time``: RFC 3339 in whole seconds, as in creationTimestamp; now by default."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(moment: datetime | None = None) -> str:
    """A ``MicroTime``: RFC 3339 with microseconds, as in an Event's eventTime; now by default."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """A ``Time`` or ``MicroTime`` as an aware datetime in UTC."""
    return datetime.fromisoformat(text)
