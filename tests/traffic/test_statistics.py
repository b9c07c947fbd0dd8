"""Locust shows the numbers of the ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.model.attempt import Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger import LedgerWriter

pytestmark = pytest.mark.processes

#: In a process of its own, since importing Locust patches the standard library.
FEED = """
import json, sys
from pathlib import Path
from locust.stats import RequestStats
from harness.model.experiment import Route, TrafficPlan
from harness.traffic.statistics import StatisticsFeed
stats = RequestStats()
feed = StatisticsFeed(Path(sys.argv[1]), TrafficPlan(rate=1, routes=(Route("/a"), Route("/b"))), stats)
feed.feed(0)
feed.feed(5_000)
feed.feed(5_000)
feed.close()
print(json.dumps({
    "requests": {f"{method} {name}": entry.num_requests for (name, method), entry in stats.entries.items()},
    "total": [stats.total.num_requests, stats.total.num_failures, stats.total.max_response_time],
    "times": stats.total.response_times,
    "errors": sorted((e.method, e.name, e.error, e.occurrences) for e in stats.errors.values()),
}))
"""


def test_locusts_statistics_are_the_ledgers(tmp_path: Path) -> None:
    """Requests, failures by class and rounded times, each attempt once; missed slots are no requests."""
    ledger = LedgerWriter(tmp_path / "l.npy", origin_ns=5_000)
    for number in range(20):
        row = ledger.intent(number, number % 2, Method(number % 2), Shape.NEW, sent=5_000)
        outcome = Outcome.RESET if number == 3 else Outcome.MISSED if number == 4 else Outcome.OK
        ledger.outcome(row, outcome, Progress.ANSWERED, done=5_000 + (number + 1) * 12_340_000)
    ledger.close()
    done = subprocess.run(
        [sys.executable, "-c", FEED, tmp_path / "l.npy"], capture_output=True, text=True, check=True, timeout=100
    )
    shown = json.loads(done.stdout)

    assert shown["requests"] == {"GET /a": 9, "POST /b": 10}
    assert shown["total"] == [19, 1, 246.8]
    assert shown["errors"] == [["POST", "/b", "reset", 1]]
    assert {"12", "25", "49", "86", "99", "250"} <= set(shown["times"])
    assert sum(shown["times"].values()) == 19
