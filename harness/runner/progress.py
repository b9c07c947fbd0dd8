"""What the runner tells while it works; the command line decides how that looks."""

from __future__ import annotations

from typing import Protocol


class RunProgress(Protocol):
    """Told of a run's progress, from several threads at once. A trial is named by its directory's name."""

    def began(self, trials: tuple[str, ...], lanes: int, directory: str) -> None:
        """The run begins: every trial to come, and how many run side by side."""

    def step(self, trial: str, text: str) -> None:
        """A trial is at a further step (``cluster: starting the node``, ``baseline``)."""

    def counts(self, trial: str, sent: int, lost: int) -> None:
        """How many attempts a trial has sent and lost so far."""

    def ended(self, trial: str, failure: str) -> None:
        """A trial is over; ``failure`` says what went wrong with it, empty if nothing did."""

    def note(self, text: str) -> None:
        """Something about the run as a whole (``judging``, ``writing the report``)."""


class Silence:
    """Tells nobody."""

    def began(self, trials: tuple[str, ...], lanes: int, directory: str) -> None:
        """Nothing."""

    def step(self, trial: str, text: str) -> None:
        """Nothing."""

    def counts(self, trial: str, sent: int, lost: int) -> None:
        """Nothing."""

    def ended(self, trial: str, failure: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
