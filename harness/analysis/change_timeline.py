"""The events of a change in seconds from the traffic's origin; what did not happen is at infinity."""

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
    """The change's events by what happened.

    Attributes:
        moments: All of them, in the timeline's order.
    """

    def __init__(self, evidence: TrialEvidence) -> None:
        self._seconds = Seconds(evidence.origin_ns)
        self.moments = tuple(read(evidence.timeline))
        self._taken_over = [
            self._seconds(event.at)
            for event in evidence.timeline
            if event.kind is EventKind.INGRESS and event.what in SIGNALS
        ]

    def seconds(self, moment: ChangeMoment[EventDetail]) -> float:
        """Return when a moment was."""
        return self._seconds(moment.at)

    def named(self, event: ChangeEvent, detail: type[D]) -> Iterator[ChangeMoment[D]]:
        """Yield all moments of one event."""
        return of_type(self.moments, event, detail)

    def at(self, event: ChangeEvent, n: int) -> float:
        """Return when it was recorded in the ``n``-th repetition."""
        return next((self._seconds(m.at) for m in self.moments if m.event is event and m.n == n), np.inf)

    def begun(self, event: ChangeEvent, n: int) -> float:
        """Return when the API server was asked for it."""
        return next((self._seconds(m.begun) for m in self.moments if m.event is event and m.n == n), np.inf)

    def settled(self, at: float) -> float:
        """Return when what was seen at a time had settled: the controller may take it over in two goes."""
        later = (taken for taken in self._taken_over if at < taken <= at + SECOND_SYNC_S.value)
        return max(at, *later, at) + SETTLED_S.value
