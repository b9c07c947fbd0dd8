"""The chart of a trial: phases, pods, events, requests and latency on one time axis.

Colours are CSS variables of the page, so that a chart follows its light or dark mode.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import vl_convert

from harness.model.events import ChangeEvent
from harness.model.timeline import EventKind
from harness.model.verdict import TrialVerdict
from harness.report.chart.drawing import FROM, LEFT, TO, WIDTH, Piece, time_of
from harness.report.chart.plots import answers, latency, requests
from harness.report.chart.timeline import POD_EVENTS, STATES, timeline

#: Pixels around the drawing.
_PADDING = 4
#: Colour or sign -> its text in the legend, in order.
_LEGEND = {
    "ok": "answered",
    "lost": "lost",
    "other": "no outcome",
    "old": "answered by the old version (or A)",
    "new": "answered by the new version (or B)",
    "p50": "latency, median",
    "max": "latency, longest",
    "starting": "pod starting",
    "ready": "pod ready",
    "terminating": "pod terminating",
    **{f"pod-{what}": event.text for what, event in POD_EVENTS.items()},
    "change": "change made (▶), observed (■)",
    "undone": "change undone (◀)",
    "reload": "ingress reloads",
    "endpoints": "endpoints change, ingress follows",
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart in both of its forms.

    Attributes:
        svg: The whole trial as an ``<svg>`` element; it needs no script.
        vega: The specification from which the page draws a part of the trial, as JSON.
    """

    svg: str
    vega: str


def render(trial: TrialVerdict) -> Drawing | None:
    """Return the chart; None if nothing was sent."""
    if not trial.series.sent:
        return None
    label = f"Trial {trial.number} over {time_of(trial).end:.1f} seconds: phases, pods, requests, latency"
    vega = json.dumps(
        vl_convert.vegalite_to_vega(specification(trial)), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    return Drawing(_embedded(vl_convert.vega_to_svg(vega), label, _first_loss(trial)), vega)


def library() -> str:
    """Return Vega as a script that defines ``vega``; it draws the chart again when the reader zooms.

    It comes with vl-convert, so that the picture and the page's chart are drawn by the same version.
    """
    script: str = vl_convert.javascript_bundle("window.vega = {parse: vega.parse, View: vega.View};")
    return script


def specification(trial: TrialVerdict) -> Piece:
    """Return the Vega-Lite specification of the chart."""
    time = time_of(trial)
    parts = [*timeline(trial, time), requests(trial, time), *answers(trial, time), latency(trial, time)]
    shown = [{"name": FROM, "value": 0}, {"name": TO, "value": time.end}]
    return {"params": shown, "vconcat": parts, "spacing": 6, **_look()}


def legend(trial: TrialVerdict) -> tuple[tuple[str, str], ...]:
    """Return name and text of each colour and sign that the chart of a trial uses."""
    series = trial.series
    marks = {(mark.kind, mark.what) for mark in trial.marks}
    shown = {
        "ok": any(series.ok),
        "lost": any(series.failed),
        "other": sum(series.sent) > sum(series.ok) + sum(series.failed),
        "old": any(trial.answering.old),
        "new": any(trial.answering.new),
        "p50": any(series.latency_p50),
        "max": any(series.latency_max),
        "change": any(kind == EventKind.CHANGE for kind, _ in marks),
        "undone": (EventKind.CHANGE, ChangeEvent.UNDONE) in marks,
        "reload": ("ingress", "reload") in marks,
        "endpoints": bool({("ingress", "endpoints"), ("ingress", "configured"), ("endpoints", "changed")} & marks),
        **{f"pod-{what}": True for what in {event.what for event in trial.pod_events} & set(POD_EVENTS)},
        **{state: any(window.state == state for window in trial.pods) for state in STATES},
    }
    return tuple((name, text) for name, text in _LEGEND.items() if shown.get(name))


def _look() -> Piece:
    text = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "labelFontSize": 11, "titleFontSize": 11}
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    config = {
        "aria": False,
        "font": "inherit",
        "axis": {**text, **lines, "titleFontWeight": "normal", "labelLimit": LEFT - 12},
        "axisY": {"minExtent": LEFT - 20, "maxExtent": LEFT - 20},
        "view": {"stroke": None},
    }
    return {"background": "transparent", "padding": _PADDING, "config": config}


def _first_loss(trial: TrialVerdict) -> float | None:
    """Return the position of the first loss in the plot, from 0 to 1; None if there is no loss."""
    end = time_of(trial).end
    return min(1.0, max(0.0, trial.losing[0].start / end)) if trial.losing and end else None


def _embedded(svg: str, label: str, loss: float | None) -> str:
    """Return a drawing for a page, without a fixed size and with a label for screen readers.

    If the drawing is wider than the page, the page scrolls to ``data-loss``: the position of the first loss, as a
    fraction of the width.
    """
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    start = svg.index(">") + 1
    width = float(size[1])
    # The plot ends at the right edge of the drawing, less the padding.
    at = "" if loss is None else f' data-loss="{1 - (_PADDING + (1 - loss) * WIDTH) / width:.4f}"'
    head = f'<svg class="chart" viewBox="0 0 {size[1]} {size[2]}" role="img" aria-label="{label}"{at}>'
    body = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", svg[start:])
    return head + body
