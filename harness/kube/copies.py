"""Copies objects as JSON has them, several times faster than ``copy.deepcopy``, which remembers each part."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

T = TypeVar("T")

_PLAIN = frozenset({str, int, float, bool, type(None)})


def copied(value: T) -> T:
    """Return a copy that shares no map and no list with ``value``; anything but JSON's own types is deep-copied.

    A part that occurs twice becomes two parts.
    """
    copy: T = _copied(value)
    return copy


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: item if type(item) in _PLAIN else _copied(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) in _PLAIN else _copied(item) for item in value]
    return value if kind in _PLAIN else deepcopy(value)
