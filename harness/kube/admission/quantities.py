"""Quantities such as ``100m`` or ``64Mi``: their value, and the form in which a real server returns them."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Any

_FORM = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_EXPONENT = re.compile(r"[eE][+-]?\d+")

FORM_ERROR = f"quantities must match the regular expression '^{_FORM.pattern}$'"
SUFFIX_ERROR = "unable to parse quantity's suffix"


class QuantityError(ValueError):
    """A text that is no quantity; the message is a real server's."""


def parse(value: Any) -> Decimal:
    """Return the value of a quantity.

    Raises:
        QuantityError: The text is no quantity.
    """
    text = str(value)
    match = _FORM.fullmatch(text)
    if match is None or not any(c.isdigit() for c in match[1]) or match[1].count(".") > 1:
        raise QuantityError(FORM_ERROR)
    number, suffix = Decimal(match[1]), match[2]
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix])
    if suffix in _BINARY:
        return number * (1 << _BINARY[suffix])
    if _EXPONENT.fullmatch(suffix):
        return number.scaleb(int(suffix[1:]))
    raise QuantityError(SUFFIX_ERROR)


def canonical(value: Any) -> str:
    """Return a quantity in the form in which a real server returns it: ``1000m`` as ``1``, ``1024Mi`` as ``1Gi``.

    Raises:
        QuantityError: The text is no quantity.
    """
    number, text = parse(value), str(value)
    suffix = (_FORM.fullmatch(text) or [""] * 3)[2]
    if suffix in _BINARY and number == number.to_integral_value():
        whole = int(number)
        for name, bits in reversed(_BINARY.items()):
            if whole and whole % (1 << bits) == 0:
                return f"{whole >> bits}{name}"
        return str(whole)
    if _EXPONENT.fullmatch(suffix):
        return _with_exponent(number, suffix[0])
    return _decimal(number)


def _with_exponent(number: Decimal, letter: str) -> str:
    """Return a number with the largest exponent that is a multiple of three."""
    if not number:
        return "0"
    power = 0
    while number == number.to_integral_value() and number % 1000 == 0:
        number, power = number / 1000, power + 3
    while number != number.to_integral_value():
        number, power = number * 1000, power - 3
    return f"{int(number)}" + (f"{letter}{power}" if power else "")


def _decimal(number: Decimal) -> str:
    """Return a number with the largest suffix that leaves it whole. Fractions of a nano are rounded up."""
    number = number.quantize(Decimal("1e-9"), rounding=ROUND_CEILING)
    for name, power in sorted(_DECIMAL.items(), key=lambda item: -item[1]):
        scaled = number.scaleb(-power)
        if number and scaled == scaled.to_integral_value():
            return f"{int(scaled)}{name}"
    return "0"
