"""Hand events from the threads that read logs to the one that observes a trial."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

from harness.model.timeline import Event

#: Seconds between two calls of ``stop``.
_LOOK_SECONDS = 0.05


def queued_events(events: queue.SimpleQueue[Event], stop: Callable[[], bool]) -> Iterator[Event]:
    """Yield events until ``stop()``, and then those that are left in the queue."""
    while True:
        last_look = stop()
        try:
            while True:
                yield events.get(timeout=0 if last_look else _LOOK_SECONDS)
        except queue.Empty:
            if last_look:
                return
