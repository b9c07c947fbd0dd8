"""Two Experiments become one whose cells run in turn; two that differ in their traffic do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from documentation import ROOT

from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.model.experiment import Experiment
from harness.runner.comparison.joining import joined
from harness.runner.trial_order import plan_jobs
from harness.store.rundir import RunDirectory


@pytest.fixture(scope="module")
def demo() -> Experiment:
    """Read the demo."""
    return load_experiment(ROOT / "experiments" / "demo.yaml")


def test_cells_of_both_sides_run_in_turn(demo: Experiment, tmp_path: Path) -> None:
    """Each round has every cell, the two sides of a cell next to each other."""
    both = joined(demo, demo, trials=2, only={"bare--delete-pod"})
    jobs = plan_jobs(both, RunDirectory.create(tmp_path / "run", "both"), in_rounds=True)

    cells = ["before+bare--none", "after+bare--none", "before+bare--delete-pod", "after+bare--delete-pod"]
    assert [job.name for job in jobs] == [f"{cell} #{number}" for number in (1, 2) for cell in cells]


def test_every_cell_is_taken_without_a_choice(demo: Experiment) -> None:
    """Twice as many as each side has, with its expectations."""
    both = joined(demo, demo, trials=1)

    assert len(both.cells) == 2 * len(demo.cells)
    assert both.cells[0].expectation == both.cells[1].expectation == demo.cells[0].expectation


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"ingress": "traefik"}, "ingress controller"),
        ({"entry": "apple-service"}, "entry"),
        ({"cells": ()}, "no cell in common"),
    ],
)
def test_sides_that_differ_in_more_are_refused(demo: Experiment, change: dict[str, str], word: str) -> None:
    """A difference would have two possible causes."""
    with pytest.raises(InvalidInputError, match=word):
        joined(demo, replace(demo, **change), trials=1)  # type: ignore[arg-type]


def test_other_traffic_is_refused(demo: Experiment) -> None:
    """More requests find more losses."""
    with pytest.raises(InvalidInputError, match="differ in: traffic"):
        joined(demo, replace(demo, traffic=replace(demo.traffic, settle=9.0)), trials=1)
