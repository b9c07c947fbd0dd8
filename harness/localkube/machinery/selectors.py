"""Match label and field selectors, given as text in a URL or as a plain map in an object."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from harness.kube.selectors import Labels, SelectorError, expression
from harness.localkube.machinery.objects import Object, labels_of

#: Returns True if an object is selected.
Matcher = Callable[[Object], bool]

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s*\(([^()]*)\)\s*$")
_EQUALS = re.compile(r"^\s*([^\s!=]+)\s*(!=|==|=)\s*([^\s!=]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s!=()]+)\s*$")
_COMMA = re.compile(r",(?![^()]*\))")


def _requirement(text: str) -> Callable[[Labels], bool]:
    if match := _SET.match(text):
        values = tuple(value.strip() for value in match[3].split(","))
        return expression(match[1], "In" if match[2] == "in" else "NotIn", values)
    if match := _EQUALS.match(text):
        return expression(match[1], "NotIn" if match[2] == "!=" else "In", (match[3],))
    if match := _EXISTS.match(text):
        return expression(match[2], "DoesNotExist" if match[1] else "Exists", ())
    raise SelectorError(f"unable to parse requirement: {text!r}")


def parse_labels(text: str) -> Matcher:
    """Parse a label selector as in ``kubectl -l``; empty text selects everything.

    Raises:
        SelectorError: A requirement cannot be parsed.
    """
    requirements = [_requirement(part) for part in _COMMA.split(text) if part.strip()]
    return lambda obj: all(requirement(labels_of(obj)) for requirement in requirements)


def parse_fields(text: str) -> Matcher:
    """Parse a field selector such as ``status.phase=Running,metadata.name!=x``; any path is accepted, as in CRDs.

    Raises:
        SelectorError: A part is not a comparison.
    """
    comparisons: list[tuple[tuple[str, ...], str, bool]] = []
    for part in filter(None, text.split(",")):
        match = _EQUALS.match(part)
        if match is None:
            raise SelectorError(f"invalid field selector: {part!r}")
        comparisons.append((tuple(match[1].split(".")), match[3], match[2] != "!="))
    return lambda obj: all((_field(obj, path) == value) is wanted for path, value, wanted in comparisons)


def _field(obj: Any, path: tuple[str, ...]) -> str:
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    if isinstance(obj, bool):
        return str(obj).lower()
    return "" if obj is None else str(obj)
