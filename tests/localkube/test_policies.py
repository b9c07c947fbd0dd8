"""A NetworkPolicy is accepted if it blocks no request to a Service of the workload."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.policies import lets_requests_in

LABELS = {"app": "shop"}
PORTS = [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}]
OBJECTS: list[dict[str, Any]] = [
    {
        "kind": "Deployment",
        "spec": {"template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"ports": PORTS}]}}},
    },
    {"kind": "Service", "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": "http"}]}},
    {"kind": "StatefulSet", "spec": {"template": {"metadata": {"labels": {"app": "db"}}, "spec": {}}}},
]
ALL: dict[str, Any] = {}
SHOP = {"matchLabels": LABELS}


def allows(rules: list[dict[str, Any]], selector: dict[str, Any] = ALL, **spec: Any) -> bool:
    """Return True if a policy with these rules lets requests in."""
    return lets_requests_in({"podSelector": selector, "ingress": rules, **spec}, OBJECTS)


@pytest.mark.parametrize(
    "rules",
    [
        [{}],
        [{"ports": [{"port": 8080}]}],
        [{"ports": [{"port": "http", "protocol": "TCP"}]}],
        [{"ports": [{"port": 8000, "endPort": 8100}]}],
        [{"ports": [{"protocol": "TCP"}]}],
        [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 8080}]}],
        [{"from": [{"podSelector": {}}]}, {"ports": [{"port": 8080}]}],
    ],
)
def test_a_policy_that_allows_the_ports_of_services_is_accepted(rules: list[dict[str, Any]]) -> None:
    """By number, by name and by range; the ports that no Service reaches do not matter."""
    assert allows(rules)
    assert allows(rules, SHOP)


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"ports": [{"port": 9090}]}],
        [{"ports": [{"port": 8080, "protocol": "UDP"}]}],
        [{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}],
        [{"from": [{"namespaceSelector": {"matchLabels": {"name": "edge"}}}]}],
        [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
    ],
)
def test_a_policy_that_blocks_a_port_of_a_service_is_refused(rules: list[dict[str, Any]]) -> None:
    """The ingress controller is in another namespace, whose name and address are unknown here."""
    assert not allows(rules)
    assert not allows(rules, {"matchExpressions": [{"key": "app", "operator": "Exists"}]})


def test_a_policy_for_other_pods_has_no_effect() -> None:
    """One policy is for a database for which no pods run, the other only for outgoing traffic."""
    assert allows([], {"matchLabels": {"app": "db"}})
    assert allows([], policyTypes=["Egress"])


def test_without_the_workload_a_policy_is_refused() -> None:
    """An object that is applied alone may concern any pod."""
    assert not lets_requests_in({"podSelector": {}, "ingress": [{"ports": [{"port": 8080}]}]}, [])
