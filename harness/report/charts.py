"""A trial over time as SVG: phases, the lives of pods, what the ingress did, requests, latency; one time axis.

Charts are data for Vega-Lite (by altair) and drawn by vl-convert in this process, without a browser or network.
Colours are the page's CSS variables, so that a chart follows light and dark like the text around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import altair as alt
import vl_convert

from harness.model.verdict import Mark, TrialVerdict, Window

#: Width of the plot and of the names at its left, in pixels of the drawing.
WIDTH, LEFT = 800, 150
_LANE, _REQUESTS, _LATENCY = 16, 110, 80
#: More pods than this are not told apart in a picture.
_MOST_PODS = 14

#: ``(kind, what)`` of a mark -> its row in the chart, its shape, its colour.
MARKS = {
    ("change", "applied"): ("change", "triangle-right", "var(--mark-change)"),
    ("change", "undone"): ("change", "triangle-left", "var(--mark-change)"),
    ("change", "observed"): ("change", "square", "var(--mark-change)"),
    ("change", "not-observed"): ("change", "cross", "var(--lossy)"),
    ("ingress", "reload"): ("ingress", "diamond", "var(--mark-reload)"),
    ("ingress", "endpoints"): ("ingress", "circle", "var(--mark-endpoints)"),
    ("endpoints", "changed"): ("endpoints", "circle", "var(--mark-endpoints)"),
}
_MARK_ROWS = ("change", "endpoints", "ingress")
#: What the axis of latencies is marked with, in milliseconds.
_POWERS = (0.01, 0.1, 1, 10, 100, 1000, 10_000, 100_000)
_OK, _OTHER, _LOST = "var(--ok-fill)", "var(--inconclusive)", "var(--lost-fill)"
_STATES = {"starting": "var(--pod-starting)", "ready": "var(--pod-ready)", "terminating": "var(--pod-terminating)"}


#: Name -> rows of a chart's data.
Datasets = dict[str, list[dict[str, Any]]]


def render(trial: TrialVerdict) -> str:
    """The trial's chart as an ``<svg>`` element; empty if it has nothing to show."""
    if not trial.series.sent:
        return ""
    end = trial.series.start + trial.series.bin_seconds * len(trial.series.sent)
    data: Datasets = {}
    parts = [
        part
        for part in (_phases(trial.phases, end, data), _pods(trial.pods, end, data), _marks(trial.marks, end, data))
        if part is not None
    ]
    parts += [_requests(trial, end, data), _latency(trial, end, data)]
    chart = alt.vconcat(*parts, spacing=6).configure(**_config())
    # Our own data in our own code: the schema has nothing to find, and looking costs as much as drawing; so would
    # data inside the charts, which altair copies again and again.
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict(validate=False) | {"datasets": data})
    return _embedded(svg, f"Chart of trial {trial.number} over {end:.1f} seconds: phases, pods, requests, latency")


def _config() -> dict[str, Any]:
    text = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "labelFontSize": 11, "titleFontSize": 11}
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    return {
        "background": "transparent",
        "aria": False,
        "font": "inherit",
        "padding": 4,
        "axis": {**text, **lines, "titleFontWeight": "normal", "labelLimit": LEFT - 12},
        "axisY": {"minExtent": LEFT - 20, "maxExtent": LEFT - 20},
        "view": {"stroke": None},
    }


def _time(end: float, *, labels: bool) -> alt.X:
    """The common time axis; only the lowest part writes it out."""
    shown = alt.Axis(title="seconds since traffic began", grid=True, gridOpacity=0.6, tickCount=12)
    hidden = alt.Axis(title=None, labels=False, ticks=False, domain=False, grid=True, gridOpacity=0.6, tickCount=12)
    return alt.X("t:Q", scale=alt.Scale(domain=[0, end], nice=False), axis=shown if labels else hidden)


def _chart(data: Datasets, name: str, values: list[dict[str, Any]]) -> alt.Chart:
    data[name] = values
    return alt.Chart(alt.NamedData(name))


def _row(values: list[str], *, labels: bool = True) -> alt.Y:
    axis = alt.Axis(title=None, ticks=False, domain=False, labels=labels, grid=False)
    return alt.Y("row:N", sort=None, scale=alt.Scale(domain=values, paddingInner=0.25, paddingOuter=0.1), axis=axis)


def _clipped(windows: Iterator[Window] | tuple[Window, ...], end: float) -> list[Window]:
    cut = [Window(max(0.0, w.start), min(end, w.end), w.label, w.state) for w in windows]
    return [w for w in cut if w.end > w.start]


def _phases(phases: tuple[Window, ...], end: float, data: Datasets) -> alt.LayerChart | None:
    windows = _clipped(phases, end)
    if not windows:
        return None
    values = [
        {
            "t": w.start,
            "t2": w.end,
            "middle": (w.start + w.end) / 2,
            "row": "phase",
            # A name that does not fit would run into its neighbour.
            "name": w.label if (w.end - w.start) / end * WIDTH > 7 * len(w.label) else "",
            "colour": "var(--phase-a)" if index % 2 == 0 else "var(--phase-b)",
        }
        for index, w in enumerate(windows)
    ]
    base = _chart(data, "phases", values).encode(y=_row(["phase"]))
    bars = base.mark_bar(height=18).encode(
        x=_time(end, labels=False),
        x2="t2:Q",
        color=_colour(),
    )
    names = base.mark_text(fontSize=11, color="var(--text)").encode(x="middle:Q", text="name:N")
    return alt.layer(bars, names).properties(width=WIDTH, height=20)


def _pods(pods: tuple[Window, ...], end: float, data: Datasets) -> alt.Chart | None:
    windows = _clipped(pods, end)
    names = list(dict.fromkeys(w.label for w in windows))[:_MOST_PODS]
    if not names:
        return None
    values = [
        {"t": w.start, "t2": w.end, "row": short_name(w.label), "colour": _STATES[w.state]}
        for w in windows
        if w.label in names
    ]
    return (
        _chart(data, "pods", values)
        .mark_bar(height=10, cornerRadius=2)
        .encode(
            x=_time(end, labels=False),
            x2="t2:Q",
            y=_row([short_name(name) for name in names]),
            color=_colour(),
        )
        .properties(width=WIDTH, height=_LANE * len(names))
    )


def _marks(marks: tuple[Mark, ...], end: float, data: Datasets) -> alt.Chart | None:
    values = []
    for mark in marks:
        if (mark.kind, mark.what) in MARKS and mark.at <= end:
            row, shape, colour = MARKS[mark.kind, mark.what]
            values.append({"t": mark.at, "row": row, "shape": shape, "colour": colour})
    rows = [row for row in _MARK_ROWS if any(value["row"] == row for value in values)]
    if not rows:
        return None
    return (
        _chart(data, "marks", values)
        .mark_point(filled=True, size=70, opacity=0.9)
        .encode(
            x=_time(end, labels=False),
            y=_row(rows),
            shape=alt.Shape("shape:N", scale=None, legend=None),
            color=_colour(),
        )
        .properties(width=WIDTH, height=_LANE * len(rows))
    )


def _requests(trial: TrialVerdict, end: float, data: Datasets) -> alt.LayerChart:
    series, width = trial.series, trial.series.bin_seconds
    values = []
    for index, (sent, ok, failed) in enumerate(zip(series.sent, series.ok, series.failed, strict=True)):
        start = series.start + index * width
        for colour, low, high in ((_OK, 0, ok), (_OTHER, ok, sent - failed), (_LOST, sent - failed, sent)):
            if high > low:
                values.append({"t": start, "t2": start + width, "low": low, "high": high, "colour": colour})
    axis = alt.Axis(title=f"requests per {width:g} s", tickCount=4, gridOpacity=0.6, tickMinStep=1)
    bars = (
        _chart(data, "requests", values)
        .mark_bar()
        .encode(
            x=_time(end, labels=False),
            x2="t2:Q",
            y=alt.Y("low:Q", axis=axis),
            y2="high:Q",
            color=_colour(),
        )
    )
    return alt.layer(bars, *_rules(trial, end, data)).properties(width=WIDTH, height=_REQUESTS)


def _latency(trial: TrialVerdict, end: float, data: Datasets) -> alt.LayerChart:
    series = trial.series
    values = [
        {"t": series.start + (index + 0.5) * series.bin_seconds, "p50": middle or None, "max": largest or None}
        for index, (middle, largest) in enumerate(zip(series.latency_p50, series.latency_max, strict=True))
    ]
    base = _chart(data, "latency", values).encode(x=_time(end, labels=True))
    powers = [power for power in _POWERS if _floor(series.latency_p50) <= power <= _ceiling(series.latency_max)]
    axis = alt.Axis(title="latency, ms", values=powers, gridOpacity=0.6, format="~g")
    # Logarithmic, since a median of 1 ms and a maximum of 3 s are both of interest.
    scale = alt.Scale(type="log", domain=[powers[0], powers[-1]], nice=False)
    largest = base.mark_line(color="var(--latency-max)", strokeWidth=1).encode(y=alt.Y("max:Q", axis=axis, scale=scale))
    middle = base.mark_line(color="var(--latency)", strokeWidth=1.8).encode(y="p50:Q")
    return alt.layer(largest, middle, *_rules(trial, end, data, labels=True)).properties(width=WIDTH, height=_LATENCY)


def _floor(values: tuple[float, ...]) -> float:
    least = min((value for value in values if value > 0), default=1.0)
    return max((power for power in _POWERS if power <= least), default=_POWERS[0])


def _ceiling(values: tuple[float, ...]) -> float:
    return min((power for power in _POWERS if power > max(values, default=0.0)), default=_POWERS[-1])


def _rules(trial: TrialVerdict, end: float, data: Datasets, *, labels: bool = False) -> Iterator[alt.Chart]:
    """Lines through the plot: when the change was made, and when the ingress reloaded."""
    for name, kinds, colour, dash in (
        ("changes", {("change", "applied"), ("change", "undone")}, "var(--mark-change)", [4, 3]),
        ("reloads", {("ingress", "reload")}, "var(--mark-reload)", [2, 2]),
    ):
        moments = sorted({mark.at for mark in trial.marks if (mark.kind, mark.what) in kinds and mark.at <= end})
        if moments:
            chart = _chart(data, name, [{"t": at} for at in moments])
            rule = chart.mark_rule(color=colour, strokeDash=dash, strokeWidth=1.2)
            # Layers share an axis only where they ask for the same one.
            yield rule.encode(x=_time(end, labels=labels))


def _colour() -> alt.Color:
    """The colour that a row of data names itself."""
    return alt.Color("colour:N", scale=None, legend=None)


def short_name(pod: str) -> str:
    """``apple … x7k2p`` for ``apple-66f9d8c7b5-x7k2p``: the hash is the same for all pods of a version."""
    parts = pod.split("-")
    return f"{'-'.join(parts[:-2])} {parts[-2][:4]}…{parts[-1]}" if len(parts) > 2 else pod


def _embedded(svg: str, label: str) -> str:
    """A drawing as part of a page: its size is the page's matter, and it says what it shows."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    start = svg.index(">") + 1
    head = f'<svg class="chart" viewBox="0 0 {size[1]} {size[2]}" role="img" aria-label="{label}">'
    body = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", svg[start:])
    return head + body
