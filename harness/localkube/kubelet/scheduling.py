"""Decide whether the only node takes a pod, and say why not in the words of the scheduler."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.kube.selectors import matches_selector

#: Capacity of the node, in cores and bytes.
NODE_CORES, NODE_BYTES = 64, 64 * 2**30
#: Least memory, in bytes, as a container's limit. The runtime's own first process already needs more.
LEAST_BYTES = 4 * 2**20
#: Labels of the node, other than its name.
NODE_LABELS: Mapping[str, str] = {
    "beta.kubernetes.io/arch": "amd64",
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
    "kubernetes.io/os": "linux",
}
HOSTNAME = "kubernetes.io/hostname"

_CAPACITY: Mapping[str, float] = {"cpu": NODE_CORES, "memory": NODE_BYTES, "ephemeral-storage": NODE_BYTES}
_UNITS: Mapping[str, float] = {
    "": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_NOT_HELPFUL = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
_NO_VICTIMS = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."


def amount(quantity: Any) -> float:
    """Return a quantity as a number; infinity if it cannot be parsed."""
    if isinstance(quantity, int | float):
        return float(quantity)
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)(\D*)", str(quantity))
    return float(match[1]) * _UNITS[match[2]] if match and match[2] in _UNITS else float("inf")


def insufficient(resources: Any) -> list[str]:
    """Return the names of the resources of which the node has too little; it has no others, such as GPUs."""
    wanted = resources if isinstance(resources, Mapping) else {}
    return [name for name, value in wanted.items() if amount(value) > _CAPACITY.get(name, 0)]


def startable(resources: Any) -> bool:
    """Return True if the node has these amounts, and a container runtime can start a program with them as limits."""
    wanted = resources if isinstance(resources, Mapping) else {}
    return not insufficient(wanted) and amount(wanted.get("memory", LEAST_BYTES)) >= LEAST_BYTES


def takes_labels(selector: Any, labels: Mapping[str, str]) -> bool:
    """Return True if a node with these labels satisfies a ``nodeSelector``."""
    return isinstance(selector, Mapping) and all(labels.get(key) == str(value) for key, value in selector.items())


def takes_affinity(affinity: Any, labels: Mapping[str, str]) -> bool:
    """Return True if a node with these labels satisfies what a ``nodeAffinity`` requires; one term is enough."""
    required = (affinity or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    terms = required.get("nodeSelectorTerms") or []
    return any(
        all(_meets(each, labels) for each in term.get("matchExpressions") or ())
        for term in terms
        if term.get("matchExpressions") and not term.get("matchFields")
    )


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = str(expression.get("key")), [str(each) for each in expression.get("values") or ()]
    value = labels.get(key)
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return _compares(value, values, greater=operator == "Gt")
        case _:
            return False


def _compares(value: str | None, values: Sequence[str], *, greater: bool) -> bool:
    if value is None or len(values) != 1 or not value.isdigit() or not values[0].isdigit():
        return False
    return int(value) > int(values[0]) if greater else int(value) < int(values[0])


def unschedulable(pod: Mapping[str, Any], name: str, others: Iterable[Mapping[str, Any]] = ()) -> str:
    """Return why a node does not take a pod now, as the scheduler's message; empty if it takes it.

    Args:
        pod: The pod.
        name: The node's name.
        others: The pods on the node.
    """
    spec, labels, others = pod["spec"], {**NODE_LABELS, HOSTNAME: name}, tuple(others)
    selected = takes_labels(spec.get("nodeSelector") or {}, labels)
    if not selected or not takes_affinity((spec.get("affinity") or {}).get("nodeAffinity"), labels):
        reason = "1 node(s) didn't match Pod's node affinity/selector"
        return f"0/1 nodes are available: {reason}. {_NOT_HELPFUL}"
    if lacking := _lacking(pod, others):
        reasons = ", ".join(f"1 Insufficient {each}" for each in sorted(lacking))
        return f"0/1 nodes are available: {reasons}. {_NO_VICTIMS}"
    if any(_excludes(pod, other, labels) for other in others):
        return f"0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. {_NO_VICTIMS}"
    if any(_excludes(other, pod, labels) for other in others):
        return f"0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules. {_NO_VICTIMS}"
    return ""


def _lacking(pod: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the resources that a pod asks for and of which the node has too little left."""
    own, total = _requests([pod]), _requests([pod, *others])
    return [name for name in insufficient(total) if name in own]


def _excludes(pod: Mapping[str, Any], other: Mapping[str, Any], node: Mapping[str, str]) -> bool:
    """Return True if the anti-affinity of a pod keeps it away from a node on which another pod is."""
    affinity = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
        own = [pod["metadata"].get("namespace")]
        spaces = None if term.get("namespaceSelector") == {} else term.get("namespaces") or own
        within = spaces is None or other["metadata"].get("namespace") in spaces
        selector = term.get("labelSelector")
        applies = term.get("topologyKey") in node and within and selector is not None
        if applies and matches_selector(selector, other["metadata"].get("labels") or {}):
            return True
    return False


def _requests(pods: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the sum of the requests of all containers of pods; a limit without a request counts as a request."""
    total: dict[str, float] = {}
    for container in (each for pod in pods for each in pod["spec"].get("containers") or ()):
        resources = container.get("resources") or {}
        for name, value in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.items():
            total[name] = total.get(name, 0) + amount(value)
    return total
