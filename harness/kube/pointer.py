"""JSON pointers: where in an object a field is, and what it holds. The undo journal is written in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final


class Absent:
    """The type of ``ABSENT``."""

    def __repr__(self) -> str:
        return "absent"


#: What a field that is not there holds; ``None`` is a value of its own in JSON.
ABSENT: Final = Absent()


def pointer(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) of a field: ``pointer("metadata", "annotations", "a/b")``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def split(path: str) -> tuple[str, ...]:
    """The parts of a JSON pointer."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def value_at(document: Any, path: str) -> Any:
    """What a field holds, ``ABSENT`` where it or anything above it is not there."""
    here = document
    for part in split(path):
        here = _step(here, part)
    return here


def _step(here: Any, part: str) -> Any:
    if isinstance(here, Mapping):
        return here.get(part, ABSENT)
    if isinstance(here, Sequence) and not isinstance(here, str) and part.isdigit() and int(part) < len(here):
        return here[int(part)]
    return ABSENT
