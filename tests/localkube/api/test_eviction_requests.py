"""An eviction deletes a pod only if its PodDisruptionBudget allows that."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness.localkube.api.errors import StatusError
from harness.localkube.api.eviction import evict
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import RequestInfo
from harness.localkube.machinery.objects import is_deleting
from harness.localkube.machinery.resources import BUDGETS, PODS

POD: dict[str, Any] = {
    "metadata": {"name": "p", "labels": {"app": "apple"}},
    "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "x"}]},
}
HEALTHY = {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2}
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


@pytest.fixture
def pod(registry: Registry) -> RequestInfo:
    """Create a ready pod on a node, and return its eviction's target."""
    registry.create(RequestInfo(PODS, "default"), copy.deepcopy(POD))
    set_status(registry, PODS, "p", {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
    return RequestInfo(PODS, "default", "p", "eviction")


def set_status(registry: Registry, resource: Any, name: str, status: dict[str, Any]) -> None:
    """Write a status, as a controller does."""
    registry.modify(RequestInfo(resource, "default", name, "status"), lambda obj: {**obj, "status": status})


def add_budget(registry: Registry, status: dict[str, Any], name: str = "b", **spec: Any) -> None:
    """Create a budget of the pod with a status."""
    body = {
        "metadata": {"name": name},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "apple"}}, **spec},
    }
    registry.create(RequestInfo(BUDGETS, "default"), body)
    set_status(registry, BUDGETS, name, status)


def ask(registry: Registry, pod: RequestInfo, **options: Any) -> tuple[int, str, list[str]]:
    """Evict the pod; return the code, the message and the causes of the answer."""
    try:
        answer = evict(registry, pod, {"metadata": {"name": "p"}, "deleteOptions": options}, {})
    except StatusError as error:
        causes = error.status["details"].get("causes", [])
        return error.code, error.status["message"], [f"{each['reason']}: {each['message']}" for each in causes]
    return answer["code"], "", []


def goes(registry: Registry) -> bool:
    """Return True if the pod is being deleted."""
    return is_deleting(registry.read(RequestInfo(PODS, "default", "p")))


def test_a_pod_without_a_budget_is_evicted(registry: Registry, pod: RequestInfo) -> None:
    """The pod is deleted, and its condition says by what."""
    assert ask(registry, pod)[0] == 201
    conditions = registry.read(RequestInfo(PODS, "default", "p"))["status"]["conditions"]
    assert goes(registry)
    assert [each["reason"] for each in conditions if each["type"] == "DisruptionTarget"] == ["EvictionByEvictionAPI"]


def test_an_allowed_eviction_spends_the_budget(registry: Registry, pod: RequestInfo) -> None:
    """The budget names the pod until the controller sees its deletion, and allows no second eviction."""
    add_budget(registry, HEALTHY)

    assert ask(registry, pod)[0] == 201

    status = registry.read(RequestInfo(BUDGETS, "default", "b"))["status"]
    assert goes(registry)
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["p"])
    assert [each["reason"] for each in status["conditions"]] == ["InsufficientPods"]


def test_a_dry_run_changes_nothing(registry: Registry, pod: RequestInfo) -> None:
    """The answer is that of the eviction."""
    add_budget(registry, HEALTHY)

    assert ask(registry, pod, dryRun=["All"])[0] == 201

    assert not goes(registry)
    assert registry.read(RequestInfo(BUDGETS, "default", "b"))["status"] == HEALTHY


def test_a_spent_budget_refuses_with_its_numbers(registry: Registry, pod: RequestInfo) -> None:
    """The message and the cause are those of a real server, and the pod stays."""
    add_budget(registry, {**HEALTHY, "disruptionsAllowed": 0, "currentHealthy": 2})

    cause = "DisruptionBudget: The disruption budget b needs 2 healthy pods and has 2 currently"
    assert ask(registry, pod) == (429, REFUSED, [cause])
    assert not goes(registry)


def test_a_budget_that_no_controller_has_seen_refuses(registry: Registry, pod: RequestInfo) -> None:
    """Its status is older than its specification, so it is unknown what it allows."""
    add_budget(registry, {**HEALTHY, "observedGeneration": 0})

    cause = "DisruptionBudget: The disruption budget b is still being processed by the server."
    assert ask(registry, pod) == (429, REFUSED, [cause])
    assert not goes(registry)


def test_two_budgets_are_an_error(registry: Registry, pod: RequestInfo) -> None:
    """The API server evicts no pod with two budgets, even if both allow it."""
    add_budget(registry, HEALTHY)
    add_budget(registry, HEALTHY, "c")

    code, message, _causes = ask(registry, pod)
    assert code == 500
    assert "more than one PodDisruptionBudget" in message
    assert not goes(registry)


@pytest.mark.parametrize(
    ("healthy", "policy", "code"),
    [
        (2, None, 201),
        (1, None, 429),
        (2, "IfHealthyBudget", 201),
        (1, "IfHealthyBudget", 429),
        (1, "AlwaysAllow", 201),
    ],
)
def test_a_pod_that_is_not_ready(
    registry: Registry, pod: RequestInfo, healthy: int, policy: str | None, code: int
) -> None:
    """It is evicted without spending the budget if enough others are healthy, or if the policy always allows it."""
    set_status(registry, PODS, "p", {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]})
    spec = {"unhealthyPodEvictionPolicy": policy} if policy else {}
    status = {**HEALTHY, "disruptionsAllowed": 0, "currentHealthy": healthy}
    add_budget(registry, status, **spec)

    assert ask(registry, pod)[0] == code
    assert goes(registry) is (code == 201)
    assert registry.read(RequestInfo(BUDGETS, "default", "b"))["status"] == status


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_needs_no_budget(registry: Registry, pod: RequestInfo, phase: str) -> None:
    """It takes no requests."""
    set_status(registry, PODS, "p", {"phase": phase})
    add_budget(registry, {**HEALTHY, "disruptionsAllowed": 0})

    assert ask(registry, pod)[0] == 201


def test_a_failed_precondition_spends_nothing(registry: Registry, pod: RequestInfo) -> None:
    """The budget and the pod stay as they are."""
    add_budget(registry, HEALTHY)

    assert ask(registry, pod, preconditions={"uid": "another"})[0] == 409

    assert not goes(registry)
    assert registry.read(RequestInfo(BUDGETS, "default", "b"))["status"] == HEALTHY


def test_the_name_in_the_body_must_be_the_pods(registry: Registry, pod: RequestInfo) -> None:
    """A real server refuses an eviction that names another pod."""
    with pytest.raises(StatusError, match="does not match name in Eviction object"):
        evict(registry, pod, {"metadata": {"name": "q"}}, {})
