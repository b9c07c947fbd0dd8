"""Apply a manifest on the server: merge it, remove what its manager dropped, and refuse fields of other managers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.kube.copies import copied
from harness.localkube.api import errors
from harness.localkube.api.field_sets import Path, is_atomic, item_element, keys_of, leaves, text
from harness.localkube.api.managed_fields import Owner, Ownership, owners_of, set_owners, with_paths, without
from harness.localkube.machinery.objects import Object

#: The annotation of client-side apply, and the manager that may take over its fields.
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KUBECTL = "kubectl"


def applied(live: Object, manifest: Object, manager: str, *, force: bool) -> Object:
    """Return the live object with a manager's manifest applied, with the owners of its fields.

    Args:
        live: The stored object; for a new one, an object without fields.
        manifest: The fields that the manager wants to own.
        manager: The client's ``fieldManager``.
        force: True to take fields of other managers instead of refusing them.

    Raises:
        StatusError: 409, the manifest changes a field of another manager.
    """
    owner = Owner(manager, applies=True)
    owners = owners_of(live)
    wanted = leaves(manifest)
    conflicts = _conflicts(owners, owner, wanted, leaves(live))
    refused = [] if force else _refused(conflicts, live, manager)
    if refused:
        raise errors.apply_conflict([(each.owner.describe(each.version), text(path)) for each, path in refused])
    own = next((each.paths for each in owners if each.owner == owner), frozenset())
    others = {path for each in owners if each.owner != owner for path in each.paths}
    new = copied(live)
    for path in sorted(own - wanted.keys() - others, key=len):
        _remove(new, path, others)
    _merge(new, copied(manifest), "")
    taken = frozenset(path for _, path in conflicts)
    set_owners(new, with_paths(without(owners, taken, owner), owner, manifest["apiVersion"], frozenset(wanted)))
    return new


def _conflicts(
    owners: list[Ownership], owner: Owner, wanted: Mapping[Path, Any], now: Mapping[Path, Any]
) -> list[tuple[Ownership, Path]]:
    """Return each field of another owner to which the manifest gives another value."""
    changed = [path for path, value in sorted(wanted.items()) if path not in now or now[path] != value]
    return [(each, path) for each in owners if each.owner != owner for path in changed if path in each.paths]


def _refused(conflicts: list[tuple[Ownership, Path]], live: Object, manager: str) -> list[tuple[Ownership, Path]]:
    """Return the conflicts of a manager, except those that kubectl has with its own client-side apply.

    An annotation says what kubectl applied in that way. kubectl may take over the fields that nobody has changed since.
    """
    last_applied = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if manager != _KUBECTL or not last_applied:
        return conflicts
    try:
        last = leaves(json.loads(last_applied))
    except (ValueError, AttributeError, TypeError):
        return conflicts
    now = leaves(live)
    return [(each, path) for each, path in conflicts if path not in last or path not in now or last[path] != now[path]]


def _merge(target: Object, source: Object, field: str) -> None:
    """Merge maps and lists of ``source`` into ``target``, which is the value of ``field``."""
    for name, value in source.items():
        present = target.get(name)
        keys = keys_of(field, name)
        if isinstance(value, dict) and isinstance(present, dict) and not is_atomic(name):
            _merge(present, value, name)
        elif isinstance(value, list) and keys and isinstance(present, list):
            _merge_items(present, value, keys, name)
        else:
            target[name] = value


def _merge_items(target: list[Any], source: list[Any], keys: tuple[str, ...], field: str) -> None:
    known = {item_element(item, keys): item for item in target}
    for item in source:
        present = known.get(item_element(item, keys))
        if present is None:
            target.append(item)
        else:
            _merge(present, item, field)


def _remove(obj: Object, path: Path, others: set[Path]) -> None:
    """Remove a field, or an item of which nobody else owns a field."""
    if path[-1].startswith("k:") and any(each[: len(path)] == path for each in others):
        return
    holder: Any = obj
    names = [""]
    for element in path[:-1]:
        holder = _below(holder, element, names)
        if holder is None:
            return
    last = path[-1]
    if last.startswith("f:") and isinstance(holder, dict):
        holder.pop(last[2:], None)
    elif isinstance(holder, list) and (found := _item(holder, last, names)) is not None:
        holder.remove(found)


def _below(holder: Any, element: str, names: list[str]) -> Any:
    """Return the value of an element of a path; None if there is none."""
    if element.startswith("f:"):
        names.append(element[2:])
        return holder.get(element[2:]) if isinstance(holder, dict) else None
    return _item(holder, element, names) if isinstance(holder, list) else None


def _item(items: list[Any], element: str, names: list[str]) -> Any:
    if element.startswith("v:"):
        return next((item for item in items if f"v:{json.dumps(item)}" == element), None)
    keys = keys_of(*names[-2:])
    return next((item for item in items if item_element(item, keys) == element), None)
