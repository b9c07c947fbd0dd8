"""The lower parts of a trial's chart: plots of requests, versions and latency, with lines at changes and reloads."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.events import ChangeEvent
from harness.model.timeline import EventKind
from harness.model.verdict import Series, TrialVerdict
from harness.report.chart.drawing import ANSWERS, LATENCY, REQUESTS, ROW, Piece, Time, layer, part, rows

#: Possible ticks of the latency axis, in milliseconds.
_POWERS = (0.01, 0.1, 1, 10, 100, 1000, 10_000, 100_000)
#: Marks that become lines through the plots, with the line's colour and dashes.
_RULES = (
    (
        {
            (EventKind.CHANGE, event)
            for event in (ChangeEvent.APPLIED, ChangeEvent.UNDONE, ChangeEvent.STEP, ChangeEvent.ROLLBACK)
        },
        "var(--mark-change)",
        [4, 3],
    ),
    ({(EventKind.INGRESS, "reload")}, "var(--mark-reload)", [2, 2]),
)


def requests(trial: TrialVerdict, time: Time) -> Piece:
    """Return the plot of answered and lost requests, stacked. The height is the number of sent requests."""
    names = ["requests", f"per {trial.series.bin_seconds:g} s"]
    axis = {"tickCount": 4, "gridOpacity": 0.6, "tickMinStep": 1, **_title(names, REQUESTS)}
    height = {"field": "low", "type": "quantitative", "axis": axis}
    encoding = {"x": time.axis(), "y": height, "y2": {"field": "high"}}
    areas = [
        layer(data, "area", encoding, color=f"var(--{name}-fill)", interpolate="step-after")
        for name, data in _stacked(trial.series)
    ]
    return part(REQUESTS, *_shades(trial, time.axis(), time), *areas, *_rules(trial, time.axis(), time))


def losses(trial: TrialVerdict, time: Time) -> Iterator[Piece]:
    """Yield a row with a line at each lost request; nothing if none was lost.

    A bin of the plot below is wider than what separates a loss from its cause.
    """
    moments = [attempt.planned if attempt.sent is None else attempt.sent for attempt in trial.failed.kept]
    if moments:
        data = [{"t": at, "row": "lost"} for at in moments]
        encoding = {"x": time.axis(), "y": rows(["lost"])}
        yield part(ROW, layer(data, "tick", encoding, color="var(--lost-fill)", thickness=1.2, height=12))


def answers(trial: TrialVerdict, time: Time) -> Iterator[Piece]:
    """Yield the plot of answers by each of two versions, stacked; nothing if the change is not about versions."""
    old, new = trial.answering.old, trial.answering.new
    if not any(old) and not any(new):
        return
    axis = {"tickCount": 3, "gridOpacity": 0.6, "tickMinStep": 1, **_title(["answers", "old, new"], ANSWERS)}
    height = {"field": "low", "type": "quantitative", "axis": axis}
    encoding = {"x": time.axis(), "y": height, "y2": {"field": "high"}}
    bins = list(zip((*old, old[-1]), (*new, new[-1]), strict=True))
    bounds = {"old": [(0, a) for a, _ in bins], "new": [(a, a + b) for a, b in bins]}
    areas = [
        layer(
            [
                {"t": trial.series.start + index * trial.series.bin_seconds, "low": low, "high": high}
                for index, (low, high) in enumerate(pairs)
            ],
            "area",
            encoding,
            color=f"var(--{name}-fill)",
            interpolate="step-after",
        )
        for name, pairs in bounds.items()
    ]
    yield part(ANSWERS, *_shades(trial, time.axis(), time), *areas, *_rules(trial, time.axis(), time))


def latency(trial: TrialVerdict, time: Time) -> Piece:
    """Return the plot of median and longest latency, on a logarithmic scale."""
    series, x = trial.series, time.axis(labels=True)
    data = [
        {"t": series.start + (index + 0.5) * series.bin_seconds, "p50": middle or None, "max": longest or None}
        for index, (middle, longest) in enumerate(zip(series.latency_p50, series.latency_max, strict=True))
    ]
    powers = _powers(series)
    axis = {"values": powers, "gridOpacity": 0.6, "format": "~g", **_title(["latency, ms"], LATENCY)}
    scale = {"type": "log", "domain": [powers[0], powers[-1]], "nice": False}
    lines = [
        layer(
            data,
            "line",
            {"x": x, "y": {"field": field, "type": "quantitative", "axis": axis, "scale": scale}},
            color=colour,
            strokeWidth=width,
        )
        for field, colour, width in (("max", "var(--latency-max)", 1), ("p50", "var(--latency)", 1.8))
    ]
    return part(LATENCY, *_shades(trial, x, time), *lines, *_rules(trial, x, time))


def _title(text: list[str], height: int) -> Piece:
    """Return a horizontal axis title to the left of the numbers, where other parts have their row names."""
    place = {"titleX": -38, "titleY": height / 2, "titleAlign": "right", "titleBaseline": "middle"}
    return {"title": text, "titleAngle": 0, **place}


def _stacked(series: Series) -> Iterator[tuple[str, list[Piece]]]:
    """Yield the areas of answered, undecided and lost requests, with lower and upper bound in each bin."""
    bins = list(zip(series.sent, series.ok, series.failed, strict=True))
    # A step reaches from each row to the next one, so the last bin is repeated to get its width.
    bins.append(bins[-1])
    times = [series.start + index * series.bin_seconds for index in range(len(bins))]
    for name, bounds in (
        ("ok", [(0, ok) for _, ok, _ in bins]),
        ("other", [(ok, sent - lost) for sent, ok, lost in bins]),
        ("lost", [(sent - lost, sent) for sent, _, lost in bins]),
    ):
        if any(high > low for low, high in bounds):
            yield name, [{"t": at, "low": low, "high": high} for at, (low, high) in zip(times, bounds, strict=True)]


def _powers(series: Series) -> list[float]:
    """Return at least two powers of ten, from below the least median to above the longest latency."""
    least = min((value for value in series.latency_p50 if value > 0), default=1.0)
    floor = max((power for power in _POWERS[:-1] if power <= least), default=_POWERS[0])
    longest = max(floor, *series.latency_max)
    ceiling = min((power for power in _POWERS if power > longest), default=_POWERS[-1])
    return [power for power in _POWERS if floor <= power <= ceiling]


def _rules(trial: TrialVerdict, x: Piece, time: Time) -> Iterator[Piece]:
    """Yield vertical lines at the times of changes and of reloads of the ingress."""
    for kinds, colour, dash in _RULES:
        moments = sorted({mark.at for mark in trial.marks if (mark.kind, mark.what) in kinds and mark.at <= time.end})
        if moments:
            data = [{"t": at} for at in moments]
            yield layer(data, "rule", {"x": x}, color=colour, strokeDash=dash, strokeWidth=1.2)


def _shades(trial: TrialVerdict, x: Piece, time: Time) -> Iterator[Piece]:
    """Yield a shaded background for the phase of the change."""
    windows = [window for window in time.clip(trial.phases) if window.label == "change"]
    if windows:
        data = [{"t": window.start, "t2": window.end} for window in windows]
        yield layer(data, "rect", {"x": x, "x2": {"field": "t2"}}, color="var(--phase-change)")
