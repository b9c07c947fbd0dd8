"""The Protocol of trackers, which turn observed objects of one kind into events. Watchers call them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from harness.kube.api import Object, Objects
from harness.model.timeline import Event
from harness.observe.event_time import Observation


class Tracker(Protocol):
    """Keeps the last state of all objects of a kind, and yields events for each difference.

    All methods may be generators: they do their work while the caller iterates, under the caller's lock.
    """

    def listed(self, objects: Objects, observation: Observation) -> Iterable[Event]:
        """Take in all objects. Known objects that are missing have been deleted."""

    def changed(self, obj: Object, observation: Observation) -> Iterable[Event]:
        """Take in a new or changed object."""

    def deleted(self, obj: Object, observation: Observation) -> Iterable[Event]:
        """Take in a deletion. ``obj`` is the object's last state."""


class SilentTracker:
    """A tracker without events, for kinds of which only the number of changes matters."""

    def listed(self, objects: Objects, observation: Observation) -> Iterable[Event]:
        """Return nothing."""
        del objects, observation
        return ()

    def changed(self, obj: Object, observation: Observation) -> Iterable[Event]:
        """Return nothing."""
        del obj, observation
        return ()

    def deleted(self, obj: Object, observation: Observation) -> Iterable[Event]:
        """Return nothing."""
        del obj, observation
        return ()
