"""The upper parts of a trial's chart: rows for phases, pods, and events of the change, endpoints and ingress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.model.events import ChangeEvent
from harness.model.timeline import EventKind
from harness.model.verdict import Mark, TrialVerdict, Window
from harness.report.chart.drawing import OWN_COLOUR, ROW, WIDTH, Piece, Time, layer, part, rows

#: Maximum number of pods in a chart; more would be unreadable.
_MOST_PODS = 14
#: Width of a letter of a phase's name in pixels.
_LETTER = 7
#: Shape channel for data whose rows name their shape.
_OWN_SHAPE: Piece = {"field": "shape", "type": "nominal", "scale": None, "legend": None}
#: State of a pod -> its colour.
STATES = {"starting": "var(--pod-starting)", "ready": "var(--pod-ready)", "terminating": "var(--pod-terminating)"}
#: ``(kind, what)`` of a mark -> its row in the chart, shape and colour.
_MARKS: Mapping[tuple[str, str], tuple[str, str, str]] = {
    (EventKind.CHANGE, ChangeEvent.APPLIED): ("change made", "triangle-right", "var(--mark-change)"),
    (EventKind.CHANGE, ChangeEvent.UNDONE): ("change made", "triangle-left", "var(--mark-change)"),
    (EventKind.CHANGE, ChangeEvent.OBSERVED): ("change observed", "square", "var(--mark-change)"),
    (EventKind.CHANGE, ChangeEvent.NOT_OBSERVED): ("change observed", "cross", "var(--lost-fill)"),
    (EventKind.ENDPOINTS, "changed"): ("endpoints", "circle", "var(--mark-endpoints)"),
    (EventKind.INGRESS, "endpoints"): ("ingress", "circle", "var(--mark-endpoints)"),
    (EventKind.INGRESS, "configured"): ("ingress", "circle", "var(--mark-endpoints)"),
    (EventKind.INGRESS, "reload"): ("ingress", "diamond", "var(--mark-reload)"),
}


@dataclass(frozen=True, slots=True)
class PodSymbol:
    """The symbol of a pod's event.

    Attributes:
        text: Its text in the legend.
        shape: Its shape, as Vega names it.
        colour: Its colour.
        dy: Pixels below the middle of the row, so that events at one time do not cover each other.
    """

    text: str
    shape: str
    colour: str
    dy: int = 0


#: Word of a pod's event -> its symbol. Other events have none.
POD_EVENTS: Mapping[str, PodSymbol] = {
    "ready": PodSymbol("pod ready", "triangle-up", "var(--mark-change)"),
    "stopping": PodSymbol("kubelet stops it: preStop, then SIGTERM", "triangle-down", "var(--mark-change)"),
    "sigterm": PodSymbol("SIGTERM sent (derived)", "diamond", "var(--mark-change)", -6),
    "listener-closed": PodSymbol("listener closed (derived)", "square", "var(--lost-fill)", 6),
    "sigkill": PodSymbol("SIGKILL sent (derived)", "cross", "var(--lost-fill)", -6),
    "hook-failed": PodSymbol("preStop hook failed", "cross", "var(--lost-fill)"),
    "endpoint-removed": PodSymbol("endpoint removed", "circle", "var(--mark-endpoints)"),
    "ingress-added": PodSymbol("ingress sends to it", "triangle-right", "var(--mark-reload)"),
    "ingress-removed": PodSymbol("ingress stops sending to it", "triangle-left", "var(--mark-reload)"),
    "gone": PodSymbol("pod gone", "square", "var(--mark-change)"),
}
#: Word of a pod's event without a symbol -> its text.
OTHER_POD_EVENTS = {
    "terminating": "deletion requested",
    "unready": "no longer ready",
    "endpoint-added": "endpoint added",
}
_MARK_ROWS = ("change made", "change observed", "endpoints", "ingress")


def timeline(trial: TrialVerdict, time: Time) -> Iterator[Piece]:
    """Yield the parts that have data, from top to bottom."""
    yield from _phases(time.clip(trial.phases), time)
    yield from _pods(time.clip(trial.pods), trial.pod_events, time)
    yield from _happenings(trial.marks, time)


def short_name(pod: str) -> str:
    """Return ``apple 66f9…x7k2p`` for ``apple-66f9d8c7b5-x7k2p``: short, and different for each pod of a Deployment."""
    parts = pod.split("-")
    return f"{'-'.join(parts[:-2])} {parts[-2][:4]}…{parts[-1]}" if len(parts) > 2 else pod


def _phases(windows: list[Window], time: Time) -> Iterator[Piece]:
    if not windows:
        return
    data = [
        {
            "t": window.start,
            "t2": window.end,
            "middle": (window.start + window.end) / 2,
            "row": "phase",
            "name": _fitting(window, time),
            "colour": "var(--phase-change)" if window.label == "change" else "var(--phase)",
        }
        for window in windows
    ]
    row = rows(["phase"])
    bars = layer(data, "bar", {"x": time.axis(), "x2": {"field": "t2"}, "y": row, "color": OWN_COLOUR}, height=18)
    middle = {"field": "middle", "type": "quantitative"}
    name = {"field": "name", "type": "nominal"}
    yield part(20, bars, layer(data, "text", {"x": middle, "y": row, "text": name}, fontSize=11, color="var(--text)"))


def _fitting(window: Window, time: Time) -> str:
    """Return the name of a phase; empty if it is too long for the phase's bar."""
    return window.label if (window.end - window.start) / time.end * WIDTH > _LETTER * len(window.label) else ""


def _pods(windows: list[Window], events: tuple[Mark, ...], time: Time) -> Iterator[Piece]:
    names = _chosen([window.label for window in windows])
    if not names:
        return
    data = [
        {"t": window.start, "t2": window.end, "row": short_name(window.label), "colour": STATES[window.state]}
        for window in windows
        if window.label in names and window.state in STATES
    ]
    row = rows([short_name(name) for name in names])
    encoding = {"x": time.axis(), "x2": {"field": "t2"}, "y": row, "color": OWN_COLOUR}
    bars = layer(data, "bar", encoding, height=10, cornerRadius=2)
    yield part(ROW * len(names), bars, *_pod_events(names, events, time))


def _chosen(labels: list[str]) -> list[str]:
    """Return the pods to show, in order: those whose state changed first, then those that stayed as they were."""
    names = list(dict.fromkeys(labels))
    changed = [name for name in names if labels.count(name) > 1]
    stayed = [name for name in names if name not in changed]
    chosen = {*[*changed, *stayed][:_MOST_PODS]}
    return [name for name in names if name in chosen]


def _pod_events(names: list[str], events: tuple[Mark, ...], time: Time) -> Iterator[Piece]:
    shown = [
        (event, POD_EVENTS[event.what])
        for event in events
        if event.subject in names and event.what in POD_EVENTS and event.at <= time.end
    ]
    encoding = {
        "x": time.axis(), "y": rows([short_name(name) for name in names]), "shape": _OWN_SHAPE, "color": OWN_COLOUR,
    }  # fmt: skip
    outline = {"stroke": "var(--surface)", "strokeWidth": 0.8}
    for dy in sorted({symbol.dy for _, symbol in shown}):
        data = [
            {"t": event.at, "row": short_name(event.subject), "shape": symbol.shape, "colour": symbol.colour}
            for event, symbol in shown
            if symbol.dy == dy
        ]
        place = {"yOffset": dy, "size": 35} if dy else {"size": 55}
        yield layer(data, "point", encoding, filled=True, opacity=1, **place, **outline)


def _happenings(marks: tuple[Mark, ...], time: Time) -> Iterator[Piece]:
    data = []
    for mark in marks:
        if (mark.kind, mark.what) in _MARKS and mark.at <= time.end:
            row, shape, colour = _MARKS[mark.kind, mark.what]
            data.append({"t": mark.at, "row": row, "shape": shape, "colour": colour})
    names = [row for row in _MARK_ROWS if any(value["row"] == row for value in data)]
    if not names:
        return
    encoding = {"x": time.axis(), "y": rows(names), "shape": _OWN_SHAPE, "color": OWN_COLOUR}
    yield part(ROW * len(names), layer(data, "point", encoding, filled=True, size=70, opacity=0.9))
