"""Reads values inside objects that may have any form: manifests are read before they are known to be valid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(value: Any, *path: str) -> Any:
    """Return the value at a path of field names; None if a field on the way is missing."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def indexed_maps(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the maps of a list with their indices; values of other types are left out."""
    found = value if isinstance(value, list) else []
    return [(index, each) for index, each in enumerate(found) if isinstance(each, Mapping)]
