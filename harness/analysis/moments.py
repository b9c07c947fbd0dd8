"""Reads the times of the change from the timeline, once for all checks and charts.

Times are seconds from the traffic's start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.evidence import TrialEvidence
from harness.analysis.thresholds import SHORTEST_WINDOW_S
from harness.model.events import ChangeEvent, ChangeMoment, EventDetail, NotObserved, of_type, read
from harness.model.timeline import EventKind

NS = 1_000_000_000

#: Events that begin an action within a repetition.
STARTS = frozenset({ChangeEvent.APPLIED, ChangeEvent.UNDONE, ChangeEvent.STEP, ChangeEvent.ROLLBACK})


@dataclass(frozen=True, slots=True)
class Moments:
    """Times of one trial's change. Two changes that overlap are one: it spans both, and has what both have.

    Attributes:
        begin: Beginning of the change; None if it never began.
        end: End of its last repetition; None if it never ended.
        stop: End of sending; if unknown, the latest known time.
        starts: Beginning of each repetition, step, rollback and undo; in order.
        applied: Numbers of the repetitions that the API server accepted.
        observed: Numbers of the repetitions whose effect was observed.
        missing: Descriptions of awaited events that did not occur.
        interruptions: Times at which the observer lost its connection to the cluster.
    """

    begin: float | None
    end: float | None
    stop: float
    starts: tuple[float, ...]
    applied: frozenset[int]
    observed: frozenset[int]
    missing: tuple[str, ...]
    interruptions: tuple[float, ...]

    @classmethod
    def of(cls, evidence: TrialEvidence) -> Moments:
        """Read a trial's timeline; without a start of traffic nothing in it can be compared with the traffic."""
        if not evidence.origin_ns:
            return cls(None, None, _stop(evidence), (), frozenset(), frozenset(), (), ())
        seconds = Seconds(evidence.origin_ns)
        changes = tuple(read(evidence.timeline))
        parts = [part.name for part in evidence.change.parts]
        by_part = [[m for m in changes if len(parts) == 1 or m.change == name] for name in parts]
        begin, ends = _named(changes, ChangeEvent.BEGIN), [_named(each, ChangeEvent.END) for each in by_part]
        started = [moment for moment in changes if moment.event in STARTS]
        return cls(
            begin=seconds(begin[0].at) if begin else None,
            end=max(seconds(end[-1].at) for end in ends) if all(ends) else None,
            stop=_stop(evidence),
            starts=tuple(sorted(seconds(moment.begun) for moment in started)),
            applied=_repetitions(by_part, ChangeEvent.APPLIED),
            observed=_repetitions(by_part, ChangeEvent.OBSERVED),
            missing=tuple(
                f"{m.change}: {m.detail.missing}" if m.detail.missing and len(parts) > 1 else m.detail.missing or ""
                for m in of_type(changes, ChangeEvent.NOT_OBSERVED, NotObserved)
            ),
            interruptions=tuple(
                seconds(event.at)
                for event in evidence.timeline
                if event.kind is EventKind.WATCH and event.what == "interrupted"
            ),
        )


def change_window(moments: Moments) -> tuple[float, float] | None:
    """Return start and end of the time in which the sender must be punctual; None if the change never began.

    A short change can vanish in a long trial, so it is examined alone, for a second at least.
    """
    if moments.begin is None:
        return None
    end = moments.end if moments.end is not None else math.inf
    return moments.begin, max(end, moments.begin + SHORTEST_WINDOW_S.value)


class Seconds:
    """Converts CLOCK_MONOTONIC to seconds from the traffic's start."""

    def __init__(self, origin_ns: int) -> None:
        self._origin = origin_ns

    def __call__(self, at: int) -> float:
        """Return seconds from the start, rounded to microseconds."""
        return round((at - self._origin) / NS, 6)


def _stop(evidence: TrialEvidence) -> float:
    if evidence.stopped_ns is not None:
        return Seconds(evidence.origin_ns)(evidence.stopped_ns)
    rows = evidence.attempts
    return round(int(max(rows["planned"].max(), rows["done"].max())) / NS, 6) if len(rows) else 0.0


def _named(moments: Iterable[ChangeMoment[EventDetail]], event: ChangeEvent) -> list[ChangeMoment[EventDetail]]:
    return [moment for moment in moments if moment.event is event]


def _repetitions(parts: Sequence[Iterable[ChangeMoment[EventDetail]]], event: ChangeEvent) -> frozenset[int]:
    """Return the repetitions in which every part has an event."""
    found = [frozenset(moment.n for moment in _named(part, event)) for part in parts]
    return frozenset.intersection(*found)
