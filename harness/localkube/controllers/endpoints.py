"""Compute the content of a Service's EndpointSlices from the Service and its pods. Pure."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.kube.pods import serving_containers
from harness.kube.selectors import selected_by
from harness.localkube.controllers.pod_order import is_ready
from harness.localkube.machinery.objects import Object, is_deleting, labels_of, owner_reference

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
SERVICE_LABEL = "kubernetes.io/service-name"
HEADLESS_LABEL = "service.kubernetes.io/headless"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"


def slice_name(service: Object, number: int = 0) -> str:
    """Return the name of a Service's slice: stable for its lifetime, different for a new Service of the same name.

    Args:
        service: The Service.
        number: Index of the slice, from 0.
    """
    digest = hashlib.sha256(f"{service['metadata']['uid']}{number or ''}".encode()).digest()
    return f"{service['metadata']['name']}-" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:5])


def selects(service: Object, pod: Object) -> bool:
    """Return True if a Service selects a pod, ready or not; a Service without a selector selects none."""
    selector = service["spec"].get("selector")
    return bool(selector) and selected_by(selector, labels_of(pod))


def endpoint_of(pod: Object, *, publish_not_ready: bool = False) -> Object | None:
    """Return a pod's endpoint; None if the pod has no address or has ended.

    A pod that is being deleted has ``ready: false``, unless ``publish_not_ready``. ``serving`` shows that it is ready.
    """
    status = pod.get("status") or {}
    if not status.get("podIP") or status.get("phase") in {"Succeeded", "Failed"}:
        return None
    serving, terminating = is_ready(pod), is_deleting(pod)
    return {
        "addresses": [status["podIP"]],
        "conditions": {
            "ready": publish_not_ready or (serving and not terminating),
            "serving": serving,
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


def slices_of(service: Object, pods: Iterable[Object]) -> list[Object]:
    """Return the content of a Service's EndpointSlices, without names.

    Pods whose target ports have the same numbers share a slice, because a named port may have another number in each
    pod. A pod that has none of the ports is in a slice whose ``ports`` are null. Without pods there is one empty slice.
    """
    chosen = sorted((pod for pod in pods if selects(service, pod)), key=lambda pod: str(pod["metadata"]["name"]))
    early = bool(service["spec"].get("publishNotReadyAddresses"))
    grouped: dict[tuple[tuple[str, int, str], ...], list[Object]] = {}
    for pod in chosen:
        endpoint = endpoint_of(pod, publish_not_ready=early)
        if endpoint is not None:
            grouped.setdefault(_ports(service, pod), []).append(endpoint)
    if not grouped:
        return [_slice(service, (), None)]
    return [_slice(service, ports, endpoints) for ports, endpoints in sorted(grouped.items(), key=lambda item: item[0])]


@dataclass(slots=True)
class SlicePlan:
    """The writes that update the slices of a Service.

    Attributes:
        create: New slices.
        update: Existing slices with new content, and with the version that it was compared with.
        delete: Existing slices that are no longer needed.
    """

    create: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)


def plan_slices(service: Object, wanted: Sequence[Object], current: Sequence[Object]) -> SlicePlan:
    """Plan the writes that turn the existing slices of a Service into the wanted ones (see ``slices_of``).

    A slice with the same ports is updated. Each other wanted slice replaces a remaining existing one, so that the
    Service is never without endpoints in between.
    """
    plan = SlicePlan()
    present = sorted(current, key=lambda each: str(each["metadata"]["name"]))
    pairs = []
    for each in wanted:
        same = next((one for one in present if one.get("ports") == each["ports"]), None)
        if same is not None:
            present.remove(same)
        pairs.append((each, same))
    names = {one["metadata"]["name"] for one in current}
    for each, same in pairs:
        before = same if same is not None else (present.pop(0) if present else None)
        if before is None:
            name = next(name for n in itertools.count() if (name := slice_name(service, n)) not in names)
            names.add(name)
            plan.create.append(_named(each, name=name))
        elif _changed(before, each):
            version = before["metadata"]["resourceVersion"]
            plan.update.append(_named(each, name=before["metadata"]["name"], resourceVersion=version))
    plan.delete.extend(present)
    return plan


def _named(piece: Object, **metadata: str) -> Object:
    return {**piece, "metadata": {**piece["metadata"], **metadata}}


def _changed(before: Object, now: Object) -> bool:
    return any(before.get(part) != now[part] for part in ("endpoints", "ports")) or labels_of(before) != labels_of(now)


def _slice(service: Object, ports: Iterable[tuple[str, int, str]], endpoints: list[Object] | None) -> Object:
    metadata = service["metadata"]
    labels = {name: value for name, value in labels_of(service).items() if name != HEADLESS_LABEL}
    if service["spec"].get("clusterIP") == "None":
        labels[HEADLESS_LABEL] = ""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": metadata["namespace"],
            "labels": {**labels, SERVICE_LABEL: metadata["name"], MANAGED_BY: CONTROLLER},
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": name, "port": number, "protocol": protocol} for name, number, protocol in ports] or None,
    }


def _ports(service: Object, pod: Object) -> tuple[tuple[str, int, str], ...]:
    """Return name, number and protocol of each of the Service's ports that the pod has."""
    found = []
    for port in service["spec"].get("ports") or []:
        protocol = port.get("protocol", "TCP")
        number = _target_port(port, protocol, pod)
        if number is not None:
            found.append((port.get("name", ""), number, protocol))
    return tuple(found)


def _target_port(port: Object, protocol: str, pod: Object) -> int | None:
    """Return the number behind ``targetPort``; None if the pod has no port of that name."""
    target: Any = port.get("targetPort") or port["port"]
    if isinstance(target, int) or target.isdigit():
        return int(target)
    for container in serving_containers(pod):
        for entry in container.get("ports") or []:
            if entry.get("name") == target and entry.get("protocol", "TCP") == protocol:
                return int(entry["containerPort"])
    return None
