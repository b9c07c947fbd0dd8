"""Compute which fields an object sets, in the notation of ``managedFields``.

A path is a tuple of elements: ``f:NAME`` is a field, ``k:{"name":"apple"}`` is the item of a list with these keys, and
``v:"x"`` is an item of a list of plain values. A path that ends with an item stands for its presence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.kube.strategic import MERGE_KEYS, MERGED_PRIMITIVES
from harness.localkube.machinery.objects import Object

Path = tuple[str, ...]

#: Lists whose items are identified by more fields than in a strategic merge patch.
_MORE_KEYS: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{(parent, "ports"): ("containerPort", "protocol") for parent in ("containers", "initContainers")},
    ("spec", "ports"): ("port", "protocol"),
    ("spec", "topologySpreadConstraints"): ("topologyKey", "whenUnsatisfiable"),
}
_DEFAULT_KEYS = {"protocol": "TCP"}
#: Maps that have one owner as a whole.
_ATOMIC = frozenset(
    {
        "configMapKeyRef", "fieldRef", "labelSelector", "namespaceSelector", "nodeSelector", "objectSelector",
        "podSelector", "resourceFieldRef", "secretKeyRef", "selector",
    }
)  # fmt: skip
_METADATA = ("annotations", "finalizers", "labels", "ownerReferences")
_NOT_OWNED = frozenset({"apiVersion", "kind", "metadata", "status"})


def keys_of(parent: str, name: str) -> tuple[str, ...]:
    """Return the fields that identify the items of a list; empty for a list that is replaced as a whole."""
    if more := _MORE_KEYS.get((parent, name)):
        return more
    key = MERGE_KEYS.get((parent, name))
    return (key,) if key else ()


def is_atomic(name: str) -> bool:
    """Return True for a map that is replaced as a whole."""
    return name in _ATOMIC


def item_element(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return the element of a path for an item of a list."""
    values = {key: item.get(key, _DEFAULT_KEYS.get(key)) for key in sorted(keys)}
    return "k:" + json.dumps({k: v for k, v in values.items() if v is not None}, separators=(",", ":"))


def leaves(obj: Object) -> dict[Path, Any]:
    """Return the value of every path that an object sets, except those that only the server writes."""
    metadata = obj.get("metadata") or {}
    owned = {name: value for name, value in obj.items() if name not in _NOT_OWNED}
    owned["metadata"] = {name: metadata[name] for name in _METADATA if metadata.get(name)}
    return dict(_of_map(owned, (), ""))


def _of_map(value: Mapping[str, Any], path: Path, name: str) -> Iterator[tuple[Path, Any]]:
    for key, part in value.items():
        yield from _of_value(part, (*path, f"f:{key}"), name, key)


def _of_value(value: Any, path: Path, parent: str, name: str) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value and not is_atomic(name):
        yield from _of_map(value, path, name)
    elif isinstance(value, list) and (keys := keys_of(parent, name)) and all(isinstance(i, Mapping) for i in value):
        for item in value:
            below = (*path, item_element(item, keys))
            yield below, None
            yield from _of_map(item, below, name)
    elif isinstance(value, list) and (parent, name) in MERGED_PRIMITIVES:
        for item in value:
            yield (*path, f"v:{json.dumps(item)}"), None
    elif not (value == {} and not path[:-1]):
        yield path, value


def to_fields(paths: Iterable[Path]) -> dict[str, Any]:
    """Return paths as ``fieldsV1``."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        if path[-1].startswith("k:"):
            node["."] = {}
    return root


def from_fields(fields: Mapping[str, Any]) -> set[Path]:
    """Return the paths of ``fieldsV1``."""
    return set(_from_fields(fields, ()))


def _from_fields(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    if not fields and path:
        yield path
    for element, below in fields.items():
        if element == ".":
            yield path
        else:
            yield from _from_fields(below, (*path, element))


def text(path: Path) -> str:
    """Return a path as the API server writes it: ``.spec.containers[name="apple"].image``."""
    return "".join(_element_text(element) for element in path)


def _element_text(element: str) -> str:
    mark, rest = element[:2], element[2:]
    if mark == "f:":
        return f".{rest}"
    if mark == "v:":
        return f"[={rest}]"
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items()) + "]"
