"""Finds the times of a change's events, in seconds from the traffic's start; infinity if an event did not happen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analysis.evidence import TrialEvidence
from harness.analysis.moments import Seconds
from harness.analysis.thresholds import SECOND_SYNC_S, SETTLED_S
from harness.model.controllers import SIGNALS
from harness.model.events import ChangeEvent, ChangeMoment, D, EventDetail, of_type, read
from harness.model.timeline import EventKind


class ChangeTimeline:
    """The change's events, by type.

    Args:
        evidence: The trial's evidence.
        part: Name of one of two changes that overlap; empty for the events of all.

    Attributes:
        moments: All events of the change, in the timeline's order.
    """

    def __init__(self, evidence: TrialEvidence, part: str = "") -> None:
        self._seconds = Seconds(evidence.origin_ns)
        alone = evidence.change.during is None
        self.moments = tuple(m for m in read(evidence.timeline) if alone or not part or m.change == part)
        self._applied = [
            self._seconds(event.at)
            for event in evidence.timeline
            if event.kind is EventKind.INGRESS and event.what in SIGNALS
        ]

    def seconds(self, moment: ChangeMoment[EventDetail]) -> float:
        """Return the time of a moment."""
        return self._seconds(moment.at)

    def named(self, event: ChangeEvent, detail: type[D]) -> Iterator[ChangeMoment[D]]:
        """Yield all moments of one event."""
        return of_type(self.moments, event, detail)

    def at(self, event: ChangeEvent, n: int) -> float:
        """Return the time at which an event was recorded in the ``n``-th repetition."""
        return next((self._seconds(m.at) for m in self.moments if m.event is event and m.n == n), np.inf)

    def begun(self, event: ChangeEvent, n: int) -> float:
        """Return the time of the request to the API server for this event."""
        return next((self._seconds(m.begun) for m in self.moments if m.event is event and m.n == n), np.inf)

    def settled(self, at: float) -> float:
        """Return when routing has settled after an observation at this time.

        The controller may apply the change in two syncs.
        """
        later = (taken for taken in self._applied if at < taken <= at + SECOND_SYNC_S.value)
        return max(at, *later, at) + SETTLED_S.value
