"""Exercise 3 on local clusters, behind both controllers: what must lose loses, what must not does not.

The expectations and their reasons are in the Experiments. Every cell that is as it must be has a lossless control and
a change that was seen; a canary's shares and an A/B test's candidates are judged with them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import ROOT, CommandLine
from starved import wrong_rows

from harness.experiment.load import load_experiment
from harness.model.changes import Canary

pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(4800)]

CONTROLLERS = ("ingress-nginx", "traefik")
TABLES = sorted((ROOT / "experiments").glob("exercise-3-*.yaml"))
#: Attempts of which a share of 10 % is counted.
ENOUGH = 10_000


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_every_row_is_as_it_must_be(harness: CommandLine, tmp_path: Path, table: Path, controller: str) -> None:
    """Each cell has its expected verdict and class, behind every controller."""
    assert wrong_rows(harness, table, tmp_path / "run", "--ingress", controller) == []


def test_there_are_tables() -> None:
    """An empty glob would pass everything."""
    assert [path.stem for path in TABLES] == [
        "exercise-3-ab",
        "exercise-3-blue-green",
        "exercise-3-canary",
        "exercise-3-split",
        "exercise-3-switch",
    ]


def test_the_split_of_a_canary_is_counted_over_enough_attempts() -> None:
    """The Experiment that measures a share of 10 % holds it long enough."""
    experiment = load_experiment(ROOT / "experiments" / "exercise-3-split.yaml")
    canary, pace = experiment.cells[-1].change, experiment.traffic.rate

    assert isinstance(canary, Canary)
    assert isinstance(pace, float)
    assert [step.weight for step in canary.steps] == [10]
    assert pace * canary.steps[0].hold >= ENOUGH
