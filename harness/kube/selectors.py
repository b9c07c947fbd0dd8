"""Evaluates the ``LabelSelector`` of an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Labels = Mapping[str, str]


class SelectorError(ValueError):
    """An invalid selector; the message names the invalid part."""


def matches_selector(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Return True if labels match a ``LabelSelector``. An empty one selects everything."""
    plain: Mapping[str, str] = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    return all(labels.get(name) == value for name, value in plain.items()) and all(
        expression(e["key"], e["operator"], tuple(e.get("values") or ()))(labels) for e in expressions
    )


def selected_by(selector: Mapping[str, str] | None, labels: Labels) -> bool:
    """Return True if labels match a plain map, as in a Service; an absent or empty map selects nothing."""
    return bool(selector) and all(labels.get(name) == value for name, value in (selector or {}).items())


def expression(key: str, operator: str, values: tuple[str, ...]) -> Callable[[Labels], bool]:
    """Return a function that evaluates one expression of a selector.

    Raises:
        SelectorError: The operator is unknown.
    """
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
