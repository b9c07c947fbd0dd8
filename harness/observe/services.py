"""The selectors of Services: which pods their endpoints shall be. No events; the changes' own say what was patched."""

from __future__ import annotations

from collections.abc import Iterator

from harness.kube.api import Object, Objects
from harness.model.timeline import Event
from harness.observe.event_time import Sighting


class ServiceTracker:
    """Keeps the selector of each Service that has one; a ``harness.observe.tracker.Tracker``."""

    def __init__(self) -> None:
        self.selectors: dict[str, dict[str, str]] = {}

    def listed(self, objects: Objects, sighting: Sighting) -> Iterator[Event]:
        """All Services there are."""
        self.selectors.clear()
        for service in objects:
            yield from self.changed(service, sighting)

    def changed(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """A Service is new or different."""
        del sighting
        name, selector = obj["metadata"]["name"], obj["spec"].get("selector") or {}
        self.selectors.pop(name, None)
        if selector:
            self.selectors[name] = selector
        yield from ()

    def deleted(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """A Service is gone."""
        del sighting
        self.selectors.pop(obj["metadata"]["name"], None)
        yield from ()
