"""Order the pods that a ReplicaSet deletes first when it has too many: the least useful ones. Pure.

The order decides if scaling down or a rollout takes a serving pod while a broken one stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from harness.localkube.machinery.objects import Object, condition, is_deleting, is_true, parse_timestamp

_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = ("Pending", "Unknown", "Running")


def is_active(pod: Object) -> bool:
    """Return True if a pod counts as a replica: neither ended nor being deleted."""
    return pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"} and not is_deleting(pod)


def is_ready(pod: Object) -> bool:
    """Return True if the pod's Ready condition is true."""
    return is_true(pod, "Ready")


def available_in(pod: Object, min_ready_seconds: int, now: datetime) -> float | None:
    """Return the seconds until a pod counts as available (0 if it does now); None if it is not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    if min_ready_seconds == 0:
        return 0.0
    since = (now - parse_timestamp(ready["lastTransitionTime"])).total_seconds()
    return max(0.0, min_ready_seconds - since)


def deletion_order(pods: Iterable[Object], now: datetime) -> list[Object]:
    """Sort pods so that those to be deleted first come first.

    Unscheduled comes before scheduled, pending before running, not ready before ready, a low deletion cost before a
    high one, recently ready before long ready, many restarts before few, young before old. Ages are compared by order
    of magnitude, as in Kubernetes. The uid decides between equals.
    """
    return sorted(pods, key=lambda pod: _rank(pod, now))


def _rank(pod: Object, now: datetime) -> tuple[object, ...]:
    metadata, status = pod["metadata"], pod.get("status", {})
    ready = condition(pod, "Ready")
    since_ready = _magnitude(ready.get("lastTransitionTime"), now) if ready and ready["status"] == "True" else 0
    restarts = max((each.get("restartCount", 0) for each in status.get("containerStatuses") or []), default=0)
    phase = status.get("phase", "Pending")
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASES.index(phase) if phase in _PHASES else 0,
        is_ready(pod),
        int((metadata.get("annotations") or {}).get(_COST, "0")),
        since_ready,
        -restarts,
        _magnitude(metadata.get("creationTimestamp"), now),
        metadata["uid"],
    )


def _magnitude(time: str | None, now: datetime) -> int:
    """Return the binary order of magnitude of an age in seconds; 0 for no time or one in the future."""
    if time is None:
        return 0
    seconds = (now - parse_timestamp(time)).total_seconds()
    return math.floor(math.log2(seconds)) + 1 if seconds >= 1 else 0
