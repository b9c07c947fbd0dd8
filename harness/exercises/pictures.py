"""Draws the pictures of the exercises' pages: ``python -m harness.exercises.pictures`` runs what they show.

Each is the chart of a trial of a shipped Experiment, as a report has it. A run takes half a minute.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from harness.errors import HarnessError
from harness.exercises.pages import picture_name
from harness.exercises.steps import NUMBERS, load_exercise
from harness.experiment.load import load_experiment
from harness.kit.shipped import shipped
from harness.model.verdict import TrialVerdict
from harness.report.chart.standalone import standalone
from harness.report.chart.trial import render
from harness.runner.options import RunOptions
from harness.runner.progress import SilentProgress
from harness.runner.run import run_experiment


def drawn(trial: TrialVerdict) -> str:
    """Return the chart of a trial as the text of an SVG file.

    Raises:
        HarnessError: The trial sent nothing.
    """
    chart = render(trial)
    if chart is None:
        raise HarnessError("The trial sent nothing, so there is nothing to draw.")
    return standalone(chart.svg)


def measured(number: int, out: Path) -> TrialVerdict:
    """Run the cell that the picture of an exercise shows, and return its trial.

    Args:
        number: The exercise.
        out: Run directory to create.

    Raises:
        HarnessError: The run failed, or the cell has not the expected verdict.
    """
    shown = load_exercise(number).picture
    only = {"configuration": (shown.configuration,), "change": (shown.change,)}
    experiment = load_experiment(shipped("experiments") / shown.experiment, only=only)
    verdict = run_experiment(experiment, RunOptions(out=out, only=only), SilentProgress()).verdict
    (cell,) = (cell for cell in verdict.cells if cell.change == shown.change)
    if not cell.as_expected:
        raise HarnessError(f"{shown.experiment}: {cell.id} was {cell.verdict}, not {cell.expected}.", hint="Try again.")
    return cell.trials[0]


def main(folder: Path) -> None:
    """Measure and draw the pictures of all exercises into the folder of the pages."""
    with tempfile.TemporaryDirectory(prefix="harness-pictures-") as place:
        for number in NUMBERS:
            text = drawn(measured(number, Path(place) / str(number)))
            path = folder / picture_name(number)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/exercises"))
