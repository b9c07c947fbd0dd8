"""Record in ``managedFields`` which client (``fieldManager``) changed which fields of an object.

Only changes of clients that send a ``fieldManager`` are recorded, because users and programs look for those. The real
server records an owner for every field from its creation on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.localkube.machinery.objects import Object, timestamp

_METADATA = ("annotations", "labels")


def record_manager(live: Object, new: Object, manager: str, subresource: str = "") -> None:
    """Record in ``new`` the manager of the changed fields.

    Args:
        live: The object before.
        new: The object after; its ``managedFields`` are replaced.
        manager: The client's ``fieldManager``; empty if it sent none.
        subresource: Subresource through which the object was changed: ``scale``.
    """
    entries = list(live["metadata"].get("managedFields") or ())
    changed = _changed(_part(live), _part(new)) if manager else {}
    if changed:
        entries = [
            entry for entry in entries if (entry["manager"], entry.get("subresource", "")) != (manager, subresource)
        ]
        entries.append(
            {
                "manager": manager,
                "operation": "Update",
                "apiVersion": new["apiVersion"],
                "time": timestamp(),
                "fieldsType": "FieldsV1",
                "fieldsV1": changed,
                **({"subresource": subresource} if subresource else {}),
            }
        )
    if entries:
        new["metadata"]["managedFields"] = entries


def _part(obj: Object) -> dict[str, Any]:
    """Return the parts of an object that users write."""
    metadata = {name: obj["metadata"].get(name) or {} for name in _METADATA}
    rest = {name: value for name, value in obj.items() if name not in {"apiVersion", "kind", "metadata", "status"}}
    return {"metadata": metadata, **rest}


def _changed(before: Any, after: Any) -> dict[str, Any]:
    """Return the changed fields in the server's notation: ``{"f:spec": {"f:replicas": {}}}``; a list is one field."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return {}
    return {
        f"f:{name}": _changed(before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
