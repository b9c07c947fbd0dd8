"""A pod of a PriorityClass or RuntimeClass that does not exist is rejected, with the words of a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.api.errors import StatusError
from harness.localkube.api.pod_classes import BUILT_IN, built_in_classes
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import RequestInfo
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.resources import NAMESPACES, PODS, PRIORITYCLASSES, RUNTIMECLASSES

COMPUTED_0 = "priority admission controller computed 0 from the given PriorityClass name"


@pytest.fixture
def registry() -> Registry:
    """Return a registry with one namespace and the classes that every cluster has."""
    made = Registry(Storage())
    made.create(RequestInfo(NAMESPACES), {"metadata": {"name": "default"}})
    for each in built_in_classes():
        made.create(RequestInfo(PRIORITYCLASSES), each)
    return made


def create(registry: Registry, *, prefix: str = "", **spec: Any) -> dict[str, Any]:
    """Create a pod; return its specification as stored."""
    metadata = {"generateName": prefix} if prefix else {"name": "echo"}
    body = {"metadata": metadata, "spec": {"containers": [{"name": "app", "image": "app:1"}], **spec}}
    found: dict[str, Any] = registry.create(RequestInfo(PODS, "default"), body)["spec"]
    return found


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "nothing"}, "no PriorityClass with name nothing was found"),
        ({"runtimeClassName": "nothing"}, 'pod rejected: RuntimeClass "nothing" not found'),
        (
            {"priority": 5},
            f"the integer value of priority (5) must not be provided in pod spec; {COMPUTED_0}",
        ),
    ],
)
def test_the_message_is_that_of_a_real_server(registry: Registry, spec: dict[str, Any], why: str) -> None:
    """A generated name is not known yet when the server looks at the classes."""
    for prefix, named in (("", "echo"), ("echo-5d9c-", "echo-5d9c-")):
        with pytest.raises(StatusError) as error:
            create(registry, prefix=prefix, **spec)

        assert error.value.status["message"] == f'pods "{named}" is forbidden: {why}'
        assert (error.value.status["code"], error.value.status["reason"]) == (403, "Forbidden")
    assert registry.storage.list(PODS, "default") == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_built_in_classes_give_their_priority(registry: Registry, name: str) -> None:
    """The priority may be stated, too, if it is the same."""
    assert create(registry, priorityClassName=name)["priority"] == BUILT_IN[name]
    assert create(registry, prefix="e-", priorityClassName=name, priority=BUILT_IN[name])["priority"] == BUILT_IN[name]


def test_a_class_of_the_workload_is_found(registry: Registry) -> None:
    """The same pods are accepted once the classes are there."""
    policy = {"metadata": {"name": "important"}, "value": 7, "preemptionPolicy": "Never"}
    registry.create(RequestInfo(PRIORITYCLASSES), policy)
    registry.create(RequestInfo(RUNTIMECLASSES), {"metadata": {"name": "sandbox"}, "handler": "runsc"})

    spec = create(registry, priorityClassName="important", runtimeClassName="sandbox")

    assert (spec["priority"], spec["preemptionPolicy"]) == (7, "Never")


def test_a_class_without_a_value_has_the_value_0(registry: Registry) -> None:
    """Its manifest need not say so."""
    made = registry.create(RequestInfo(PRIORITYCLASSES), {"metadata": {"name": "plain"}})

    assert made["value"] == 0
    assert create(registry, priorityClassName="plain")["priority"] == 0


def test_a_pod_without_a_class_gets_the_default_one(registry: Registry) -> None:
    """Of several default classes, the one with the lowest value; without any, the priority is 0."""
    assert create(registry)["priority"] == 0
    for name, value in (("high", 9), ("low", 3), ("other", 1)):
        body = {"metadata": {"name": name}, "value": value, "globalDefault": name != "other"}
        registry.create(RequestInfo(PRIORITYCLASSES), body)

    spec = create(registry, prefix="echo-")

    assert (spec["priorityClassName"], spec["priority"], spec["preemptionPolicy"]) == ("low", 3, "PreemptLowerPriority")
