"""Evict a pod: delete it only if its PodDisruptionBudget allows that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.localkube.api import errors
from harness.localkube.api.deletion import delete
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import DeleteOptions, RequestInfo, as_object, is_dry
from harness.localkube.machinery.budgets import ALLOWED, SYNC_FAILED, allowed_conditions, budgets_of
from harness.localkube.machinery.objects import Object, condition, is_deleting, is_true, timestamp, with_condition
from harness.localkube.machinery.resources import BUDGETS

#: Phases of pods that take no requests, so that no budget protects them.
_UNPROTECTED = frozenset({"Pending", "Succeeded", "Failed"})
_TWO_BUDGETS = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def evict(registry: Registry, target: RequestInfo, body: Any, query: Mapping[str, str]) -> Object:
    """Evict a pod, and return the ``Status`` of the success.

    Raises:
        StatusError: 429 if its budget allows no eviction now; 500 if it has two budgets; 400 for another pod's name;
            404; 409 for a failed precondition.
    """
    eviction = as_object(body)
    if (eviction.get("metadata") or {}).get("name") != target.name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    options = DeleteOptions.parse(eviction.get("deleteOptions") or {}, query)
    dry = options.dry_run or is_dry(query)
    pod = registry.read(target)
    budget = _budget_to_spend(registry, target, pod)
    delete(registry, target, replace(options, dry_run=True))  # Preconditions fail before anything is written.
    if not dry:
        if budget is not None:
            spent = RequestInfo(BUDGETS, target.namespace, budget["metadata"]["name"], "status")
            registry.modify(spent, lambda live: _spent(live, target.name))
        registry.modify(replace(target, subresource="status"), _disrupted)
        # The version in the request was checked above; the write of the condition has changed it since.
        delete(registry, target, replace(options, version=None))
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _budget_to_spend(registry: Registry, target: RequestInfo, pod: Object) -> Object | None:
    """Return the budget that the eviction of a pod spends; None if it spends none."""
    if is_deleting(pod) or (pod.get("status") or {}).get("phase") in _UNPROTECTED:
        return None
    budgets = budgets_of(pod, registry.storage.list(BUDGETS, target.namespace))
    if len(budgets) > 1:
        raise errors.server_error(_TWO_BUDGETS)
    if not budgets or (not is_true(pod, "Ready") and _lets_unhealthy_go(budgets[0])):
        return None
    _check_allows(budgets[0])
    return budgets[0]


def _lets_unhealthy_go(budget: Object) -> bool:
    """Return True if a pod that is not ready may be evicted without spending the budget."""
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    return bool(desired > 0 and status.get("currentHealthy", 0) >= desired)


def _check_allows(budget: Object) -> None:
    status, name = budget.get("status") or {}, budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise errors.too_many_evictions(
            f"The disruption budget {name} is still being processed by the server.", retry_after=10
        )
    if status.get("disruptionsAllowed", 0) > 0:
        return
    found = condition(budget, ALLOWED)
    if found is not None and found["reason"] == SYNC_FAILED:
        why = f"does not allow evicting pods currently because it failed sync: {found['message']}"
    else:
        why = (
            f"needs {status.get('desiredHealthy', 0)} healthy pods and has {status.get('currentHealthy', 0)} currently"
        )
    raise errors.too_many_evictions(f"The disruption budget {name} {why}")


def _spent(budget: Object, pod: str) -> Object:
    """Count one eviction, before the controller of budgets sees that the pod goes."""
    status = budget["status"]
    status["disruptionsAllowed"] -= 1
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod: timestamp()}
    if status["disruptionsAllowed"] == 0:
        status["conditions"] = allowed_conditions(budget, 0)
    return budget


def _disrupted(pod: Object) -> Object:
    """Add the condition by which programs tell an eviction from a deletion."""
    entry = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastTransitionTime": timestamp(),
    }
    pod.setdefault("status", {})["conditions"] = with_condition(pod, entry)
    return pod
