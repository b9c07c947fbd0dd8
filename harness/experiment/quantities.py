"""Durations, rates and shares with their unit: a number without one invites mistakes."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = rf"{_NUMBER}\s*(ms|s|m|h)"
_RATE = rf"{_NUMBER}\s*/\s*(s|m)"
_PERCENT = r"(\d{1,3})\s*%"


def seconds(value: Any) -> float:
    """Return ``3s``, ``1500ms`` or ``2m`` in seconds.

    Raises:
        ValueError: It has no unit, or is none of these.
    """
    match = re.fullmatch(_DURATION, value) if isinstance(value, str) else None
    if match is None:
        hint = f"; with a unit: {value}s" if _is_number(value) else ""
        raise ValueError(f"expected a duration such as 3s, 1500ms or 2m, got {value!r}{hint}")
    return float(match[1]) * _SECONDS[match[2]]


def per_second(value: Any) -> float:
    """Return ``200/s`` or ``600/m`` in events per second.

    Raises:
        ValueError: It has no unit, is zero, or is none of these.
    """
    match = re.fullmatch(_RATE, value) if isinstance(value, str) else None
    if match is None:
        hint = f"; with a unit: {value}/s" if _is_number(value) else ""
        raise ValueError(f"expected a rate such as 200/s or 600/m, got {value!r}{hint}")
    rate = float(match[1]) / _SECONDS[match[2]]
    if rate == 0:
        raise ValueError("expected a rate above 0")
    return rate


def percent(value: Any) -> int:
    """Return ``10%`` as a whole number from 0 to 100: every ingress controller can split by these shares.

    Raises:
        ValueError: It is none of these.
    """
    match = re.fullmatch(_PERCENT, value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 100:
        hint = f"; with its sign: {value}%" if _is_number(value) else ""
        raise ValueError(f"expected a whole share from 0% to 100%, got {value!r}{hint}")
    return int(match[1])


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(_NUMBER, value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def duration_text(value: float) -> str:
    """Return seconds in the notation of a file: ``3s``, ``200ms``."""
    return f"{value:g}s" if value == 0 or value >= 1 else f"{value * 1000:g}ms"


def _written(title: str, pattern: str, example: str) -> WithJsonSchema:
    """Describe a quantity for editors: they see the text, not the number that is read from it."""
    return WithJsonSchema({"title": title, "type": "string", "pattern": f"^{pattern}$", "examples": [example]})


#: A duration in seconds, for pydantic models.
Duration = Annotated[float, BeforeValidator(seconds), _written("duration", _DURATION, "3s")]

#: A rate per second, for pydantic models.
RatePerSecond = Annotated[float, BeforeValidator(per_second), _written("rate", _RATE, "200/s")]

#: A share in percent, for pydantic models.
Percent = Annotated[int, BeforeValidator(percent), _written("share", _PERCENT, "10%")]
