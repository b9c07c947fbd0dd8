"""The arithmetic of PodDisruptionBudgets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.kube.selectors import Labels, SelectorError, matches_selector
from harness.kube.shares import resolve


def selects(budget: Mapping[str, Any], labels: Labels) -> bool:
    """Return True if a budget selects pods with these labels.

    An empty selector selects all pods, a missing one selects none.
    """
    selector = (budget.get("spec") or {}).get("selector")
    if selector is None:
        return False
    try:
        return matches_selector(selector, labels)
    except SelectorError:
        return False


def desired_healthy(spec: Mapping[str, Any], expected: int) -> int | None:
    """Return the number of ready pods that a budget asks for; None if it sets no bound.

    Args:
        spec: The budget's specification. Percentages are of ``expected``, and are rounded up.
        expected: Number of pods that should exist.

    Raises:
        ValueError: A bound is neither a number nor a percentage; an API server refuses it.
    """
    if spec.get("maxUnavailable") is not None:
        return max(0, expected - resolve(spec["maxUnavailable"], expected, up=True))
    if spec.get("minAvailable") is not None:
        return resolve(spec["minAvailable"], expected, up=True)
    return None
