"""Invalid values for tests of readers of files."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

STRANGE: tuple[Any, ...] = (None, 5, "x", [], [None], {"a": 5})

UPDATE = {"deployment": "apple", "set": {"args": ["-text=b"]}, "answer": "b", "answers": {"/apple": "c"}}
POINT = {"service": "apple-service", "selector": {"version": "v1"}, "answer": "x", "hold": "1s"}
MORE: list[Any] = [
    {"rolling-update": UPDATE},
    {"selector-patch": POINT},
    {"scale": {"deployment": "apple", "replicas": 2}},
    {"ingress-edit": {"ingress": "fruit", "annotations": {"a": "b"}, "patch": {"spec": {}}}},
    {"delete-pod": {"deployment": "apple", "force": True}},
]


def variants(value: Any) -> Iterator[Any]:
    """Yield a value with each of its parts, one at a time, replaced by something invalid."""
    yield from STRANGE
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        for part in variants(value[key]):
            changed = copy.copy(value)
            changed[key] = part
            yield changed
