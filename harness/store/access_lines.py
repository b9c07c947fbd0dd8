"""Reads the access log of an ingress controller, as ``access.jsonl`` holds it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

#: Separator between the tries of one request.
BETWEEN_TRIES = ","
#: The same, and what nginx writes between the tries before and after an internal redirect.
_TRIES = re.compile(r",| : ")
_ATTEMPT = '"attempt":'


def read_lines(path: Path, wanted: Callable[[str], bool] = lambda _: True) -> Iterator[Mapping[str, Any]]:
    """Yield the lines that can be parsed; the last line of a killed run may be incomplete.

    Args:
        path: The file. A missing file has no lines.
        wanted: Returns True for the ids of attempts whose lines are needed; other lines are not parsed.
    """
    try:
        file = path.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    with file:
        for text in file:
            if not wanted(attempt_in(text)):
                continue
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line


def attempt_in(text: str) -> str:
    """Return the id of the attempt in the text of a line; empty if it has none."""
    _, _, rest = text.partition(_ATTEMPT)
    return rest.lstrip()[1:].partition('"')[0]


def split_tries(value: object) -> tuple[str, ...]:
    """Return the values of a field that has one for each try."""
    return tuple(part.strip() for part in _TRIES.split(str(value or "")) if part.strip())
