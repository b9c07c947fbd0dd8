"""Which addresses serve a Service: the content of its EndpointSlice, worked out from the Service and its pods. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from harness.localkube.controllers.pod_order import is_ready
from harness.localkube.machinery.objects import Object, is_deleting, labels_of, owner_reference
from harness.localkube.machinery.selectors import selected_by

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
SERVICE_LABEL = "kubernetes.io/service-name"


def slice_name(service: Object) -> str:
    """The name of a Service's slice: the same for its whole life, another for a new Service of the same name."""
    digest = hashlib.sha256(service["metadata"]["uid"].encode()).digest()
    return f"{service['metadata']['name']}-" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:5])


def selects(service: Object, pod: Object) -> bool:
    """Whether a pod is behind a Service, ready or not; one without a selector has its endpoints from elsewhere."""
    selector = service["spec"].get("selector")
    return bool(selector) and selected_by(selector, labels_of(pod))


def endpoint_of(pod: Object, *, publish_not_ready: bool = False) -> Object | None:
    """A pod's endpoint; None while it has no address, and when it has ended.

    ``ready`` is false for a pod that is being deleted, however well it still serves: that is what ``serving`` says.
    """
    status = pod.get("status") or {}
    if not status.get("podIP") or status.get("phase") in {"Succeeded", "Failed"}:
        return None
    serving, terminating = is_ready(pod), is_deleting(pod)
    return {
        "addresses": [status["podIP"]],
        "conditions": {
            "ready": publish_not_ready or (serving and not terminating),
            "serving": publish_not_ready or serving,
            "terminating": terminating,
        },
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {
            "kind": "Pod",
            "namespace": pod["metadata"]["namespace"],
            "name": pod["metadata"]["name"],
            "uid": pod["metadata"]["uid"],
        },
    }


def slice_of(service: Object, pods: Iterable[Object]) -> Object:
    """The Service's EndpointSlice.

    All endpoints are in one slice; a named target port is looked up in the first pod that has it.
    """
    chosen = sorted((pod for pod in pods if selects(service, pod)), key=lambda pod: str(pod["metadata"]["name"]))
    early = bool(service["spec"].get("publishNotReadyAddresses"))
    listed = [(pod, endpoint_of(pod, publish_not_ready=early)) for pod in chosen]
    backed = [pod for pod, endpoint in listed if endpoint is not None]
    metadata = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": slice_name(service),
            "namespace": metadata["namespace"],
            "labels": {
                **labels_of(service),
                SERVICE_LABEL: metadata["name"],
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": [endpoint for _, endpoint in listed if endpoint is not None],
        "ports": _ports(service, backed),
    }


def _ports(service: Object, pods: list[Object]) -> list[Object]:
    found = []
    for port in service["spec"].get("ports") or []:
        number = _target_port(port, pods)
        if number is not None:
            found.append({"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")})
    return found


def _target_port(port: Object, pods: list[Object]) -> int | None:
    """The number behind ``targetPort``; None where no pod has a port of that name."""
    target: Any = port.get("targetPort") or port["port"]
    if isinstance(target, int) or target.isdigit():
        return int(target)
    for pod in pods:
        for container in pod["spec"]["containers"]:
            for entry in container.get("ports") or []:
                if entry.get("name") == target:
                    return int(entry["containerPort"])
    return None
