"""What every part of a chart shares: one time axis, rows with names, and Vega-Lite's words for them.

Specifications are plain data, as Vega-Lite has them: to build them by altair's classes costs as much time as to draw
them (its layers copy their charts again and again), and a fifth of a second at each start of the program. A test holds
them against Vega-Lite's schema as altair has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.model.verdict import TrialVerdict, Window

#: A piece of a Vega-Lite specification, or a row of data.
Piece = dict[str, Any]

#: Width of the plot and of the names at its left, in pixels of the drawing.
WIDTH, LEFT = 800, 150
#: Height of a row, of the plot of requests, of that of versions and of that of latencies.
LANE, REQUESTS, ANSWERS, LATENCY = 16, 110, 60, 80

#: The colour that a row of data names itself.
OWN_COLOUR: Piece = {"field": "colour", "type": "nominal", "scale": None, "legend": None}


@dataclass(frozen=True, slots=True)
class Time:
    """The time axis that all parts of a chart have in common, from 0 to ``end`` seconds."""

    end: float

    def axis(self, *, labels: bool = False) -> Piece:
        """The horizontal channel; only the lowest part writes it out."""
        shown = {"title": "seconds since traffic began"}
        hidden = {"title": None, "labels": False, "ticks": False, "domain": False}
        axis = {**(shown if labels else hidden), "grid": True, "gridOpacity": 0.6, "tickCount": 12}
        scale = {"domain": [0, self.end], "nice": False}
        return {"field": "t", "type": "quantitative", "scale": scale, "axis": axis}

    def clip(self, windows: Iterable[Window]) -> list[Window]:
        """Windows as far as they are within the chart's time."""
        cut = (Window(max(0.0, w.start), min(self.end, w.end), w.label, w.state) for w in windows)
        return [window for window in cut if window.end > window.start]


def time_of(trial: TrialVerdict) -> Time:
    """A trial's time: as long as its series."""
    return Time(trial.series.start + trial.series.bin_seconds * len(trial.series.sent))


def rows(names: Sequence[str]) -> Piece:
    """The vertical channel of parts that have a row per name."""
    axis = {"title": None, "ticks": False, "domain": False, "grid": False}
    scale = {"domain": list(names), "paddingInner": 0.25, "paddingOuter": 0.1}
    return {"field": "row", "type": "nominal", "sort": None, "scale": scale, "axis": axis}


def values(data: Sequence[Piece]) -> Piece:
    """Data in its place."""
    return {"values": list(data)}


def layer(data: Sequence[Piece], mark: str, encoding: Mapping[str, Any], **properties: object) -> Piece:
    """Data drawn by one kind of mark."""
    return {"data": values(data), "mark": {"type": mark, **properties}, "encoding": dict(encoding)}


def part(height: int, *layers: Piece) -> Piece:
    """A part of the chart, of the common width."""
    return {"layer": list(layers), "width": WIDTH, "height": height}
