"""What turns the objects of one kind into events: fed by a watcher, knows nothing of how it got them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from harness.kube.api import Object, Objects
from harness.model.timeline import Event
from harness.observe.event_time import Sighting


class Tracker(Protocol):
    """Keeps the last state of all objects of a kind and derives events from each difference.

    All three are generators: they do their work while the events are taken, under the lock of whoever takes them.
    """

    def listed(self, objects: Objects, sighting: Sighting) -> Iterable[Event]:
        """All objects there are; what is known and not among them is gone."""

    def changed(self, obj: Object, sighting: Sighting) -> Iterable[Event]:
        """One object is there, new or different."""

    def deleted(self, obj: Object, sighting: Sighting) -> Iterable[Event]:
        """One object is gone; ``obj`` is how it was last."""


class Unrecorded:
    """Derives no events: of its kind nothing needs to be known but that something has changed."""

    def listed(self, objects: Objects, sighting: Sighting) -> Iterable[Event]:
        """Return nothing."""
        del objects, sighting
        return ()

    def changed(self, obj: Object, sighting: Sighting) -> Iterable[Event]:
        """Return nothing."""
        del obj, sighting
        return ()

    def deleted(self, obj: Object, sighting: Sighting) -> Iterable[Event]:
        """Return nothing."""
        del obj, sighting
        return ()
