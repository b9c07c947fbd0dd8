"""Shows the progress of a run: live lines in a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.cli.metrics_option import live_metrics
from harness.model.timeline import Phase
from harness.runner.progress import RunProgress
from harness.traffic.live import LiveCounts
from harness.wording import plural


@dataclass(frozen=True, slots=True)
class _TrialLine:
    """The progress of one trial: its step, counts, and start on the monotonic clock."""

    step: str = "waiting"
    sent: int = 0
    lost: int = 0
    begun: float = 0.0


class LiveProgress:
    """Progress for a terminal: one line per running trial, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._lines: dict[str, _TrialLine] = {}
        self._total = 0
        self._ended = 0
        self._note = ""
        self._start = time.monotonic()
        self.live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)

    def began(self, trials: tuple[str, ...], parallel: int, directory: str) -> None:
        """Show how many trials there are, and where their evidence goes."""
        self._total, self._ended = len(trials), 0
        self._console.print(began_text(len(trials), parallel, directory), markup=False)

    def step(self, trial: str, text: str) -> None:
        """Show a trial's step."""
        with self._lock:
            line = self._lines.get(trial, _TrialLine(begun=time.monotonic()))
            self._lines[trial] = replace(line, step=text)

    def phase(self, trial: str, phase: Phase) -> None:
        """Show a trial's phase as its step."""
        self.step(trial, phase)

    def counts(self, trial: str, counts: LiveCounts) -> None:
        """Show a trial's counts."""
        with self._lock:
            line = self._lines.get(trial, _TrialLine())
            self._lines[trial] = replace(line, sent=counts.sent, lost=counts.lost)

    def ended(self, trial: str, failure: str) -> None:
        """Print a permanent line for a trial that has ended."""
        with self._lock:
            line = self._lines.pop(trial, _TrialLine())
            self._ended += 1
        self._console.print(ended_text(trial, line.sent, line.lost, failure), markup=False)

    def note(self, text: str) -> None:
        """Show a step of the whole run."""
        self._note = text

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 2))
        with self._lock:
            for trial, line in self._lines.items():
                lost = f"[red]{line.lost} lost[/red]" if line.lost else ""
                table.add_row(f"  {trial}", line.step, f"{line.sent} sent" if line.sent else "", lost)
        elapsed = time.monotonic() - self._start
        table.add_row(
            f"[bold]{self._ended}/{plural(self._total, 'trial')}[/bold]", f"{elapsed:.0f} s  {self._note}", "", ""
        )
        return table


class PlainProgress:
    """Progress for CI logs: a line as each trial ends, and one for each note."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counts: dict[str, tuple[int, int]] = {}
        self._total = 0
        self._ended = 0

    def began(self, trials: tuple[str, ...], parallel: int, directory: str) -> None:
        """Show how many trials there are, and where their evidence goes."""
        self._total, self._ended = len(trials), 0
        self._print(began_text(len(trials), parallel, directory))

    def step(self, trial: str, text: str) -> None:
        """Show nothing: a log is for results."""

    def phase(self, trial: str, phase: Phase) -> None:
        """Show nothing: a log is for results."""

    def counts(self, trial: str, counts: LiveCounts) -> None:
        """Keep the counts for the line at the trial's end."""
        self._counts[trial] = (counts.sent, counts.lost)

    def ended(self, trial: str, failure: str) -> None:
        """Print one line."""
        self._ended += 1
        text = ended_text(trial, *self._counts.get(trial, (0, 0)), failure)
        self._print(f"[{self._ended}/{self._total}] {text}")

    def note(self, text: str) -> None:
        """Print one line."""
        self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def began_text(trials: int, parallel: int, directory: str) -> str:
    """Return the first line of a run."""
    how = f"up to {parallel} at a time" if parallel > 1 else "one at a time"
    return f"{plural(trials, 'trial')}, {how}; evidence in {directory}"


def ended_text(trial: str, sent: int, lost: int, failure: str) -> str:
    """Return the line of a trial that has ended. Its counts are not final: judging reads the evidence later."""
    return f"{trial}: {failure or f'{sent:,} sent, {lost:,} lost so far'}"


@contextmanager
def choose_progress(metrics: str = "") -> Iterator[RunProgress]:
    """Yield live progress on a terminal, plain progress elsewhere. It goes to stderr; stdout is for results.

    Args:
        metrics: Address at which live metrics are served; empty for none.

    Raises:
        InvalidInputError: ``metrics`` is no address.
        HarnessError: Nothing can listen there.
    """
    with live_metrics(metrics) as metered, _shown() as shown:
        if metered is None:
            yield shown
            return
        from harness.telemetry.progress import MeteredRun  # noqa: PLC0415 - for --metrics alone

        shown.note(metered.notice)
        yield MeteredRun(shown, metered.metrics)


@contextmanager
def _shown() -> Iterator[RunProgress]:
    console = Console(stderr=True, highlight=False)
    if sys.stderr.isatty():
        live = LiveProgress(console)
        with live.live:
            yield live
    else:
        yield PlainProgress(console)
