"""Numbers that an object may give as a share: ``maxSurge`` and ``minAvailable`` are ``1`` or ``25%``. Pure."""

from __future__ import annotations

import math
import re
from typing import Any

_PERCENT = re.compile(r"([0-9]+)%")


def percent_of(value: Any) -> int | None:
    """Return the number of a percentage: 25 of ``25%``; None for a value that is none."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else int(match[1])


def resolve(value: int | str, of: int, *, up: bool) -> int:
    """Return a number as it is, and a percentage as that part of ``of``, rounded up or down.

    Raises:
        ValueError: It is neither; an API server refuses it.
    """
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * of
    return math.ceil(share / 100) if up else share // 100
