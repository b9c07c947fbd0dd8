"""Label and field selectors, as text in a URL and as ``LabelSelector`` in an object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from harness.clusters.local.machinery.objects import Object, labels_of

#: Says whether an object is selected.
Matcher = Callable[[Object], bool]

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s*\(([^()]*)\)\s*$")
_EQUALS = re.compile(r"^\s*([^\s!=]+)\s*(!=|==|=)\s*([^\s!=]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s!=()]+)\s*$")
_COMMA = re.compile(r",(?![^()]*\))")

_Labels = Mapping[str, str]


class SelectorError(ValueError):
    """A selector that can't be understood; the message has it."""


def selected_by(selector: Mapping[str, str] | None, labels: _Labels) -> bool:
    """Whether labels match a plain map, as in a Service; an absent or empty one selects nothing."""
    return bool(selector) and all(labels.get(name) == value for name, value in (selector or {}).items())


def matches_selector(selector: Mapping[str, Any], labels: _Labels) -> bool:
    """Whether labels match a ``LabelSelector`` (matchLabels and matchExpressions); an empty one selects everything."""
    plain: Mapping[str, str] = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    return all(labels.get(name) == value for name, value in plain.items()) and all(
        _expression(e["key"], e["operator"], tuple(e.get("values") or ()))(labels) for e in expressions
    )


def _expression(key: str, operator: str, values: tuple[str, ...]) -> Callable[[_Labels], bool]:
    match operator:
        case "In":
            return lambda labels: labels.get(key) in values
        case "NotIn":
            return lambda labels: labels.get(key) not in values
        case "Exists":
            return lambda labels: key in labels
        case "DoesNotExist":
            return lambda labels: key not in labels
    raise SelectorError(f"{operator!r} is not a valid label selector operator")


def _requirement(text: str) -> Callable[[_Labels], bool]:
    if match := _SET.match(text):
        values = tuple(value.strip() for value in match[3].split(","))
        return _expression(match[1], "In" if match[2] == "in" else "NotIn", values)
    if match := _EQUALS.match(text):
        return _expression(match[1], "NotIn" if match[2] == "!=" else "In", (match[3],))
    if match := _EXISTS.match(text):
        return _expression(match[2], "DoesNotExist" if match[1] else "Exists", ())
    raise SelectorError(f"unable to parse requirement: {text!r}")


def parse_labels(text: str) -> Matcher:
    """A label selector as in ``kubectl -l``; empty text selects everything. Raises ``SelectorError``."""
    requirements = [_requirement(part) for part in _COMMA.split(text) if part.strip()]
    return lambda obj: all(requirement(labels_of(obj)) for requirement in requirements)


def parse_fields(text: str) -> Matcher:
    """A field selector such as ``status.phase=Running,metadata.name!=x``; any path is taken, as in CRDs.

    Raises:
        SelectorError: For a part that is no comparison.
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
