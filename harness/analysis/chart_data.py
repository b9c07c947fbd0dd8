"""Turns the timeline into data for the chart and the event list: phases, lives of pods, and marks."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analysis.evidence import TrialEvidence
from harness.analysis.moments import Moments, Seconds
from harness.analysis.workload import PodLife, pod_lives
from harness.model.timeline import Event, EventKind, Phase
from harness.model.verdict import Mark, Window

#: Events left out because the bands of the pods' lives show them already.
_SHOWN_AS_BANDS = {
    (EventKind.POD, "scheduled"),
    (EventKind.POD, "started"),
    (EventKind.KUBELET, "Scheduled"),
    (EventKind.KUBELET, "Pulled"),
    (EventKind.KUBELET, "Created"),
    (EventKind.KUBELET, "Started"),
    (EventKind.INGRESS, "sync"),
}
#: Details left out because they repeat the event or mean nothing to a reader.
_OMITTED_DETAILS = {
    "kind",
    "n",
    "begun",
    "image",
    "app",
    "hash",
    "version",
    "object",
    "count",
    "deletion",
    "new_workers_up_ns",
}


def phases_of(evidence: TrialEvidence) -> tuple[Window, ...]:
    """Return the trial's phases; one that never ended lasts until the last event."""
    seconds = Seconds(evidence.origin_ns)
    begun = [event for event in evidence.timeline if event.kind is EventKind.PHASE and event.what == "begin"]
    if not begun or not evidence.origin_ns:
        return ()
    last = max(event.at for event in evidence.timeline)
    ends = [event.at for event in begun[1:]] + [last]
    return tuple(
        Window(max(0.0, seconds(event.at)), seconds(end), str(event.subject))
        for event, end in zip(begun, ends, strict=True)
        if event.subject != Phase.DONE
    )


def pods_of(evidence: TrialEvidence, moments: Moments) -> tuple[Window, ...]:
    """Return the lives of pods, each in up to three windows: ``starting``, ``ready``, ``terminating``."""
    if not evidence.origin_ns:
        return ()
    return tuple(window for life in pod_lives(evidence) for window in _states(life, moments.stop))


def _states(life: PodLife, stop: float) -> Iterator[Window]:
    end = stop if life.gone is None else life.gone
    leaving = end if life.terminating is None else life.terminating
    ready = leaving if life.ready is None else min(life.ready, leaving)
    for start, finish, state in (
        (life.created, ready, "starting"),
        (ready, leaving, "ready"),
        (leaving, end, "terminating"),
    ):
        if finish > max(start, 0.0):
            yield Window(start, finish, life.name, state)


def marks_of(evidence: TrialEvidence) -> tuple[Mark, ...]:
    """Return the events since the traffic's start, in order; earlier events belong to the bring-up."""
    if not evidence.origin_ns:
        return ()
    seconds = Seconds(evidence.origin_ns)
    events = sorted(evidence.timeline, key=lambda event: event.at)
    return tuple(
        Mark(seconds(event.at), str(event.kind), event.subject, event.what, _text(event))
        for event in events
        if event.at >= evidence.origin_ns
        and event.kind is not EventKind.PHASE
        and (event.kind, event.what) not in _SHOWN_AS_BANDS
    )


def _text(event: Event) -> str:
    """Return an event's message, or else its details."""
    if message := event.detail.get("message"):
        return str(message)
    return ", ".join(
        f"{key} {value}" for key, value in event.detail.items() if key not in _OMITTED_DETAILS and value != ""
    )
