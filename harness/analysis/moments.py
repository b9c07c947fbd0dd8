"""The timeline read as moments of the change: when it began, each repetition, when it ended.

Checks and charts ask the same questions of the timeline; here they are answered once. Times are seconds from the
traffic's origin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.analysis.evidence import TrialEvidence
from harness.model.timeline import Event, EventKind

NS = 1_000_000_000


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
        changes = [event for event in evidence.timeline if event.kind is EventKind.CHANGE]
        begin = _first(changes, "begin")
        end = _first(reversed(changes), "end")
        applied = _named(changes, "applied")
        return cls(
            begin=None if begin is None else seconds(begin.at),
            end=None if end is None else seconds(end.at),
            stop=_stop(evidence),
            starts=tuple(sorted(seconds(_begun(event)) for event in (*applied, *_turned(changes)))),
            applied=_numbers(applied),
            observed=_numbers(_named(changes, "observed")),
            missing=tuple(str(event.detail.get("missing", "")) for event in _named(changes, "not-observed")),
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


def _named(events: Iterable[Event], what: str) -> list[Event]:
    return [event for event in events if event.what == what]


def _turned(events: Iterable[Event]) -> list[Event]:
    """What begins within a repetition."""
    return [event for event in events if event.what in {"undone", "step", "rollback"}]


def _first(events: Iterable[Event], what: str) -> Event | None:
    return next((event for event in events if event.what == what), None)


def _begun(event: Event) -> int:
    return int(event.detail.get("begun", event.at))


def _numbers(events: Iterable[Event]) -> frozenset[int]:
    return frozenset(int(event.detail.get("n", 0)) for event in events)
