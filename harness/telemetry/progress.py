"""Feeds the progress of a run or a watch into its live metrics, and passes it on."""

from __future__ import annotations

from harness.model.timeline import Phase
from harness.runner.progress import RunProgress
from harness.runner.watch.progress import WatchCounts, WatchProgress
from harness.telemetry.metrics import LiveMetrics, TrialState
from harness.traffic.live import LiveCounts


class MeteredRun:
    """Receives the progress of a run.

    Args:
        shown: Receives the progress too.
        metrics: The metrics.
    """

    def __init__(self, shown: RunProgress, metrics: LiveMetrics) -> None:
        self._shown = shown
        self._metrics = metrics

    def began(self, trials: tuple[str, ...], parallel: int, directory: str) -> None:
        """Take note of all trials."""
        self._metrics.expect(trials)
        self._shown.began(trials, parallel, directory)

    def step(self, trial: str, text: str) -> None:
        """Pass it on."""
        self._shown.step(trial, text)

    def phase(self, trial: str, phase: Phase) -> None:
        """Note the phase; from its first one on, a trial is running."""
        self._metrics.update(trial, phase=phase, state=TrialState.RUNNING)
        self._shown.phase(trial, phase)

    def counts(self, trial: str, counts: LiveCounts) -> None:
        """Note the counts."""
        self._metrics.update(trial, counts=counts)
        self._shown.counts(trial, counts)

    def ended(self, trial: str, failure: str) -> None:
        """Note the end."""
        self._metrics.update(trial, state=TrialState.ENDED)
        self._shown.ended(trial, failure)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._shown.note(text)


class MeteredWatch:
    """Receives the progress of a watch.

    Args:
        shown: Receives the progress too.
        metrics: The metrics.
    """

    def __init__(self, shown: WatchProgress, metrics: LiveMetrics) -> None:
        self._shown = shown
        self._metrics = metrics

    def note(self, text: str) -> None:
        """Pass it on."""
        self._shown.note(text)

    def counts(self, counts: WatchCounts) -> None:
        """Note the counts of every origin."""
        for url, each in counts.origins.items():
            self._metrics.update(url, counts=each)
        self._shown.counts(counts)
