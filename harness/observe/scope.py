"""What of a namespace is looked at: in somebody's namespace most objects have nothing to do with the trial."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.kube.api import Object, Objects
from harness.kube.selectors import matches_selector
from harness.model.timeline import Event
from harness.observe.event_time import Sighting
from harness.observe.tracker import Tracker

_SERVICE = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a namespace that a trial is about.

    Attributes:
        deployments: Names, each with the Deployment's own ``spec.selector``.
        services: Names of Services.
    """

    deployments: Mapping[str, Mapping[str, Any]]
    services: frozenset[str]

    def has(self, obj: Object) -> bool:
        """Whether an object is in it: pods of the Deployments, the Services, their endpoints, Events of such pods."""
        match obj["kind"]:
            case "Pod":
                labels = obj["metadata"].get("labels") or {}
                return any(matches_selector(selector, labels) for selector in self.deployments.values())
            case "Service":
                return obj["metadata"]["name"] in self.services
            case "EndpointSlice":
                return (obj["metadata"].get("labels") or {}).get(_SERVICE) in self.services
            case "Event":
                involved = obj.get("involvedObject") or obj.get("regarding") or {}
                return any(_is_pod_of(name, str(involved.get("name", ""))) for name in self.deployments)
        return True


class Scoped:
    """A tracker that is told of what is in a scope and of nothing else; a ``harness.observe.tracker.Tracker``.

    Args:
        kind: Of the objects; lists do not name it in each.
        tracker: The tracker.
        scope: What it is told of.
    """

    def __init__(self, kind: str, tracker: Tracker, scope: Scope) -> None:
        self._kind = kind
        self._tracker = tracker
        self._scope = scope

    def listed(self, objects: Objects, sighting: Sighting) -> Iterator[Event]:
        """All objects there are."""
        yield from self._tracker.listed([obj for obj in objects if self._has(obj)], sighting)

    def changed(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """One is new or different."""
        if self._has(obj):
            yield from self._tracker.changed(obj, sighting)

    def deleted(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """One is gone."""
        if self._has(obj):
            yield from self._tracker.deleted(obj, sighting)

    def _has(self, obj: Object) -> bool:
        return self._scope.has({**obj, "kind": self._kind})


def _is_pod_of(deployment: str, pod: str) -> bool:
    """By its name, since an Event may come before its pod: ReplicaSet's hash, then five letters of its own."""
    return re.fullmatch(rf"{re.escape(deployment)}-[a-z0-9]+-[a-z0-9]{{5}}", pod) is not None
