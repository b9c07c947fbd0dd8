"""``harness validate`` and a run's progress use singular and plural correctly."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from harness.cli.progress import PlainProgress
from harness.cli.validate import describe
from harness.model.changes import NoChange
from harness.model.experiment import Cell, Configuration, Experiment, Route, TrafficPlan

ONE = Experiment(
    "e",
    "e.yaml",
    (),
    "ingress-nginx",
    TrafficPlan(rate=10, routes=(Route("/"),)),
    (Cell(Configuration((), ()), NoChange(name="none")),),
)


@pytest.mark.parametrize(
    ("experiment", "text"),
    [(ONE, "1 cell, 1 trial each"), (replace(ONE, cells=ONE.cells * 3, trials=2), "3 cells, 2 trials each")],
)
def test_an_experiment_is_described(experiment: Experiment, text: str) -> None:
    """It says "1 cell" and "1 trial"."""
    assert f"e.yaml: valid. {text}:" in describe(experiment)


@pytest.mark.parametrize(("names", "text"), [(("a",), "1 trial, "), (("a", "b"), "2 trials, ")])
def test_progress_counts_trials(names: tuple[str, ...], text: str) -> None:
    """The first line of a log says "1 trial"."""
    out = io.StringIO()
    PlainProgress(Console(file=out)).began(names, 1, "reports/x")

    assert out.getvalue().startswith(text)
