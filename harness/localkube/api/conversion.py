"""Convert objects between the version in which they are stored and the others that are served.

Events are stored as core/v1 and served as events.k8s.io/v1 too. A HorizontalPodAutoscaler is stored as v2 and served as
v1 too, which has only the target for CPU.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.kube.copies import copied
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import AUTOSCALERS, EVENTS, NEW_EVENTS, OLD_AUTOSCALERS, Resource

#: Field of core/v1 by field of events.k8s.io/v1.
_CORE_NAMES: Mapping[str, str] = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_NEW_NAMES = {core: new for new, core in _CORE_NAMES.items()}


_CPU: Object = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}
#: Fields of the status that autoscaling/v1 does not have.
_NEW_STATUS = frozenset({"conditions", "currentMetrics"})
#: The resource in storage, by a served one.
_STORED: Mapping[Resource, Resource] = {NEW_EVENTS: EVENTS, OLD_AUTOSCALERS: AUTOSCALERS}


def stored_resource(resource: Resource) -> Resource:
    """Return the resource as which the objects of a served one are stored."""
    return _STORED.get(resource, resource)


def to_stored(resource: Resource, obj: Object) -> Object:
    """Convert an object of a request to the stored version."""
    if resource is NEW_EVENTS:
        return _renamed(obj, _CORE_NAMES) | {"apiVersion": EVENTS.api_version}
    if resource is OLD_AUTOSCALERS and obj.get("apiVersion") == resource.api_version:
        return _with_metrics(obj) | {"apiVersion": AUTOSCALERS.api_version}
    return obj


def to_served(resource: Resource, obj: Object) -> Object:
    """Convert a stored object to the version of the requested resource."""
    if resource is NEW_EVENTS:
        return _renamed(obj, _NEW_NAMES) | {"apiVersion": NEW_EVENTS.api_version}
    if resource is OLD_AUTOSCALERS:
        return _without_metrics(obj) | {"apiVersion": resource.api_version}
    return obj


def _renamed(obj: Object, names: Mapping[str, str]) -> Object:
    return {names.get(field, field): value for field, value in obj.items()}


def _with_metrics(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        metric = copied(_CPU)
        metric["resource"]["target"]["averageUtilization"] = percent
        spec["metrics"] = [metric]
    return {**obj, "spec": spec}


def _without_metrics(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    for metric in spec.pop("metrics", None) or ():
        resource = metric.get("resource") or {}
        percent = (resource.get("target") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and percent is not None:
            spec["targetCPUUtilizationPercentage"] = percent
    status = {name: value for name, value in (obj.get("status") or {}).items() if name not in _NEW_STATUS}
    return {**obj, "spec": spec, "status": status}
