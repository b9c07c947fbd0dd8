"""Nodes in need: a kubelet without memory, disk or process numbers evicts pods and delays probes, whatever is changed.

Only what begins or ends is told: a node that is well gives no events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.kube.api import Object, Objects
from harness.model.timeline import Detail, Event, EventKind
from harness.observe.event_time import Sighting

#: The conditions that are looked at, with the status that each has on a node that is well.
WELL: Mapping[str, str] = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"}


class NodeTracker:
    """Keeps the conditions of all nodes; a ``harness.observe.tracker.Tracker``.

    Its events are ``unwell`` and ``well``, each with the condition that changed.
    """

    def __init__(self) -> None:
        self._unwell: dict[str, frozenset[str]] = {}
        self._listed = False

    def listed(self, objects: Objects, sighting: Sighting) -> Iterator[Event]:
        """All nodes; what the first look finds was there before, and is marked so."""
        for obj in objects:
            yield from self._compare(obj, sighting, found=not self._listed)
        self._listed = True

    def changed(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """A node is new or different: kubelets write their status every few seconds."""
        yield from self._compare(obj, sighting, found=False)

    def deleted(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """A node is gone; its pods' own events say what that means."""
        del sighting
        self._unwell.pop(obj["metadata"]["name"], None)
        yield from ()

    def _compare(self, obj: Object, sighting: Sighting, *, found: bool) -> Iterator[Event]:
        name = obj["metadata"]["name"]
        conditions = _conditions(obj)
        now = frozenset(kind for kind, one in conditions.items() if one.get("status", WELL[kind]) != WELL[kind])
        before = self._unwell.get(name, frozenset())
        self._unwell[name] = now
        for kind in sorted(now ^ before):
            one = conditions.get(kind, {})
            at, exact = sighting.place(str(one.get("lastTransitionTime") or ""))
            detail: Detail = {"condition": kind, "reason": str(one.get("reason", "")), "found": found}
            yield Event(at, EventKind.NODE, name, "unwell" if kind in now else "well", detail, exact)


def _conditions(obj: Object) -> dict[str, Mapping[str, Any]]:
    return {c["type"]: c for c in obj.get("status", {}).get("conditions") or () if c.get("type") in WELL}
