"""JSON pointers to fields of objects. The undo journal uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final


class Absent:
    """The type of ``ABSENT``."""

    def __repr__(self) -> str:
        return "absent"


#: The value of a field that does not exist; ``None`` is the JSON value null.
ABSENT: Final = Absent()


def pointer(*parts: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a field: ``pointer("metadata", "annotations", "a/b")``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def split(path: str) -> tuple[str, ...]:
    """Return the parts of a JSON pointer."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def value_at(document: Any, path: str) -> Any:
    """Return the value of a field; ``ABSENT`` if it or anything above it does not exist."""
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
