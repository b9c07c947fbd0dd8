"""Match PodDisruptionBudgets with pods, and keep the condition that says if one allows an eviction."""

from __future__ import annotations

from collections.abc import Iterable

from harness.kube.budgets import selects
from harness.localkube.machinery.objects import Object, condition, labels_of, timestamp, with_condition

#: The condition of a budget, and its reason after a failed computation.
ALLOWED = "DisruptionAllowed"
SYNC_FAILED = "SyncFailed"


def protects(budget: Object, pod: Object) -> bool:
    """Return True if a budget selects a pod of its namespace."""
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return bool(same) and selects(budget, labels_of(pod))


def budgets_of(pod: Object, budgets: Iterable[Object]) -> list[Object]:
    """Return the budgets that select a pod."""
    return [budget for budget in budgets if protects(budget, pod)]


def allowed_conditions(budget: Object, allowed: int, failure: str = "") -> list[Object]:
    """Return the conditions of a budget for a number of allowed evictions; the time changes with the status only.

    Args:
        budget: The budget.
        allowed: Number of evictions that it allows.
        failure: Reason why the number could not be computed; empty if it was.
    """
    status = "True" if allowed > 0 else "False"
    reason = SYNC_FAILED if failure else "SufficientPods" if allowed > 0 else "InsufficientPods"
    before = condition(budget, ALLOWED)
    same = before is not None and before["status"] == status
    entry = {
        "type": ALLOWED,
        "status": status,
        "reason": reason,
        "message": failure,
        "observedGeneration": budget["metadata"].get("generation", 0),
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and same else timestamp(),
    }
    return with_condition(budget, entry)
