"""Reads files with one JSON object per line; lines that can't be parsed are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def read_json_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the lines that can be parsed; the last line of a killed run may be incomplete.

    Args:
        path: The file. A missing file has no lines.
    """
    try:
        file = path.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    with file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line
