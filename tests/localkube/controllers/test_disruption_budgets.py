"""A PodDisruptionBudget allows as many evictions as the disruption controller of Kubernetes computes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.localkube.controllers.disruption import (
    BudgetError,
    Demand,
    WantedPods,
    demand_of,
    disrupted_pods,
    failed_status,
    new_status,
)
from harness.localkube.machinery.budgets import protects
from harness.localkube.machinery.objects import timestamp

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def a_budget(**spec: Any) -> dict[str, Any]:
    """Return a budget of pods with ``app: apple``."""
    return {
        "metadata": {"name": "b", "namespace": "default", "generation": 2},
        "spec": {"selector": {"matchLabels": {"app": "apple"}}, **spec},
    }


def a_pod(name: str, *, owner: str = "rs", ready: bool = True, deleting: bool = False) -> dict[str, Any]:
    """Return a pod of a ReplicaSet; of none if ``owner`` is empty."""
    owners = [{"kind": "ReplicaSet", "name": owner, "uid": owner, "controller": True}] if owner else []
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"app": "apple"},
            "ownerReferences": owners,
            **({"deletionTimestamp": timestamp(NOW)} if deleting else {}),
        },
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


SIX = [a_pod(f"p{number}") for number in range(6)]


@pytest.mark.parametrize(
    ("spec", "demand"),
    [
        ({"minAvailable": 2}, Demand(6, 2)),
        ({"minAvailable": "50%"}, Demand(7, 4)),
        ({"minAvailable": "100%"}, Demand(7, 7)),
        ({"maxUnavailable": 1}, Demand(7, 6)),
        ({"maxUnavailable": "30%"}, Demand(7, 4)),
        ({"maxUnavailable": 9}, Demand(7, 0)),
        ({}, Demand(0, 0)),
    ],
)
def test_the_demand_is_a_number_or_a_share_of_the_scale(spec: dict[str, Any], demand: Demand) -> None:
    """Percentages are of the wanted replicas (7), not of the existing pods (6), and are rounded up."""
    assert demand_of(a_budget(**spec), SIX, {"rs": WantedPods("deployment", 7)}) == demand


def test_two_replicasets_of_one_deployment_count_once() -> None:
    """During a rollout, the pods of both ReplicaSets are those of one Deployment."""
    pods = [a_pod("p", owner="old"), a_pod("q", owner="new"), a_pod("alone", owner="")]
    one = {"old": WantedPods("deployment", 4), "new": WantedPods("deployment", 4)}
    two = {"old": WantedPods("deployment", 4), "new": WantedPods("another", 4)}

    assert demand_of(a_budget(maxUnavailable=1), pods, one) == Demand(4, 3)
    assert demand_of(a_budget(maxUnavailable=1), pods, two) == Demand(8, 7)


def test_a_pod_of_an_unknown_controller_makes_a_share_impossible() -> None:
    """The status then says so, and allows nothing."""
    with pytest.raises(BudgetError, match='found no controllers for pod "p0"'):
        demand_of(a_budget(maxUnavailable=1), SIX, {})

    status = failed_status(a_budget(maxUnavailable=1), "found no controllers")
    assert status["disruptionsAllowed"] == 0
    assert [(each["reason"], each["message"]) for each in status["conditions"]] == [
        ("SyncFailed", "found no controllers")
    ]


@pytest.mark.parametrize(
    ("pods", "healthy", "allowed"),
    [
        (SIX, 6, 4),
        ([*SIX[:5], a_pod("q", ready=False)], 5, 3),
        ([*SIX[:5], a_pod("q", deleting=True)], 5, 3),
        (SIX[:2], 2, 0),
        (SIX[:1], 1, 0),
    ],
)
def test_only_ready_pods_that_stay_are_healthy(pods: list[dict[str, Any]], healthy: int, allowed: int) -> None:
    """A pod that is not ready or is being deleted is not counted; the allowed number is never negative."""
    status = new_status(a_budget(minAvailable=2), Demand(len(pods), 2), pods, {})

    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (healthy, allowed)
    assert (status["desiredHealthy"], status["expectedPods"], status["observedGeneration"]) == (2, len(pods), 2)
    (condition,) = status["conditions"]
    assert condition["status"] == ("True" if allowed else "False")
    assert condition["reason"] == ("SufficientPods" if allowed else "InsufficientPods")


def test_an_evicted_pod_is_not_healthy_for_two_minutes() -> None:
    """An eviction that the deletion has not followed yet counts; after two minutes it does not any more."""
    budget = a_budget(minAvailable=2)
    recent, old = timestamp(NOW - timedelta(seconds=110)), timestamp(NOW - timedelta(seconds=130))
    budget["status"] = {"disruptedPods": {"p0": recent, "p1": old, "gone": recent}}

    disrupted = disrupted_pods(budget, SIX, NOW)

    assert disrupted == {"p0": recent}
    assert new_status(budget, Demand(6, 2), SIX, disrupted)["disruptionsAllowed"] == 3


@pytest.mark.parametrize(
    ("selector", "selected"),
    [({"matchLabels": {"app": "apple"}}, True), ({"matchLabels": {"app": "pear"}}, False), ({}, True), (None, False)],
)
def test_an_empty_selector_selects_all_and_none_selects_none(selector: Any, *, selected: bool) -> None:
    """These are the rules of policy/v1."""
    budget = a_budget()
    budget["spec"]["selector"] = selector
    elsewhere = {"metadata": {**a_pod("p")["metadata"], "namespace": "other"}}

    assert protects(budget, a_pod("p")) is selected
    assert not protects(budget, elsewhere)
