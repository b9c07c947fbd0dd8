"""Decide whether a NetworkPolicy would block requests to the pods of a workload, which this cluster never does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.kube.pods import labels_of, pod_of, serving_containers
from harness.kube.selectors import matches_selector, selected_by

#: Kinds for which the embedded cluster runs pods.
RUN_KINDS = ("Deployment", "ReplicaSet", "Pod")


def lets_requests_in(spec: Mapping[str, Any], objects: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if a policy blocks no request to a Service of the workload.

    Args:
        spec: The policy's specification.
        objects: All objects of the workload.
    """
    if "Ingress" not in (spec.get("policyTypes") or ["Ingress"]):
        return True
    rules = [rule for rule in spec.get("ingress") or [] if isinstance(rule, Mapping) and _is_from_anywhere(rule)]
    if any(not rule.get("ports") for rule in rules):
        return True
    pods = list(_selected(spec.get("podSelector") or {}, objects))
    return bool(objects) and all(_is_allowed(port, rules, pod) for pod in pods for port in _requested(pod, objects))


def _is_from_anywhere(rule: Mapping[str, Any]) -> bool:
    """Return True if a rule allows every source, or all namespaces: the ingress controller's pod is in one of them."""
    sources = rule.get("from")
    return not sources or {"namespaceSelector": {}} in sources


def _selected(selector: Mapping[str, Any], objects: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the pods to which a policy applies."""
    for each in objects:
        pod = pod_of(each) if each.get("kind") in RUN_KINDS else None
        if pod is not None and matches_selector(selector, labels_of(pod)):
            yield pod


def _requested(pod: Mapping[str, Any], objects: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """Yield the TCP ports of a pod to which Services send requests."""
    for each in objects:
        spec = each.get("spec") if each.get("kind") == "Service" else None
        if isinstance(spec, Mapping) and spec.get("selector") and selected_by(spec["selector"], labels_of(pod)):
            for port in spec.get("ports") or ():
                number = _number(port.get("targetPort") or port.get("port"), pod)
                if number is not None and port.get("protocol", "TCP") == "TCP":
                    yield number


def _is_allowed(number: int, rules: Sequence[Mapping[str, Any]], pod: Mapping[str, Any]) -> bool:
    """Return True if a rule allows a port."""
    for allowed in (port for rule in rules for port in rule["ports"]):
        if allowed.get("protocol", "TCP") != "TCP":
            continue
        first = _number(allowed.get("port"), pod)
        if allowed.get("port") is None or (
            first is not None and first <= number <= int(allowed.get("endPort") or first)
        ):
            return True
    return False


def _number(port: Any, pod: Mapping[str, Any]) -> int | None:
    """Return the number of a port that is given by number or by name."""
    if isinstance(port, int):
        return port
    named = [each for container in serving_containers(pod) for each in container.get("ports") or ()]
    return next((each["containerPort"] for each in named if each.get("name") == port), None)
