"""Convert Events between core/v1, in which they are stored, and events.k8s.io/v1."""

from __future__ import annotations

from collections.abc import Mapping

from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import EVENTS, NEW_EVENTS, Resource

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


def to_stored(resource: Resource, obj: Object) -> Object:
    """Convert an object of a request to the stored version."""
    if resource is not NEW_EVENTS:
        return obj
    return _renamed(obj, _CORE_NAMES) | {"apiVersion": EVENTS.api_version}


def to_served(resource: Resource, obj: Object) -> Object:
    """Convert a stored object to the version of the requested resource."""
    if resource is not NEW_EVENTS:
        return obj
    return _renamed(obj, _NEW_NAMES) | {"apiVersion": NEW_EVENTS.api_version}


def _renamed(obj: Object, names: Mapping[str, str]) -> Object:
    return {names.get(field, field): value for field, value in obj.items()}
