"""Locust's statistics, fed from the ledger in batches, so that its UI shows the numbers of the ledger.

Batches are merged as Locust's master merges those of its workers (``StatsEntry.extend``), at hardly any cost.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from locust.stats import RequestStats, StatsEntry, StatsError

from harness.model.attempt import Method, Outcome
from harness.model.experiment import TrafficPlan
from harness.store.ledger_tail import LedgerTail, Rows


class StatisticsFeed:
    """Adds a ledger's final rows to Locust's statistics.

    Args:
        path: The ledger.
        plan: Its traffic, for the names of routes.
        stats: Locust's statistics.
    """

    def __init__(self, path: Path, plan: TrafficPlan, stats: RequestStats) -> None:
        self._tail = LedgerTail(path)
        self._plan = plan
        self._stats = stats

    def feed(self, origin_ns: int) -> None:
        """Add the rows that became final since the last call.

        Args:
            origin_ns: The ledger's origin; while it is 0 nothing happens.
        """
        if not origin_ns:
            return
        for block in self._tail.settle():
            rows = block[block["outcome"] != Outcome.MISSED]
            keys = rows["route"].astype(np.uint16) * 256 + rows["method"]
            for key in np.unique(keys):
                self._merge(rows[keys == key], int(key) // 256, Method(int(key) % 256).name, origin_ns)

    def close(self) -> None:
        """Close the ledger."""
        self._tail.close()

    def _merge(self, rows: Rows, route: int, method: str, origin_ns: int) -> None:
        name = self._plan.routes[route].key
        entry = _entry(self._stats, name, method, rows, time.time_ns() - time.monotonic_ns() + origin_ns)
        self._stats.total.extend(entry)
        self._stats.entries[(name, method)].extend(entry)
        failed = rows["outcome"][rows["outcome"] != Outcome.OK]
        for outcome, count in zip(*np.unique(failed, return_counts=True), strict=True):
            label = Outcome(int(outcome)).label
            error = self._stats.errors.setdefault(
                StatsError.create_key(method, name, label), StatsError(method, name, label)
            )
            error.occurrences += int(count)


def _entry(stats: RequestStats, name: str, method: str, rows: Rows, wall_origin_ns: int) -> Any:
    entry = StatsEntry(stats, name, method)
    took = (rows["done"] - rows["sent"]) / 1e6
    seconds = (rows["done"] + wall_origin_ns) // 1_000_000_000
    failed = rows["outcome"] != Outcome.OK
    entry.num_requests = len(rows)
    entry.num_failures = int(failed.sum())
    entry.total_response_time = float(took.sum())
    entry.min_response_time = float(took.min())
    entry.max_response_time = float(took.max())
    entry.total_content_length = int(rows["bytes_in"].sum())
    entry.start_time = float(seconds.min())
    entry.last_request_timestamp = float(seconds.max())
    entry.response_times = _counted(_rounded(took))
    entry.num_reqs_per_sec = _counted(seconds)
    entry.num_fail_per_sec = _counted(seconds[failed])
    return entry


def _rounded(took: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Round milliseconds as Locust does: to two leading digits."""
    digits = np.maximum(0, np.floor(np.log10(np.maximum(took, 1))) - 1)
    scale = 10**digits
    rounded: np.ndarray[Any, Any] = (np.round(took / scale) * scale).astype(np.int64)
    return rounded


def _counted(values: np.ndarray[Any, Any]) -> dict[int, int]:
    unique, counts = np.unique(values, return_counts=True)
    return dict(zip(unique.tolist(), counts.tolist(), strict=True))
