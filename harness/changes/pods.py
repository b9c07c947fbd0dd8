"""Pods of a Deployment and of a Service, as changes look at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.kube.api import KubeApi, Object, Objects

_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def selector_text(selector: Mapping[str, Any]) -> str:
    """A ``LabelSelector`` as the API takes it in a query: ``app=apple,tier in (a,b)``."""
    plain = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    return ",".join([*plain, *map(_expression, selector.get("matchExpressions", ()))])


def _expression(expression: Mapping[str, Any]) -> str:
    values = ",".join(expression.get("values") or ())
    return _OPERATORS[expression["operator"]].format(key=expression["key"], values=values)


def pods_of(kube: KubeApi, deployment: Mapping[str, Any], namespace: str) -> Objects:
    """The pods that a Deployment's selector finds, terminating ones too."""
    return kube.list("Pod", namespace, labels=selector_text(deployment["spec"]["selector"]))


def pods_behind(kube: KubeApi, selector: Mapping[str, str], namespace: str) -> Objects:
    """The pods that a Service's selector finds; an empty selector finds none, as in the endpoint controller."""
    return kube.list("Pod", namespace, labels=selector_text({"matchLabels": selector})) if selector else []


def uid(obj: Mapping[str, Any]) -> str:
    """An object's uid."""
    return str(obj["metadata"]["uid"])


def names(pods: Objects) -> str:
    """Their names, for people."""
    return ", ".join(sorted(pod["metadata"]["name"] for pod in pods))


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Ready and not being deleted."""
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def addresses(pods: Objects) -> frozenset[str]:
    """The addresses of those that are ready."""
    return frozenset(pod["status"]["podIP"] for pod in pods if is_ready(pod) and pod["status"].get("podIP"))


def ready_endpoints(kube: KubeApi, service: str, namespace: str) -> frozenset[str]:
    """The addresses that a Service's EndpointSlices call ready."""
    slices = kube.list("EndpointSlice", namespace, labels=f"kubernetes.io/service-name={service}")
    return frozenset(address for one in slices for entry in one.get("endpoints") or () for address in _ready(entry))


def _ready(endpoint: Object) -> tuple[str, ...]:
    """Its addresses if it is ready; an absent condition counts as ready (the API's rule)."""
    ready = (endpoint.get("conditions") or {}).get("ready")
    return () if ready is False else tuple(endpoint.get("addresses", ()))
