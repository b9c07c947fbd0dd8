"""Tracks the selectors of Services, which define their expected endpoints.

It yields no events: the executor of a change records its own patch.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.kube.api import Object, Objects
from harness.model.timeline import Event
from harness.observe.event_time import Observation


class ServiceTracker:
    """Tracks the selector of each Service that has one, as a ``harness.observe.tracker.Tracker``."""

    def __init__(self) -> None:
        self.selectors: dict[str, dict[str, str]] = {}

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Take in all Services."""
        self.selectors.clear()
        for service in objects:
            yield from self.changed(service, observation)

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Take in a new or changed Service."""
        del observation
        name, selector = obj["metadata"]["name"], obj["spec"].get("selector") or {}
        self.selectors.pop(name, None)
        if selector:
            self.selectors[name] = selector
        yield from ()

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Remove a deleted Service."""
        del observation
        self.selectors.pop(obj["metadata"]["name"], None)
        yield from ()
