"""Parse values of annotations and of the controller's ConfigMap as ingress-nginx does, or say that it ignores them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Values of Go's strconv.ParseBool, with which ingress-nginx parses switches; it ignores all other values.
TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
TRUTH = "|".join((*TRUE, *FALSE))
SECONDS = r"\d{1,6}"
NUMBER = r"\d{1,9}"
#: Patterns of values that are plain numbers.
_NUMBERS = (SECONDS, NUMBER)


@dataclass(frozen=True, slots=True)
class ValueRule:
    """The setting that a value controls, the allowed values, their parser, and the values that have no effect."""

    setting: str
    allowed: str
    read: Callable[[str], Any] = str
    ignored: str = ""


class ParseResult(StrEnum):
    """The result of parsing a value."""

    #: The value takes effect.
    PARSED = "parsed"
    #: ingress-nginx ignores the value (for example text instead of a number), so it is ignored here too.
    IGNORED = "ignored"
    #: ingress-nginx may accept the value, but it has no effect here.
    UNREADABLE = "unreadable"


def annotation_result(rule: ValueRule, value: str) -> ParseResult:
    """Return how an annotation's value is parsed; white space around it does not count."""
    text = value.strip()
    if re.fullmatch(rule.allowed, text):
        return ParseResult.PARSED
    is_number = re.fullmatch(r"[-+]?\d+", text) is not None
    ignored = (
        not text
        or re.fullmatch(rule.ignored, text, re.DOTALL) is not None
        or (rule.allowed in _NUMBERS and not is_number)
        or rule.allowed == TRUTH
    )
    return ParseResult.IGNORED if ignored else ParseResult.UNREADABLE


#: Go's strconv.ParseInt with base 0, which reads numbers in the ConfigMap: ``0x10`` is 16, and ``010`` is 8.
_GO_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)")
_DECIMAL = re.compile(r"0|[1-9]\d*")


def key_result(rule: ValueRule, value: str) -> ParseResult:
    """Return how the value of a key in the controller's ConfigMap is parsed; white space counts."""
    is_number = rule.allowed in _NUMBERS
    if re.fullmatch(rule.allowed, value) and (not is_number or _DECIMAL.fullmatch(value)):
        return ParseResult.PARSED
    ignored = (
        (rule.ignored and re.fullmatch(rule.ignored, value, re.DOTALL) is not None)
        or (rule.allowed == TRUTH and value)
        or (is_number and value and not _GO_INTEGER.fullmatch(value))
    )
    return ParseResult.IGNORED if ignored else ParseResult.UNREADABLE
