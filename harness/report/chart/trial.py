"""The chart of a trial: phases, pods, events, requests and latency on one time axis.

Colours are CSS variables of the page, so that a chart follows its light or dark mode.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from harness.model.events import ChangeEvent
from harness.model.timeline import EventKind
from harness.model.verdict import TrialVerdict
from harness.report.chart.drawing import FONT, FROM, LEFT, TO, WIDTH, Piece, time_of
from harness.report.chart.plots import answers, latency, losses, requests
from harness.report.chart.timeline import OTHER_POD_EVENTS, POD_EVENTS, STATES, short_name, timeline

#: Version of Vega's interpreter in the version of vl-convert that ``pyproject.toml`` asks for.
_INTERPRETER = "2.0.0"
#: Pixels around the drawing.
_PADDING = 4
#: Most events of which the page says when they were.
_MOST_EVENTS = 1000
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


#: Sentence of a report without charts.
NOT_INSTALLED = (
    "This report has no charts, because the extra 'report' is not installed. "
    "After pip install 'harness[report]', harness analyze DIR writes it again, with the same verdict and charts."
)


def is_installed() -> bool:
    """Return True if charts can be drawn: vl-convert is a part of the extra ``report``."""
    return find_spec("vl_convert") is not None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart in both of its forms.

    Attributes:
        svg: The whole trial as an ``<svg>`` element; it needs no script.
        data: What the page's script draws and says of a part of the trial; see ``_data``.
    """

    svg: str
    data: dict[str, Any]


def render(trial: TrialVerdict) -> Drawing | None:
    """Return the chart; None if nothing was sent, or if charts can't be drawn here."""
    if not trial.series.sent or not is_installed():
        return None
    import vl_convert  # noqa: PLC0415 - optional

    label = f"Trial {trial.number} over {time_of(trial).end:.1f} seconds: phases, pods, requests, latency"
    vega = vl_convert.vegalite_to_vega(specification(trial))
    svg = vl_convert.vega_to_svg(json.dumps(vega))
    return Drawing(_embedded(svg, label, _first_loss(trial)), _data(trial, vega, svg))


def _data(trial: TrialVerdict, vega: Piece, svg: str) -> dict[str, Any]:
    """Return the data of the page's script.

    ``vega`` is the specification, ``end`` the length of the time axis in seconds, and ``left`` the pixels of the
    drawing without the plots. ``series`` has the bins, ``phases`` a list of start, end and name, ``events`` a list of
    time and text, and ``losses`` the starts of the times with losses.
    """
    series = trial.series
    return {
        # Its schema is the address of a page that is not needed.
        "vega": {name: part for name, part in vega.items() if name != "$schema"},
        "end": time_of(trial).end,
        "left": round(_size(svg)[0] - WIDTH, 2),
        "series": {
            "start": float(series.start),
            "width": float(series.bin_seconds),
            "sent": series.sent,
            "ok": series.ok,
            "lost": series.failed,
            "p50": series.latency_p50,
            "max": series.latency_max,
        },
        "phases": [[float(phase.start), float(phase.end), phase.label] for phase in trial.phases],
        "events": sorted(_events(trial)),
        "losses": [float(window.start) for window in trial.losing[:1]],
    }


def _events(trial: TrialVerdict) -> Iterator[tuple[float, str]]:
    """Yield time and text of each event, those of pods with the pod's name."""
    of_pods = {(event.at, event.kind) for event in trial.pod_events}
    for mark in trial.marks[:_MOST_EVENTS]:
        if mark.kind != EventKind.POD and (mark.at, mark.kind) not in of_pods:
            yield float(mark.at), f"{mark.kind} {mark.subject}: {mark.what}"
    for event in trial.pod_events[:_MOST_EVENTS]:
        symbol = POD_EVENTS.get(event.what)
        text = symbol.text if symbol else OTHER_POD_EVENTS.get(event.what, event.what)
        yield float(event.at), f"{short_name(event.subject)}: {text}"


def _size(svg: str) -> tuple[float, float]:
    """Return width and height of a drawing in pixels."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    return float(size[1]), float(size[2])


def library() -> str:
    """Return Vega as a script that defines ``vega``; it draws the chart again when the reader zooms.

    It comes with vl-convert, so that the picture and the page's chart are drawn by the same version. Its interpreter
    lets it run on pages that forbid to make functions of text.
    """
    import vl_convert  # noqa: PLC0415 - optional

    script: str = vl_convert.javascript_bundle(
        f'import {{parse, View}} from "/npm/vega@{vl_convert.get_vega_version()}/+esm.js";'
        f'import {{expressionInterpreter}} from "/npm/vega-interpreter@{_INTERPRETER}/+esm.js";'
        "window.vega = {parse, View, expressionInterpreter};"
    )
    return script


def specification(trial: TrialVerdict) -> Piece:
    """Return the Vega-Lite specification of the chart."""
    time = time_of(trial)
    parts = [
        *timeline(trial, time),
        *losses(trial, time),
        requests(trial, time),
        *answers(trial, time),
        latency(trial, time),
    ]
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
    text = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "labelFontSize": 12, "titleFontSize": 12}
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    config = {
        "aria": False,
        "font": FONT,
        "axis": {**text, **lines, "titleFontWeight": "normal", "labelLimit": 0},
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
    width, height = _size(svg)
    start = svg.index(">") + 1
    # The plot ends at the right edge of the drawing, less the padding.
    at = "" if loss is None else f' data-loss="{1 - (_PADDING + (1 - loss) * WIDTH) / width:.4f}"'
    head = f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}"{at}>'
    # The whole trial needs no clipping, whose ids would be the same in all charts of a page.
    body = re.sub(r' (?:aria-[a-z]+|role|clip-path)="[^"]*"|<defs>.*?</defs>', "", svg[start:], flags=re.DOTALL)
    return head + body
