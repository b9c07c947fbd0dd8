"""Answer a list, an object or a watch event as a ``Table``, which `kubectl get` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from harness.localkube.api import columns
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import Resource

#: The part of each object that a row contains.
Include = Literal["None", "Metadata", "Object"]

_Cells = Callable[[Object], list[Any]]

#: Column names (``+`` marks those of ``-o wide``) and the function that fills them, by kind.
_LAYOUTS: Mapping[str, tuple[str, _Cells]] = {
    "Pod": ("Name,Ready,Status,Restarts,Age,+IP,+Node,+Nominated Node,+Readiness Gates", columns.pod),
    "Deployment": ("Name,Ready,Up-to-date,Available,Age,+Containers,+Images,+Selector", columns.deployment),
    "ReplicaSet": ("Name,Desired,Current,Ready,Age,+Containers,+Images,+Selector", columns.replicaset),
    "Service": ("Name,Type,Cluster-IP,External-IP,Port(s),Age,+Selector", columns.service),
    "Ingress": ("Name,Class,Hosts,Address,Ports,Age", columns.ingress),
    "EndpointSlice": ("Name,AddressType,Ports,Endpoints,Age", columns.endpointslice),
    "Endpoints": ("Name,Endpoints,Age", columns.endpoints),
    "Node": ("Name,Status,Roles,Age,Version,+Internal-IP", columns.node),
    "Namespace": ("Name,Status,Age", columns.namespace),
    "Event": ("Last Seen,Type,Reason,Object,+Source,Message,+First Seen,+Count,+Name", columns.event),
    "ConfigMap": ("Name,Data,Age", columns.configmap),
    "Secret": ("Name,Type,Data,Age", columns.secret),
    "IngressClass": ("Name,Controller,Age", columns.ingressclass),
    "PriorityClass": ("Name,Value,Global-Default,Age,PreemptionPolicy", columns.priorityclass),
    "RuntimeClass": ("Name,Handler,Age", columns.runtimeclass),
    "Lease": ("Name,Holder,Age", columns.lease),
    "ServiceAccount": ("Name,Secrets,Age", columns.serviceaccount),
    "NetworkPolicy": ("Name,Pod-Selector,Age", columns.networkpolicy),
    "PodDisruptionBudget": (
        "Name,Min Available,Max Unavailable,Allowed Disruptions,Age",
        columns.disruptionbudget,
    ),
    "HorizontalPodAutoscaler": ("Name,Reference,Targets,MinPods,MaxPods,Replicas,Age", columns.autoscaler),
    "StatefulSet": ("Name,Ready,Age,+Containers,+Images", columns.statefulset),
    "DaemonSet": (
        "Name,Desired,Current,Ready,Up-to-date,Available,Node Selector,Age,+Containers,+Images",
        columns.daemonset,
    ),
    "Job": ("Name,Status,Completions,Duration,Age", columns.job),
    "CronJob": ("Name,Schedule,Timezone,Suspend,Active,Last Schedule,Age", columns.cronjob),
}
_SCALE: tuple[str, _Cells] = ("Name,Desired,Available,Age", columns.scale)
_PLAIN: tuple[str, _Cells] = ("Name,Age", columns.plain)


def table(resource: Resource, objects: Sequence[Object], version: str, include: Include, *, headed: bool) -> Object:
    """Return a ``Table`` of objects.

    Args:
        resource: Their kind.
        objects: The stored objects.
        version: resourceVersion of the list, or of the single object.
        include: The part of each object that a row contains besides its cells.
        headed: True to include the column definitions; a watch sends them once.
    """
    scales = bool(objects) and objects[0].get("kind") == "Scale"
    names, cells = _SCALE if scales else _LAYOUTS.get(resource.kind, _PLAIN)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [_column(name) for name in names.split(",")] if headed else [],
        "rows": [{"cells": cells(obj), "object": _carried(obj, include)} for obj in objects],
    }


def _column(name: str) -> Object:
    plain = name.removeprefix("+")
    form = "name" if plain == "Name" else ""
    return {
        "name": plain,
        "type": "string",
        "format": form,
        "description": "",
        "priority": 1 if name.startswith("+") else 0,
    }


def partial(obj: Object) -> Object:
    """Return only the metadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _carried(obj: Object, include: Include) -> Object | None:
    match include:
        case "None":
            return None
        case "Object":
            return obj
    return partial(obj)
