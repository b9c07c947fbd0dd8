"""Shows the progress of a watch: one live line in a terminal, occasional lines in a log."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.cli.metrics_option import live_metrics
from harness.kit import streams
from harness.runner.watch.progress import WatchCounts, WatchProgress
from harness.wording import count, duration

#: Seconds over which the rate is measured.
_WINDOW = 2.0
#: Seconds between two lines of a log: while nothing is lost, and while losses go on.
_QUIET, _LOSING = 10.0, 1.0


class RecentRate:
    """The rate over the last two seconds, from counts that come several times a second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, counts: WatchCounts) -> float:
        """Add the latest counts. Return requests per second."""
        self._seen.append((counts.elapsed, counts.sent))
        while len(self._seen) > 2 and self._seen[1][0] < counts.elapsed - _WINDOW:
            self._seen.popleft()
        then, sent = self._seen[0]
        return (counts.sent - sent) / (counts.elapsed - then) if counts.elapsed > then else 0.0


def line(counts: WatchCounts, rate: float) -> Text:
    """Return ``12 s  50/s  612 sent  3 lost, the last one refused 2.1 s ago``."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{duration(counts.elapsed)}  {rate:.{0 if rate >= 10 else 1}f}/s  {count(counts.sent)} sent  ")
    if counts.last_loss is None:
        return text.append("nothing lost", style="green")
    text.append(f"{count(counts.lost)} lost", style="bold red")
    return text.append(f", the last one {counts.last_loss.label}, {_ago(counts.last_loss.ago)} ago")


def _ago(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


class LiveWatch:
    """Progress for a terminal: one line, redrawn in place. Notes stay above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rate = RecentRate()
        self._text = Text()
        self.live = Live(get_renderable=lambda: self._text, console=console, refresh_per_second=4, transient=True)

    def note(self, text: str) -> None:
        """Print a line above the live one."""
        self._console.print(text, markup=False, style="dim")

    def counts(self, counts: WatchCounts) -> None:
        """Redraw the live line."""
        self._text = line(counts, self._rate(counts))


class PlainWatch:
    """Progress for a log: a line every ten seconds, and every second while requests are being lost."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rate = RecentRate()
        self._printed = (0.0, 0)

    def note(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def counts(self, counts: WatchCounts) -> None:
        """Print a line if one is due."""
        rate = self._rate(counts)
        at, lost = self._printed
        if counts.elapsed - at >= (_LOSING if counts.lost > lost else _QUIET) or (counts.lost and not lost):
            self._printed = (counts.elapsed, counts.lost)
            self._console.print(line(counts, rate).plain, markup=False, soft_wrap=True)


@contextmanager
def choose_watch_progress(metrics: str = "") -> Iterator[WatchProgress]:
    """Yield live progress on a terminal, plain progress elsewhere. It goes to stderr; stdout is for the result.

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
        from harness.telemetry.progress import MeteredWatch  # noqa: PLC0415 - for --metrics alone

        shown.note(metered.notice)
        yield MeteredWatch(shown, metered.metrics)


@contextmanager
def _shown() -> Iterator[WatchProgress]:
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        live = LiveWatch(console)
        with live.live:
            yield live
    else:
        yield PlainWatch(console)


def leave_at_once(number: int) -> None:
    """End the process without clean-up. The guardians end its children."""
    if sys.stderr.isatty():
        streams.write_now(streams.STDERR, "\x1b[?25h\r\x1b[K")
    streams.write_now(streams.STDERR, "ended at once; `harness analyze --unsealed` shows what was recorded\n")
    os._exit(128 + number)
