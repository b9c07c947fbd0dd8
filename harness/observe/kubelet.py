"""Tracks the Kubernetes Events of kubelets, such as ``Killing`` and ``FailedPreStopHook``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.kube.api import Object, Objects
from harness.model.timeline import Event, EventKind
from harness.observe.event_time import Observation


class KubeletTracker:
    """Converts each occurrence of a kubelet's Event once, as a ``harness.observe.tracker.Tracker``."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, str]] = {}

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Take in all Events. Expired ones are ignored."""
        for obj in objects:
            yield from self.changed(obj, observation)

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Take in a new or repeated Event."""
        occurrence = (_count(obj), _stamp(obj))
        uid = obj["metadata"]["uid"]
        if _component(obj) != "kubelet" or self._seen.get(uid) == occurrence:
            return
        self._seen[uid] = occurrence
        at, exact = observation.place_reported(_stamp(obj))
        involved = obj.get("involvedObject") or obj.get("regarding") or {}
        detail = {
            "message": obj.get("message") or obj.get("note") or "",
            "object": involved.get("kind", ""),
            "count": occurrence[0],
        }
        yield Event(at, EventKind.KUBELET, involved.get("name", ""), obj.get("reason", ""), detail, exact)

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Forget an expired Event; that yields no event."""
        del observation
        self._seen.pop(obj["metadata"]["uid"], None)
        yield from ()


def _component(obj: Mapping[str, Any]) -> str:
    return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")


def _count(obj: Mapping[str, Any]) -> int:
    return int((obj.get("series") or {}).get("count") or obj.get("count") or 1)


def _stamp(obj: Mapping[str, Any]) -> str:
    """Return the most exact timestamp of the Event's last occurrence."""
    series = (obj.get("series") or {}).get("lastObservedTime")
    repeated = obj.get("lastTimestamp") if _count(obj) > 1 else None
    return str(series or repeated or obj.get("eventTime") or obj.get("lastTimestamp") or "")
