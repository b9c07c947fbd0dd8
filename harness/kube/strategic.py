"""Strategic merge patch and JSON merge patch, as a Kubernetes API server applies them.

Pure functions on plain objects, which never change their arguments. Experiments patch manifests before a cluster
exists, and the embedded API server patches stored objects. Both must give the same result as a real server, down to the
order of lists. The rules are those of Kubernetes' ``strategicpatch`` package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.errors import ExitCode, HarnessError
from harness.kube.copies import copied

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"

_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")

#: (field of the list's owner, field of the list) -> key by which items are merged. ``""`` is the object itself. Any
#: other list of objects is replaced as a whole, as on a real server.
MERGE_KEYS: Mapping[tuple[str, str], str] = {
    **{("spec", name): "name" for name in (*_CONTAINER_LISTS, "volumes", "imagePullSecrets", "schedulingGates")},
    ("spec", "resourceClaims"): "name",
    ("spec", "hostAliases"): "ip",
    ("spec", "topologySpreadConstraints"): "topologyKey",
    **{(parent, "env"): "name" for parent in _CONTAINER_LISTS},
    **{(parent, "ports"): "containerPort" for parent in _CONTAINER_LISTS},
    **{(parent, "volumeMounts"): "mountPath" for parent in _CONTAINER_LISTS},
    **{(parent, "volumeDevices"): "devicePath" for parent in _CONTAINER_LISTS},
    ("spec", "ports"): "port",
    ("status", "conditions"): "type",
    ("status", "addresses"): "type",
    ("status", "podIPs"): "ip",
    ("status", "hostIPs"): "ip",
    ("metadata", "ownerReferences"): "uid",
    ("", "secrets"): "name",
}

#: Lists of plain values to which a patch adds items. Any other list is replaced.
MERGED_PRIMITIVES = frozenset({("metadata", "finalizers"), ("spec", "finalizers"), ("spec", "podCIDRs")})

_Order = Callable[[Any], Any]


class PatchError(HarnessError):
    """A patch that an API server would refuse as malformed (400)."""

    exit_code = ExitCode.INVALID_INPUT


def strategic_merge(original: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a strategic merge patch to a built-in Kubernetes object.

    Args:
        original: The object.
        patch: Fields to set; ``None`` deletes a field. The directives ``$patch``, ``$retainKeys``,
            ``$setElementOrder/…`` and ``$deleteFromPrimitiveList/…`` are supported.

    Returns:
        A new object that shares nothing with the arguments.

    Raises:
        PatchError: The patch has an unknown directive, or a list item without its merge key.
    """
    return _merge_map(copied(dict(original)), copied(dict(patch)), "")


def json_merge(original: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a JSON merge patch (RFC 7386): maps are merged, ``None`` deletes, anything else replaces."""
    merged = copied(dict(original))
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = json_merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = copied(value)
    return merged


def _merge_map(original: dict[str, Any], patch: dict[str, Any], field: str) -> dict[str, Any]:
    """Merge ``patch`` into ``original``, which is the value of ``field``. Both may be modified."""
    directive = patch.pop(_PATCH, None)
    if directive == "replace":
        return _clean_map(patch)
    if directive == "delete":
        return {}
    if directive is not None:
        raise PatchError(f"unknown patch directive {_PATCH}: {directive!r}", hint="use replace or delete")
    _retain(original, patch)
    before = {name: original[name] for name in original if isinstance(original[name], list)}
    orders = {key.removeprefix(_ORDER): patch.pop(key) for key in list(patch) if key.startswith(_ORDER)}
    for key in [key for key in patch if key.startswith(_DELETE)]:
        _delete_primitives(original, key.removeprefix(_DELETE), patch.pop(key))
    for key, value in patch.items():
        _merge_value(original, key, value, field)
    for key, order in orders.items():
        if not isinstance(order, list):
            raise PatchError(f"{_ORDER}{key} must be a list")
        if isinstance(original.get(key), list):
            identity = _identity(MERGE_KEYS.get((field, key)))
            original[key] = _in_order(original[key], order, before.get(key, []), identity)
    return original


def _merge_value(original: dict[str, Any], key: str, value: Any, field: str) -> None:
    present = original.get(key)
    if value is None:
        original.pop(key, None)
    elif isinstance(value, dict) and isinstance(present, dict):
        original[key] = _merge_map(present, value, key)
    elif isinstance(value, dict) and _PATCH in value:
        original.pop(key, None)  # A directive for a map that does not exist: a real server drops it.
    elif isinstance(value, list) and isinstance(present, list):
        original[key] = _merge_list(present, value, field, key)
    elif isinstance(value, list):
        if merge_key := MERGE_KEYS.get((field, key)):
            _check_keys([item for item in value if isinstance(item, dict) and _PATCH not in item], merge_key, key)
        original[key] = [item for item in _clean(value) if not _is_replace(item)]
    else:
        original[key] = _clean(value)


def _merge_list(original: list[Any], patch: list[Any], field: str, key: str) -> list[Any]:
    merge_key = MERGE_KEYS.get((field, key))
    if merge_key is not None and all(isinstance(item, dict) for item in [*original, *patch]):
        return _merge_objects(original, patch, merge_key, key)
    if (field, key) in MERGED_PRIMITIVES:
        merged = [*original, *(item for item in patch if item not in original)]
        return _in_order(merged, patch, original, _identity(None))
    return [_clean(item) for item in patch if not _is_replace(item)]


def _merge_objects(original: list[Any], patch: list[dict[str, Any]], merge_key: str, key: str) -> list[Any]:
    """Merge a list of objects by their merge key. The patch's order takes precedence, as on a real server."""
    if any(_is_replace(item) for item in patch):
        return [_clean(item) for item in patch if not _is_replace(item)]
    _check_items(patch, merge_key, key)
    deleted = [item[merge_key] for item in patch if item.get(_PATCH) == "delete"]
    merged = [item for item in original if item.get(merge_key) not in deleted]
    wanted = [item for item in patch if item.get(_PATCH) != "delete"]
    order = [{merge_key: item[merge_key]} for item in wanted]
    for item in wanted:
        found = [i for i, other in enumerate(merged) if other.get(merge_key) == item[merge_key]]
        if found:
            merged[found[0]] = _merge_map(merged[found[0]], item, key)
        else:
            merged.append(_clean(item))
    return _in_order(merged, order, original, _identity(merge_key))


def _check_keys(patch: list[dict[str, Any]], merge_key: str, key: str) -> None:
    for item in patch:
        if merge_key not in item:
            raise PatchError(f"an item of {key!r} lacks {merge_key!r}, the merge key of this list")


def _check_items(patch: list[dict[str, Any]], merge_key: str, key: str) -> None:
    _check_keys(patch, merge_key, key)
    for item in patch:
        if item.get(_PATCH) not in (None, "delete", "replace"):
            raise PatchError(f"unknown patch directive {_PATCH}: {item[_PATCH]!r} in an item of {key!r}")


def _is_replace(item: Any) -> bool:
    """Return True for an item with ``$patch: replace``: the list is replaced by the patch's other items."""
    return isinstance(item, dict) and item.get(_PATCH) == "replace"


def _retain(original: dict[str, Any], patch: dict[str, Any]) -> None:
    """Apply ``$retainKeys``: drop the fields that it does not name, so that a union (volume) can change its kind."""
    keys = patch.pop(_RETAIN, None)
    if keys is None:
        return
    if not isinstance(keys, list):
        raise PatchError(f"{_RETAIN} must be a list of field names")
    unnamed = [key for key in patch if not key.startswith("$") and patch[key] is not None and key not in keys]
    if unnamed:
        raise PatchError(f"{_RETAIN} must name every field of its patch; {', '.join(unnamed)} missing")
    for key in [key for key in original if key not in keys]:
        del original[key]


def _delete_primitives(original: dict[str, Any], name: str, values: Any) -> None:
    if not isinstance(values, list):
        raise PatchError(f"{_DELETE}{name} must be a list of values")
    if isinstance(original.get(name), list):
        original[name] = [item for item in original[name] if item not in values]


def _identity(merge_key: str | None) -> _Order:
    """Return a function that identifies an item of a list: by its merge key, or by the plain value itself."""
    return lambda item: item.get(merge_key) if merge_key and isinstance(item, dict) else item


def _in_order(merged: list[Any], order: Sequence[Any], before: Sequence[Any], identity: _Order) -> list[Any]:
    """Order a merged list: named items as in ``order``, and the others between them as they were before.

    One of the others comes first only if it and the next named item existed before, in that order. New items of the
    patch therefore precede items that only the server has.
    """
    rank = {repr(identity(item)): i for i, item in reversed(list(enumerate(order)))}
    place = {repr(identity(item)): i for i, item in reversed(list(enumerate(before)))}

    def key(item: Any) -> str:
        return repr(identity(item))

    named = sorted((item for item in merged if key(item) in rank), key=lambda item: rank[key(item)])
    rest = sorted((item for item in merged if key(item) not in rank), key=lambda item: place.get(key(item), len(place)))
    result: list[Any] = []
    for item in named:
        here = place.get(key(item))
        while rest and here is not None and place.get(key(rest[0]), here) < here:
            result.append(rest.pop(0))
        result.append(item)
    return result + rest


def _clean(value: Any) -> Any:
    """Return a value that is new to the object, without its nulls and directives."""
    if isinstance(value, dict):
        return _clean_map(value)
    if isinstance(value, list):
        return [_clean(item) for item in value if not (isinstance(item, dict) and item.get(_PATCH) == "delete")]
    return value


def _clean_map(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _clean(item)
        for key, item in value.items()
        if item is not None and not key.startswith("$") and not (isinstance(item, dict) and _PATCH in item)
    }
