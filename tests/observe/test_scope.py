"""Only objects of the application are observed in a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.kit.clock import Clock
from harness.kube.api import Object, Objects
from harness.model.timeline import Event, EventKind
from harness.observe.event_time import Observation
from harness.observe.scope import Scope, ScopedTracker

SCOPE = Scope({"apple": {"matchLabels": {"app": "apple"}}}, frozenset({"public"}))


def made(kind: str, name: str, *, labels: dict[str, str] | None = None, **more: Any) -> Object:
    """Return an object."""
    return {"kind": kind, "metadata": {"name": name, "labels": labels or {}}, **more}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (made("Pod", "apple-1", labels={"app": "apple", "x": "y"}), True),
        (made("Pod", "apple-1", labels={"app": "pear"}), False),
        (made("Pod", "apple-1"), False),
        (made("Service", "public"), True),
        (made("Service", "private"), False),
        (made("EndpointSlice", "x", labels={"kubernetes.io/service-name": "public"}), True),
        (made("EndpointSlice", "public-1", labels={"kubernetes.io/service-name": "private"}), False),
        (made("Event", "x", involvedObject={"name": "apple-7d4b9c5f6-x2x4z"}), True),
        (made("Event", "x", regarding={"name": "apple-7d4b9c5f6-x2x4z"}), True),
        (made("Event", "x", involvedObject={"name": "apple-pie-7d4b9c5f6-x2x4z"}), False),
        (made("Event", "x", involvedObject={"name": "pear-7d4b9c5f6-x2x4z"}), False),
        (made("Event", "x"), False),
        (made("Node", "node-1"), True),
    ],
)
def test_the_scope_has_the_applications_objects(obj: Object, expected: bool) -> None:
    """It has pods by selector, Services by name, and their endpoints and Events."""
    assert SCOPE.has(obj) is expected


class Recording:
    """A tracker that yields an event for everything it gets."""

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Yield one event for each object."""
        for obj in objects:
            yield from self.changed(obj, observation)

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Yield one event."""
        yield Event(observation.at, EventKind.POD, obj["metadata"]["name"], "seen")

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Yield one event."""
        yield Event(observation.at, EventKind.POD, obj["metadata"]["name"], "gone")


def test_a_tracker_gets_only_objects_of_the_scope() -> None:
    """Items of lists have no kind, so the tracker's kind is used."""
    tracker, seen = ScopedTracker("Pod", Recording(), SCOPE), Observation(Clock.start(), 1)
    mine = {"metadata": {"name": "mine", "labels": {"app": "apple"}}}
    other = {"metadata": {"name": "other", "labels": {"app": "pear"}}}
    found = [
        *tracker.listed([mine, other], seen), *tracker.changed(other, seen), *tracker.changed(mine, seen),
        *tracker.deleted(other, seen), *tracker.deleted(mine, seen),
    ]  # fmt: skip

    assert [(event.subject, event.what) for event in found] == [("mine", "seen"), ("mine", "seen"), ("mine", "gone")]
