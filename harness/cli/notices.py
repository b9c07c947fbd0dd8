"""Shows what a user must know about an Experiment before it runs."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from harness.model.experiment import Experiment


def show_notices(experiment: Experiment, console: Console) -> None:
    """Print each image that has a stand-in, and each notice, such as of an object that was left out."""
    print_notices((*experiment.stand_ins, *experiment.notices), console)


def print_notices(notices: Iterable[str], console: Console) -> None:
    """Print a line for each notice."""
    for notice in notices:
        console.print(f"notice: {notice}", markup=False, soft_wrap=True)
