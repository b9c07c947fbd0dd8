"""Shows what a user must know about a loaded Experiment before it runs."""

from __future__ import annotations

from rich.console import Console

from harness.model.experiment import Experiment


def show_notices(experiment: Experiment, console: Console) -> None:
    """Print a notice for each image that has a stand-in, and for each object that was left out of the workload."""
    for sentence in experiment.stand_ins:
        console.print(f"notice: {sentence}", markup=False, soft_wrap=True)
    for notice in experiment.notices:
        console.print(f"notice: {notice}", markup=False, soft_wrap=True)
