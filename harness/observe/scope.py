"""Restricts observation to the objects of a trial. In a user's namespace, most objects are unrelated to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.kube.api import Object, Objects
from harness.kube.selectors import matches_selector
from harness.model.timeline import Event
from harness.observe.event_time import Observation
from harness.observe.tracker import Tracker

_SERVICE = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Scope:
    """The objects of a namespace that belong to a trial.

    Attributes:
        deployments: Name of a Deployment -> its ``spec.selector``.
        services: Names of Services.
    """

    deployments: Mapping[str, Mapping[str, Any]]
    services: frozenset[str]

    def has(self, obj: Object) -> bool:
        """Return True for pods of the Deployments, the Services, their endpoints, and Events of such pods.

        All objects of other kinds belong to the trial.
        """
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


class ScopedTracker:
    """A ``harness.observe.tracker.Tracker`` that passes on only the objects of a scope.

    Args:
        kind: Kind of the objects, which items of a list do not have.
        tracker: Receives the objects.
        scope: The objects to pass on.
    """

    def __init__(self, kind: str, tracker: Tracker, scope: Scope) -> None:
        self._kind = kind
        self._tracker = tracker
        self._scope = scope

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Pass on all objects of the scope."""
        yield from self._tracker.listed([obj for obj in objects if self._has(obj)], observation)

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Pass on a new or changed object of the scope."""
        if self._has(obj):
            yield from self._tracker.changed(obj, observation)

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Pass on a deleted object of the scope."""
        if self._has(obj):
            yield from self._tracker.deleted(obj, observation)

    def _has(self, obj: Object) -> bool:
        return self._scope.has({**obj, "kind": self._kind})


def _is_pod_of(deployment: str, pod: str) -> bool:
    """Return True if a pod's name belongs to a Deployment. An Event may arrive before its pod, so only names count."""
    return re.fullmatch(rf"{re.escape(deployment)}-[a-z0-9]+-[a-z0-9]{{5}}", pod) is not None
