"""The timeline read as moments of the change: when it began, each repetition, when it ended.

Checks and charts ask the same questions of the timeline; here they are answered once. Times are seconds from the
traffic's origin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.analysis.evidence import TrialEvidence
from harness.model.events import ChangeEvent, ChangeMoment, EventDetail, NotObserved, of_type, read
from harness.model.timeline import EventKind

NS = 1_000_000_000

#: The events with which something begins in a repetition.
_TURNS = frozenset({ChangeEvent.APPLIED, ChangeEvent.UNDONE, ChangeEvent.STEP, ChangeEvent.ROLLBACK})


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of one trial.

    Attributes:
        begin: When the change began; ``None`` if it never did.
        end: When its last repetition was over; ``None`` if it never was.
        stop: When sending stopped; the last moment known of where that is unknown.
        starts: When each repetition, and each step, rollback and undo among them, began; in order.
        applied: Numbers of the repetitions that the API server accepted.
        observed: Numbers of the repetitions that were seen to have really happened.
        missing: What was awaited in vain, in the words of who waited.
        interruptions: When the observer lost its sight of the cluster.
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
        """Read a trial's timeline; without an origin nothing in it can be held against the traffic."""
        if not evidence.origin_ns:
            return cls(None, None, _stop(evidence), (), frozenset(), frozenset(), (), ())
        seconds = Seconds(evidence.origin_ns)
        changes = tuple(read(evidence.timeline))
        begin, end = _named(changes, ChangeEvent.BEGIN), _named(changes, ChangeEvent.END)
        turned = [moment for moment in changes if moment.event in _TURNS]
        return cls(
            begin=seconds(begin[0].at) if begin else None,
            end=seconds(end[-1].at) if end else None,
            stop=_stop(evidence),
            starts=tuple(sorted(seconds(moment.begun) for moment in turned)),
            applied=frozenset(moment.n for moment in _named(changes, ChangeEvent.APPLIED)),
            observed=frozenset(moment.n for moment in _named(changes, ChangeEvent.OBSERVED)),
            missing=tuple(m.detail.missing or "" for m in of_type(changes, ChangeEvent.NOT_OBSERVED, NotObserved)),
            interruptions=tuple(
                seconds(event.at)
                for event in evidence.timeline
                if event.kind is EventKind.WATCH and event.what == "interrupted"
            ),
        )


class Seconds:
    """Turns CLOCK_MONOTONIC into seconds from an origin."""

    def __init__(self, origin_ns: int) -> None:
        self._origin = origin_ns

    def __call__(self, at: int) -> float:
        """Seconds from the origin, exact to the microsecond."""
        return round((at - self._origin) / NS, 6)


def _stop(evidence: TrialEvidence) -> float:
    if evidence.stopped_ns is not None:
        return Seconds(evidence.origin_ns)(evidence.stopped_ns)
    rows = evidence.attempts
    return round(int(max(rows["planned"].max(), rows["done"].max())) / NS, 6) if len(rows) else 0.0


def _named(moments: Iterable[ChangeMoment[EventDetail]], event: ChangeEvent) -> list[ChangeMoment[EventDetail]]:
    return [moment for moment in moments if moment.event is event]
