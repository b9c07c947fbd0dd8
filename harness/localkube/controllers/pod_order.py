"""Order the pods that a ReplicaSet deletes first when it has too many: the least useful ones. Pure.

The order decides if scaling down or a rollout takes a serving pod while a broken one stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cmp_to_key

from harness.localkube.machinery.objects import Object, condition, is_deleting, is_true, parse_timestamp

_COST_FORM = re.compile(r"0|-[0-9]+|[1-9][0-9]*")
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
    of magnitude, as in Kubernetes: the uid decides between two different ages of one magnitude, and between equals.
    """

    def compared(one: tuple[_Facts, Object], other: tuple[_Facts, Object]) -> int:
        return _compared(one[0], other[0], now)

    return [pod for _, pod in sorted(((_facts(pod), pod) for pod in pods), key=cmp_to_key(compared))]


@dataclass(frozen=True, slots=True)
class _Facts:
    """The facts of a pod that decide its place.

    Attributes:
        use: Facts that are compared before its age; the pod with the smaller ones is deleted first.
        ready_since: Time at which it became ready; None if it is not, or if the time is unknown.
        restarts: The largest number of restarts of a container, and of a sidecar, negated.
        created: Time of its creation.
        uid: Its uid.
    """

    use: tuple[bool, int, bool, int]
    ready_since: datetime | None
    restarts: tuple[int, int]
    created: datetime | None
    uid: str


def _facts(pod: Object) -> _Facts:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    phase, ready = status.get("phase", "Pending"), condition(pod, "Ready")
    sidecars = {each["name"] for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"}
    initial = [each for each in status.get("initContainerStatuses") or [] if each["name"] in sidecars]
    return _Facts(
        use=(
            bool(spec.get("nodeName")),
            _PHASES.index(phase) if phase in _PHASES else 0,
            is_ready(pod),
            _cost(metadata.get("annotations") or {}),
        ),
        ready_since=_time((ready or {}).get("lastTransitionTime")) if is_ready(pod) else None,
        restarts=(-_restarts(status.get("containerStatuses") or []), -_restarts(initial)),
        created=_time(metadata.get("creationTimestamp")),
        uid=metadata["uid"],
    )


def _compared(one: _Facts, other: _Facts, now: datetime) -> int:
    """Return a number below 0 if the first pod is deleted before the second, above 0 if after it."""
    if one.use != other.use:
        return -1 if one.use < other.use else 1
    if one.ready_since != other.ready_since:
        return _by_age(one.ready_since, other.ready_since, now) or _by_uid(one, other)
    if one.restarts != other.restarts:
        return -1 if one.restarts < other.restarts else 1
    return _by_age(one.created, other.created, now) or _by_uid(one, other)


def _by_age(one: datetime | None, other: datetime | None, now: datetime) -> int:
    """Compare two times: an unknown one comes first, then the younger; 0 for ages of one magnitude."""
    if one is None or other is None:
        return (other is None) - (one is None)
    return _magnitude(now - one) - _magnitude(now - other)


def _by_uid(one: _Facts, other: _Facts) -> int:
    return (one.uid > other.uid) - (one.uid < other.uid)


def _restarts(statuses: Iterable[Object]) -> int:
    return max((each.get("restartCount", 0) for each in statuses), default=0)


def _time(text: str | None) -> datetime | None:
    return parse_timestamp(text) if text else None


def _cost(annotations: Mapping[str, str]) -> int:
    """Return a pod's deletion cost; 0 for a text that Kubernetes does not read, such as ``+3`` or ``03``."""
    text = annotations.get(_COST, "0")
    cost = int(text) if _COST_FORM.fullmatch(text) else 0
    return cost if -(1 << 31) <= cost < 1 << 31 else 0


def _magnitude(age: timedelta) -> int:
    """Return the binary order of magnitude of an age in nanoseconds; -1 for a time in the future."""
    nanoseconds = age // timedelta(microseconds=1) * 1000
    return nanoseconds.bit_length() - 1 if nanoseconds > 0 else -1
