"""Charts follow Vega-Lite's schema and show any kind of trial."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import altair as alt
import pytest

from harness.model.verdict import Mark, Series, TrialVerdict, Window
from harness.report.chart import trial as chart
from harness.report.chart.standalone import light_colours, standalone
from harness.report.chart.timeline import short_name
from harness.testing.reports import sample_run


def trial_of(cell: str) -> TrialVerdict:
    """Return the first trial of a cell of the sample."""
    return next(c for c in sample_run().cells if c.id == cell).trials[0]


LOSSY = trial_of("bare--rolling-update")
EMPTY = Series(0.1, 0.0, (), (), (), (), ())
STRANGE = {
    "nothing known of pods and phases": replace(LOSSY, phases=(), pods=(), marks=()),
    "one bin": replace(LOSSY, series=Series(0.1, 0.0, (3,), (1,), (1,), (0.0,), (0.0,))),
    "nothing answered": replace(LOSSY, series=Series(0.1, 0.0, (3, 3), (0, 0), (3, 3), (0.0, 0.0), (0.0, 0.0))),
    "latency beyond every scale": replace(LOSSY, series=Series(0.1, 0.0, (1,), (1,), (0,), (2e6,), (3e6,))),
    "a state that nobody knows": replace(LOSSY, pods=(Window(0, 5, "apple", "levitating"),)),
    "all before the origin": replace(LOSSY, pods=(Window(-5, -1, "apple", "ready"),), phases=(Window(-2, -1, "x"),)),
    "marks after the end": replace(LOSSY, marks=(Mark(99.0, "change", "x", "applied"),)),
    "forty pods": replace(LOSSY, pods=tuple(Window(0, 5, f"pod-{n}", "ready") for n in range(40))),
}


def svg(trial: TrialVerdict) -> str:
    """Return the picture of a trial."""
    drawing = chart.render(trial)
    assert drawing is not None
    return drawing.svg


def layers(specification: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all layers of a chart."""
    return [layer for part in specification["vconcat"] for layer in part["layer"]]


@pytest.mark.parametrize("cell", [cell.id for cell in sample_run(("bare",)).cells])
def test_a_chart_keeps_vega_lites_schema(cell: str) -> None:
    """Vega-Lite would ignore an unknown word silently."""
    alt.Chart.from_dict(chart.specification(trial_of(cell)), validate=True)


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_trial_is_drawn(name: str) -> None:
    """Any evidence has a chart and a legend."""
    assert svg(STRANGE[name]).startswith("<svg ")
    assert chart.legend(STRANGE[name])


def test_without_traffic_there_is_no_picture() -> None:
    """An empty series has no time axis."""
    assert chart.render(replace(LOSSY, series=EMPTY)) is None


def test_answered_and_lost_requests_are_stacked() -> None:
    """In each bin, the areas reach from 0 to the number sent, without gap or overlap."""
    areas = [layer["data"]["values"] for layer in layers(chart.specification(LOSSY)) if layer["mark"]["type"] == "area"]
    ok, lost = areas

    assert [row["low"] for row in ok] == [0] * len(ok)
    assert [row["high"] for row in ok] == [row["low"] for row in lost]
    assert [row["high"] for row in lost][:-1] == list(LOSSY.series.sent)
    assert sum(row["high"] - row["low"] for row in lost[:-1]) == sum(LOSSY.series.failed)


def test_the_legend_has_only_what_is_shown() -> None:
    """Only the edit has a reload in its legend, and only the lossy trial has losses."""
    edit, lossy = (dict(chart.legend(trial)) for trial in (trial_of("graceful--ingress-edit"), LOSSY))

    assert ("reload" in edit, "lost" in edit) == (True, False)
    assert ("reload" in lossy, "lost" in lossy) == (False, True)


def test_an_undone_change_has_its_sign_in_the_legend() -> None:
    """◀ is drawn and explained only if a change was undone."""
    undone = replace(LOSSY, marks=(*LOSSY.marks, Mark(8.0, "change", "x", "undone")))

    assert "◀" in dict(chart.legend(undone))["undone"]
    assert "undone" not in dict(chart.legend(LOSSY))


def test_a_chart_says_where_its_first_loss_is() -> None:
    """A narrow page scrolls there. A loss at 4 s of 10 is left of the middle of the plot."""
    drawn = re.search(r'data-loss="([\d.]+)"', svg(LOSSY))

    assert drawn is not None
    assert 0.4 < float(drawn[1]) < 0.6
    assert "data-loss" not in svg(trial_of("bare--none"))


def test_colours_follow_the_page() -> None:
    """Every colour is a variable of the page, so that light and dark mode work."""
    drawn = svg(LOSSY)
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', drawn))

    assert {colour for colour in colours if not colour.startswith("var(--")} <= {"none", "transparent"}


def test_pods_of_one_version_keep_different_names() -> None:
    """A short name has letters of both the version and the pod."""
    assert short_name("apple-66f9d8c7b5-x7k2p") == "apple 66f9…x7k2p"
    assert short_name("web-0") == "web-0"


def test_each_lost_request_has_a_line_at_its_time() -> None:
    """Only the trial that lost requests has the row."""
    ticks = [layer for layer in layers(chart.specification(LOSSY)) if layer["mark"]["type"] == "tick"]

    assert [row["t"] for row in ticks[0]["data"]["values"]] == [attempt.sent for attempt in LOSSY.failed.kept]
    quiet = layers(chart.specification(trial_of("bare--none")))
    assert "tick" not in {layer["mark"]["type"] for layer in quiet}


def test_a_pods_events_are_in_its_row() -> None:
    """Each symbol is in the row of its pod, and explained in the legend; an event without a symbol is in neither."""
    strange = replace(
        LOSSY, pod_events=(*LOSSY.pod_events, Mark(4.5, "pod", LOSSY.pod_events[0].subject, "levitating"))
    )
    points = [
        row
        for layer in layers(chart.specification(strange))
        if layer["mark"]["type"] == "point"
        for row in layer["data"]["values"]
        if row["row"] == short_name(LOSSY.pod_events[0].subject)
    ]

    assert [(row["t"], row["shape"]) for row in points] == [(4.0, "triangle-up"), (5.2, "triangle-right")]
    assert chart.legend(strange) == chart.legend(LOSSY)
    assert {"pod-ready", "pod-gone", "pod-ingress-removed"} < set(dict(chart.legend(LOSSY)))


def test_signals_do_not_cover_each_other() -> None:
    """SIGTERM and the closing of the listener are at one time, so their symbols are above and below the row."""
    pod = LOSSY.pod_events[0].subject
    marks = tuple(Mark(4.5, "kubelet", pod, what, "derived") for what in ("sigterm", "listener-closed", "sigkill"))
    stopped = replace(LOSSY, pod_events=marks)
    drawn = {
        row["shape"]: layer["mark"].get("yOffset", 0)
        for layer in layers(chart.specification(stopped))
        if layer["mark"]["type"] == "point"
        for row in layer["data"]["values"]
        if row["row"] == short_name(pod)
    }

    assert set(drawn) == {"diamond", "square", "cross"}
    assert drawn["diamond"] == drawn["cross"] == -drawn["square"] < 0
    assert {"pod-sigterm", "pod-listener-closed", "pod-sigkill"} <= set(dict(chart.legend(stopped)))


def test_pods_whose_state_changes_are_shown_first() -> None:
    """Of too many pods, those that the change replaced have rows."""
    quiet = tuple(Window(0, 5, f"pod-{n}", "ready") for n in range(40))
    changed = (Window(0, 2, "replaced", "ready"), Window(2, 3, "replaced", "terminating"))
    drawn = chart.specification(replace(LOSSY, pods=(*quiet, *changed), pod_events=()))

    names = {row["row"] for layer in layers(drawn) if layer["mark"]["type"] == "bar" for row in layer["data"]["values"]}
    assert "replaced" in names
    assert len(names - {"phase"}) == 14


def test_the_page_can_draw_a_part_of_the_trial() -> None:
    """The specification for the page has the signals that its script sets, and the library what it calls."""
    drawing = chart.render(LOSSY)
    assert drawing is not None
    signals = {signal["name"]: signal.get("value") for signal in drawing.data["vega"]["signals"]}

    assert (signals["shown_from"], signals["shown_to"]) == (0, 10)
    assert drawing.data["losses"] == [4.0]
    assert [text for _, text in drawing.data["events"] if "deletion requested" in text]
    assert "expressionInterpreter" in chart.library()[-200:]


def test_a_chart_as_a_file_of_its_own() -> None:
    """It has the colours of reports as values, a label, and a size; a colour without a value is an error."""
    drawing = chart.render(LOSSY)
    assert drawing is not None
    text = standalone(drawing.svg)

    assert ET.fromstring(text).get("aria-label")
    assert "var(" not in text
    assert light_colours()["--lost-fill"] in text
    with pytest.raises(KeyError, match="--nothing"):
        standalone(drawing.svg.replace("var(--lost-fill)", "var(--nothing)"))
