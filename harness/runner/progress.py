"""Receives a run's progress; the command line decides how to show it."""

from __future__ import annotations

from typing import Protocol

from harness.model.timeline import Phase
from harness.traffic.live import LiveCounts


class RunProgress(Protocol):
    """Receives the progress of a run, from several threads at once.

    A trial is named as in ``TrialJob.name``.
    """

    def began(self, trials: tuple[str, ...], parallel: int, directory: str) -> None:
        """Report the start of the run: all its trials, how many may run in parallel, and the run directory."""

    def step(self, trial: str, text: str) -> None:
        """Report the step that a trial has reached (``cluster: waiting for the API server``)."""

    def phase(self, trial: str, phase: Phase) -> None:
        """Report that the traffic of a trial has entered a phase."""

    def counts(self, trial: str, counts: LiveCounts) -> None:
        """Report the counts of a trial's ledger so far; called several times a second."""

    def ended(self, trial: str, failure: str) -> None:
        """Report the end of a trial; ``failure`` is its reason, empty if the trial did not fail."""

    def note(self, text: str) -> None:
        """Report a step of the run as a whole (``judging the evidence``)."""


class SilentProgress:
    """Ignores all progress."""

    def began(self, trials: tuple[str, ...], parallel: int, directory: str) -> None:
        """Ignore it."""

    def step(self, trial: str, text: str) -> None:
        """Ignore it."""

    def phase(self, trial: str, phase: Phase) -> None:
        """Ignore it."""

    def counts(self, trial: str, counts: LiveCounts) -> None:
        """Ignore it."""

    def ended(self, trial: str, failure: str) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""
