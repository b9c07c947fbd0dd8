"""Elements that all parts of a chart share: the time axis, named rows, and helpers for Vega-Lite specifications.

Specifications are plain dictionaries. Building them with altair's classes takes as long as drawing them, because its
layers copy their charts, and importing altair takes a fifth of a second. A test validates them against the Vega-Lite
schema that altair ships.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.model.verdict import TrialVerdict, Window

#: A part of a Vega-Lite specification, or a row of data.
Piece = dict[str, Any]

#: Width of the plot, and of the row names to its left, in pixels.
WIDTH, LEFT = 900, 150
#: Height in pixels of a row, and of the plots of requests, versions and latencies.
ROW, REQUESTS, ANSWERS, LATENCY = 18, 110, 60, 80

#: Font of texts; pages and files put their own in its place. Vega measures texts much slower in a font without a name.
FONT = "sans-serif"

#: Number of ticks of the time axis: one for each 75 pixels.
_TICKS: Piece = {"expr": "max(3, floor(width / 75))"}
#: Signals that hold the shown part of the time axis, in seconds.
FROM, TO = "shown_from", "shown_to"

#: Colour channel for data whose rows name their colour.
OWN_COLOUR: Piece = {"field": "colour", "type": "nominal", "scale": None, "legend": None}


@dataclass(frozen=True, slots=True)
class Time:
    """The time axis of all parts of a chart, from 0 to ``end`` seconds."""

    end: float

    def axis(self, *, labels: bool = False) -> Piece:
        """Return the horizontal channel. Only the lowest part of a chart shows its labels."""
        shown = {"title": "seconds since traffic began"}
        hidden = {"title": None, "labels": False, "ticks": False, "domain": False}
        axis = {**(shown if labels else hidden), "grid": True, "gridOpacity": 0.6, "tickCount": _TICKS}
        # Signals in place of numbers, so that the page can zoom.
        scale = {"domainMin": {"expr": FROM}, "domainMax": {"expr": TO}, "nice": False, "zero": False}
        return {"field": "t", "type": "quantitative", "scale": scale, "axis": axis}

    def clip(self, windows: Iterable[Window]) -> list[Window]:
        """Return the windows, cut to the chart's time."""
        cut = (Window(max(0.0, w.start), min(self.end, w.end), w.label, w.state) for w in windows)
        return [window for window in cut if window.end > window.start]


def time_of(trial: TrialVerdict) -> Time:
    """Return the time axis of a trial, as long as its series."""
    return Time(trial.series.start + trial.series.bin_seconds * len(trial.series.sent))


def rows(names: Sequence[str]) -> Piece:
    """Return the vertical channel of a part that has a row for each name."""
    axis = {"title": None, "ticks": False, "domain": False, "grid": False, "labelLimit": LEFT - 12}
    scale = {"type": "band", "domain": list(names), "paddingInner": 0.25, "paddingOuter": 0.1}
    return {"field": "row", "type": "nominal", "sort": None, "scale": scale, "axis": axis}


def values(data: Sequence[Piece]) -> Piece:
    """Return data as Vega-Lite's inline data."""
    return {"values": list(data)}


def layer(data: Sequence[Piece], mark: str, encoding: Mapping[str, Any], **properties: object) -> Piece:
    """Return a layer that draws data with one kind of mark."""
    return {"data": values(data), "mark": {"type": mark, "clip": True, **properties}, "encoding": dict(encoding)}


def part(height: int, *layers: Piece) -> Piece:
    """Return a part of the chart, with the common width."""
    return {"layer": list(layers), "width": WIDTH, "height": height}
