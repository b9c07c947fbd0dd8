"""Read and change objects by paths such as ``spec.ports[0].name`` or ``metadata.labels[example.com/a]``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

#: The value that takes a field away.
DROP = "<drop>"

_PART = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


def parse(path: str) -> list[str | int]:
    """Split a path into field names and list indices."""
    parts: list[str | int] = []
    for match in _PART.finditer(path):
        name, bracket = match.groups()
        parts.append(name if name is not None else int(bracket) if bracket.isdigit() else bracket)
    return parts


def assign(obj: Any, path: str, value: Any) -> None:
    """Set the value at a path in place, and make what is missing above it; ``DROP`` removes the field."""
    *above, last = parse(path)
    for part, following in zip(above, [*above, last][1:], strict=True):
        missing: Any = [] if isinstance(following, int) else {}
        if isinstance(part, int):
            if part == len(obj):
                obj.append(missing)
        elif obj.get(part) is None:
            obj[part] = missing
        obj = obj[part]
    if value == DROP:
        del obj[last]
    elif isinstance(last, int) and last == len(obj):
        obj.append(value)
    else:
        obj[last] = value


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each leaf of an object with its path; empty maps and lists are leaves."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            plain = re.fullmatch(r"[\w-]+", name) is not None
            step = f".{name}" if plain and path else name if plain else f"[{name}]"
            yield from flat(item, path + step)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from flat(item, f"{path}[{index}]")
    else:
        yield path, value


def changes(before: Any, after: Any) -> dict[str, Any]:
    """Return the leaves that differ, with their values after; ``DROP`` for those that are gone.

    Args:
        before: The object before; None for none.
        after: The object after.
    """
    old, new = {} if before is None else dict(flat(before)), dict(flat(after))
    found = {path: value for path, value in new.items() if path not in old or not _same(old[path], value)}
    return dict(sorted({**found, **{path: DROP for path in old if path not in new}}.items()))


def _same(one: Any, other: Any) -> bool:
    """Compare values as JSON does: ``true`` is not ``1``."""
    return type(one) is type(other) and bool(one == other)
