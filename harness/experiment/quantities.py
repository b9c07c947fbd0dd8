"""Durations, rates and shares as people write them: with their unit, since a bare number invites mistakes."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"(?P<number>\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"{_NUMBER}\s*(?P<unit>ms|s|m|h)")
_RATE = re.compile(rf"{_NUMBER}\s*/\s*(?P<unit>s|m)")


def seconds(value: Any) -> float:
    """``3s``, ``1500ms``, ``2m`` in seconds.

    Raises:
        ValueError: It has no unit, or is none of these.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        hint = f"; with a unit: {value}s" if _is_number(value) else ""
        raise ValueError(f"expected a duration such as 3s, 1500ms or 2m, got {value!r}{hint}")
    return float(match["number"]) * _SECONDS[match["unit"]]


def per_second(value: Any) -> float:
    """``200/s``, ``600/m`` in events per second.

    Raises:
        ValueError: It has no unit, is zero, or is none of these.
    """
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        hint = f"; with a unit: {value}/s" if _is_number(value) else ""
        raise ValueError(f"expected a rate such as 200/s or 600/m, got {value!r}{hint}")
    rate = float(match["number"]) / _SECONDS[match["unit"]]
    if rate == 0:
        raise ValueError("expected a rate above 0")
    return rate


def percent(value: Any) -> int:
    """``10%`` as a whole number from 0 to 100: the shares that both ingress controllers can give.

    Raises:
        ValueError: It is none of these.
    """
    match = re.fullmatch(r"(\d{1,3})\s*%", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 100:
        hint = f"; with its sign: {value}%" if _is_number(value) else ""
        raise ValueError(f"expected a whole share from 0% to 100%, got {value!r}{hint}")
    return int(match[1])


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(_NUMBER, value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


#: A duration in seconds, for pydantic models.
Duration = Annotated[float, BeforeValidator(seconds)]

#: A rate per second, for pydantic models.
Rate = Annotated[float, BeforeValidator(per_second)]

#: A share in percent, for pydantic models.
Percent = Annotated[int, BeforeValidator(percent)]
