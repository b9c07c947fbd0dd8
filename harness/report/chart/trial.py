"""A trial's chart: phases, the lives of pods, what the ingress did, requests, latency; one time axis.

Colours are the page's CSS variables, so that a chart follows light and dark like the text around it.
"""

from __future__ import annotations

import re

import vl_convert

from harness.model.events import ChangeEvent
from harness.model.timeline import EventKind
from harness.model.verdict import TrialVerdict
from harness.report.chart.drawing import LEFT, WIDTH, Piece, time_of
from harness.report.chart.lanes import STATES, lanes
from harness.report.chart.plots import answers, latency, requests

#: Pixels around the drawing.
_PADDING = 4
#: What the legend says of each colour and sign, in its order.
_LEGEND = {
    "ok": "answered",
    "lost": "lost",
    "other": "no outcome",
    "old": "answered by the old version (or A)",
    "new": "by the new version (or B)",
    "p50": "latency, median",
    "max": "latency, longest",
    "starting": "pod starting",
    "ready": "pod ready",
    "terminating": "pod terminating",
    "change": "change made (▶), seen to have happened (■)",
    "undone": "change taken back (◀)",
    "reload": "ingress reloads",
    "endpoints": "endpoints change, ingress follows",
}


def render(trial: TrialVerdict) -> str:
    """The trial's chart as an ``<svg>`` element; empty if it has nothing to show."""
    if not trial.series.sent:
        return ""
    label = f"Trial {trial.number} over {time_of(trial).end:.1f} seconds: phases, pods, requests, latency"
    return _embedded(vl_convert.vegalite_to_svg(specification(trial)), label, _first_loss(trial))


def specification(trial: TrialVerdict) -> Piece:
    """The chart for Vega-Lite."""
    time = time_of(trial)
    parts = [*lanes(trial, time), requests(trial, time), *answers(trial, time), latency(trial, time)]
    return {"vconcat": parts, "spacing": 6, **_look()}


def legend(trial: TrialVerdict) -> tuple[tuple[str, str], ...]:
    """What a trial's chart shows: each sign's name and its meaning."""
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
        **{state: any(window.state == state for window in trial.pods) for state in STATES},
    }
    return tuple((name, text) for name, text in _LEGEND.items() if shown[name])


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
    """Where in the plot the first loss is, from 0 to 1; None if there is none."""
    end = time_of(trial).end
    return min(1.0, max(0.0, trial.losing[0].start / end)) if trial.losing and end else None


def _embedded(svg: str, label: str, loss: float | None) -> str:
    """A drawing as part of a page: its size is the page's matter, and it says what it shows.

    Where there is no room for all of it, a page scrolls to ``data-loss``, the first loss as a part of its width.
    """
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    start = svg.index(">") + 1
    width = float(size[1])
    # The plot ends where the drawing does, but for its padding.
    at = "" if loss is None else f' data-loss="{1 - (_PADDING + (1 - loss) * WIDTH) / width:.4f}"'
    head = f'<svg class="chart" viewBox="0 0 {size[1]} {size[2]}" role="img" aria-label="{label}"{at}>'
    body = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", svg[start:])
    return head + body
