"""Tracks nodes that are not well: not ready, without network, or without memory, disk or process ids.

The kubelet of a node that lacks one of the last three evicts pods and delays probes. The embedded cluster sets
``NetworkUnavailable`` if it can't drop the connections to an ended pod.

Events mark the begin and end of a problem. A healthy node has no events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.kube.api import Object, Objects
from harness.model.timeline import Detail, Event, EventKind
from harness.observe.event_time import Observation

#: Condition -> its status on a healthy node. Only these conditions are tracked.
WELL: Mapping[str, str] = {
    "MemoryPressure": "False",
    "DiskPressure": "False",
    "PIDPressure": "False",
    "NetworkUnavailable": "False",
    "Ready": "True",
}


class NodeTracker:
    """Tracks the conditions of all nodes, as a ``harness.observe.tracker.Tracker``.

    Its events are ``unwell`` and ``well``, each with the condition that changed.
    """

    def __init__(self) -> None:
        self._unwell: dict[str, frozenset[str]] = {}
        self._listed = False

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Take in all nodes. Conditions of the first list existed before, and are marked as ``found``."""
        for obj in objects:
            yield from self._compare(obj, observation, found=not self._listed)
        self._listed = True

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Take in a new or changed node. Kubelets write their status every few seconds."""
        yield from self._compare(obj, observation, found=False)

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Forget a deleted node. Its pods have their own events."""
        del observation
        self._unwell.pop(obj["metadata"]["name"], None)
        yield from ()

    def _compare(self, obj: Object, observation: Observation, *, found: bool) -> Iterator[Event]:
        name = obj["metadata"]["name"]
        conditions = _conditions(obj)
        now = frozenset(kind for kind, one in conditions.items() if one.get("status", WELL[kind]) != WELL[kind])
        before = self._unwell.get(name, frozenset())
        self._unwell[name] = now
        for kind in sorted(now ^ before):
            one = conditions.get(kind, {})
            at, exact = observation.place(str(one.get("lastTransitionTime") or ""))
            detail: Detail = {"condition": kind, "reason": str(one.get("reason", "")), "found": found}
            yield Event(at, EventKind.NODE, name, "unwell" if kind in now else "well", detail, exact)


def _conditions(obj: Object) -> dict[str, Mapping[str, Any]]:
    return {c["type"]: c for c in obj.get("status", {}).get("conditions") or () if c.get("type") in WELL}
