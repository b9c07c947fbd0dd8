"""Computes the JSON patch that undoes a change, field by field.

The smaller the fields, the less an undo can revert of what others have changed in the same object since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.kube.pointer import ABSENT, pointer, value_at

#: Maps of independent entries. A new map is undone entry by entry, because others may have added entries.
_WORD_MAPS = frozenset({("metadata", "annotations"), ("metadata", "labels")})
#: Parts of an object that the server writes or that identify it. An undo never contains them.
_SERVERS_OWN = frozenset({"status", "kind", "apiVersion"})
_USERS_METADATA = ("annotations", "labels")

_Path = tuple[str | int, ...]


def undo_operations(original: Mapping[str, Any], changed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the JSON patch that turns ``changed`` into ``original``, with a ``test`` before each operation.

    Args:
        original: The object before the change.
        changed: The object after the change.

    Returns:
        Operations; empty if no field that users write differs.
    """
    steps: list[dict[str, Any]] = []
    for path, before, after in _differences(_users_part(original), _users_part(changed), ()):
        steps += _restore(pointer(*path), before, after)
    return steps


def with_actual_values(operations: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the operations with tests of the values that the object really has after the change.

    A server completes values, such as the defaults of a new probe. A test of the value as sent would fail.
    """
    actual = []
    for operation in operations:
        held = value_at(answer, operation["path"])
        tested = operation["op"] == "test" and held is not ABSENT
        actual.append({**operation, "value": held} if tested else dict(operation))
    return actual


def _restore(path: str, before: Any, after: Any) -> list[dict[str, Any]]:
    if after is ABSENT:
        return [{"op": "add", "path": path, "value": before}]
    test = {"op": "test", "path": path, "value": after}
    if before is ABSENT:
        return [test, {"op": "remove", "path": path}]
    return [test, {"op": "replace", "path": path, "value": before}]


def _users_part(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = obj.get("metadata", {})
    part = {key: value for key, value in obj.items() if key not in _SERVERS_OWN}
    part["metadata"] = {key: metadata[key] for key in _USERS_METADATA if key in metadata}
    return part


def _differences(before: Any, after: Any, path: _Path) -> Iterator[tuple[_Path, Any, Any]]:
    """Yield (path, value before, value after) of the smallest fields that differ."""
    if before == after:
        return
    if before is ABSENT and path in _WORD_MAPS:
        before = {}  # compare entry by entry; the undo may leave an empty map
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from _differences(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif _same_objects(before, after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, (*path, index))
    else:
        yield path, before, after


def _same_objects(before: Any, after: Any) -> bool:
    """Return True if both are lists of objects with the same names in the same order, so that indices agree."""
    return (
        isinstance(before, list)
        and isinstance(after, list)
        and len(before) == len(after)
        and all(isinstance(item, Mapping) and "name" in item for item in (*before, *after))
        and [item["name"] for item in before] == [item["name"] for item in after]
    )
