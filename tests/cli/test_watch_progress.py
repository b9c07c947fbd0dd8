"""A watch shows one live line on a terminal, and occasional lines in a log."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.cli.watch_progress import PlainWatch, RecentRate, line
from harness.runner.watch.progress import LastLoss, WatchCounts


def at(elapsed: float, lost: int = 0) -> WatchCounts:
    """Return the counts of a watch with 50 requests per second."""
    sent = round(elapsed * 50)
    return WatchCounts(elapsed, sent, sent - lost, lost, LastLoss("refused", 2.14) if lost else None)


def test_the_line_has_rate_losses_and_the_last_loss() -> None:
    """The last loss has its class and its age."""
    assert line(at(12), 49.8).plain == "12 s  50/s  600 sent  nothing lost"
    assert line(at(12, 3), 2.5).plain == "12 s  2.5/s  600 sent  3 lost, the last one refused, 2.1 s ago"


def test_the_rate_is_recent() -> None:
    """It covers the last two seconds, not the whole time."""
    pace = RecentRate()
    for tenth in range(100):
        pace(at(tenth / 10))

    assert pace(at(10)) == pytest.approx(50)
    assert pace(WatchCounts(14, 500, 500, 0)) < 15


def test_a_log_gets_occasional_lines() -> None:
    """A line comes every ten seconds, at the first loss, and each second while losses go on."""
    out = io.StringIO()
    watch = PlainWatch(Console(file=out, width=200))
    for tenth in range(1, 400):
        watch.counts(at(tenth / 10, lost=max(0, min(tenth, 360) - 250)))
    lines = out.getvalue().splitlines()

    assert [text.split()[0] for text in lines[:3]] == ["10", "20", "25"]
    assert "1 lost" in lines[2]
    assert 12 <= len(lines) <= 15
    assert "\x1b" not in out.getvalue()
