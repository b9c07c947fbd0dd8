"""Queries about the pods of a Deployment and of a Service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError
from harness.kube.api import KubeApi, Object, Objects

_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def selector_text(selector: Mapping[str, Any]) -> str:
    """Return a ``LabelSelector`` as text for an API query: ``app=apple,tier in (a,b)``."""
    plain = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    return ",".join([*plain, *map(_expression, selector.get("matchExpressions", ()))])


def _expression(expression: Mapping[str, Any]) -> str:
    values = ",".join(expression.get("values") or ())
    return _OPERATORS[expression["operator"]].format(key=expression["key"], values=values)


def pods_of(kube: KubeApi, target: Mapping[str, Any], namespace: str) -> Objects:
    """Return the pods that match the selector of a Deployment or the like, including terminating ones."""
    return kube.list("Pod", namespace, labels=selector_text(target["spec"]["selector"]))


def pods_behind(kube: KubeApi, selector: Mapping[str, str], namespace: str) -> Objects:
    """Return the pods that match a Service's selector. An empty selector matches none, as in Kubernetes."""
    return kube.list("Pod", namespace, labels=selector_text({"matchLabels": selector})) if selector else []


def uid(obj: Mapping[str, Any]) -> str:
    """Return an object's uid."""
    return str(obj["metadata"]["uid"])


def names(pods: Objects) -> str:
    """Return the names of pods as text."""
    return ", ".join(sorted(pod["metadata"]["name"] for pod in pods))


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Return True if a pod is ready and not being deleted."""
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return ready and not is_leaving(pod)


def addresses(pods: Objects) -> frozenset[str]:
    """Return the addresses of the ready pods."""
    return frozenset(pod["status"]["podIP"] for pod in pods if is_ready(pod) and pod["status"].get("podIP"))


def ready_endpoints(kube: KubeApi, service: str, namespace: str) -> frozenset[str]:
    """Return the addresses of the ready endpoints of a Service."""
    slices = kube.list("EndpointSlice", namespace, labels=f"kubernetes.io/service-name={service}")
    return frozenset(address for one in slices for entry in one.get("endpoints") or () for address in _ready(entry))


def _ready(endpoint: Object) -> tuple[str, ...]:
    """Return the addresses of an endpoint if it is ready. A missing condition counts as ready, by the API's rule."""
    ready = (endpoint.get("conditions") or {}).get("ready")
    return () if ready is False else tuple(endpoint.get("addresses", ()))


def is_leaving(pod: Mapping[str, Any]) -> bool:
    """Return True if a pod is being deleted."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def first_ready(pods: Objects, deployment: str) -> Object:
    """Return the first ready pod by name.

    Args:
        pods: The pods of a Deployment.
        deployment: Its name, for the error.

    Raises:
        HarnessError: None is ready.
    """
    ready = sorted((pod for pod in pods if is_ready(pod)), key=lambda pod: str(pod["metadata"]["name"]))
    if not ready:
        raise HarnessError(f"Deployment {deployment} has no ready pod to remove.")
    return ready[0]
