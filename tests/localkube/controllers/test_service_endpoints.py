"""What an EndpointSlice says of a Service's pods."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.controllers.endpoints import endpoint_of, slice_name, slice_of
from harness.localkube.machinery.objects import Object


def service(**spec: Any) -> Object:
    """A Service ``web`` that selects ``app: web``."""
    wanted = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "uid": "u-1", "labels": {"team": "a"}},
        "spec": wanted,
    }


def pod(
    name: str, *, address: str = "127.9.1.1", ready: bool = True, deleting: bool = False, phase: str = "Running"
) -> Object:
    """A pod with the label ``app: web`` and a port named ``http``."""
    metadata = {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}}
    if deleting:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    condition = {"type": "Ready", "status": str(ready)}
    return {
        "metadata": metadata,
        "spec": {"nodeName": "n", "containers": [{"ports": [{"name": "http", "containerPort": 5678}]}]},
        "status": {"phase": phase, "podIP": address, "conditions": [condition]},
    }


@pytest.mark.parametrize(
    ("ready", "deleting", "expected"),
    [
        (True, False, (True, True, False)),
        (False, False, (False, False, False)),
        (True, True, (False, True, True)),
        (False, True, (False, False, True)),
    ],
)
def test_conditions_follow_readiness_and_deletion(
    ready: bool, deleting: bool, expected: tuple[bool, bool, bool]
) -> None:
    """A pod that is being deleted is never ready, however well it serves."""
    endpoint = endpoint_of(pod("a", ready=ready, deleting=deleting))

    assert endpoint is not None
    conditions = endpoint["conditions"]
    assert (conditions["ready"], conditions["serving"], conditions["terminating"]) == expected


@pytest.mark.parametrize("facts", [{"address": ""}, {"phase": "Succeeded"}, {"phase": "Failed"}])
def test_pods_without_address_and_ended_ones_are_no_endpoints(facts: dict[str, Any]) -> None:
    """They are left out, not listed as unready."""
    assert endpoint_of(pod("a", **facts)) is None


def test_publish_not_ready_addresses_makes_all_ready() -> None:
    """As a headless Service for peers wants it."""
    found = slice_of(service(publishNotReadyAddresses=True), [pod("a", ready=False)])

    assert found["endpoints"][0]["conditions"]["ready"] is True


def test_named_ports_are_looked_up_and_missing_ones_left_out() -> None:
    """A name becomes its pod's number; a name that no pod has gives no port."""
    assert slice_of(service(), [pod("a")])["ports"] == [{"name": "", "port": 5678, "protocol": "TCP"}]
    assert slice_of(service(ports=[{"port": 80, "targetPort": "nope"}]), [pod("a")])["ports"] == []


def test_only_selected_pods_are_listed_in_a_stable_order() -> None:
    """Another label is another Service's; the order is by name."""
    stranger = pod("c")
    stranger["metadata"]["labels"] = {"app": "other"}

    found = slice_of(service(), [pod("b"), stranger, pod("a")])

    assert [each["targetRef"]["name"] for each in found["endpoints"]] == ["a", "b"]


def test_the_slice_of_a_service_keeps_its_name() -> None:
    """It depends on the Service alone; a new Service of the same name gets another."""
    other = service()
    other["metadata"]["uid"] = "u-2"

    assert slice_name(service()) == slice_name(service())
    assert slice_name(service()) != slice_name(other)
    assert slice_name(service()).startswith("web-")
