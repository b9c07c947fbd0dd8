"""Reads the ledgers of a session while they are written: counts by second, by answer, and within a stretch of time."""

from __future__ import annotations

import os
from collections import Counter, deque
from pathlib import Path

import numpy as np

from harness.analysis.planned import slots_until
from harness.model.attempt import CloseReason, Outcome
from harness.model.experiment import TrafficPlan
from harness.model.schedule import streams
from harness.model.shapes import KEPT_SHAPES
from harness.play.counting import LOST, NS, UNKNOWN, Switches, Totals, belongs_to, count, count_switches, loss_label
from harness.store.ledger_format import CONNECTION
from harness.store.ledger_tail import LedgerTail, Rows
from harness.store.mapped import HEADER
from harness.traffic.event_log import EventLogReader

#: A request that leaves later than this after its plan is a missed slot; with a margin of 50 ms.
LATEST_SEND_NS = 300_000_000
_KEPT = ("number", "planned", "sent", "done", "outcome", "route", "responder", "status")
_ROW = np.dtype(
    [
        ("number", "<i8"),
        ("planned", "<i8"),
        ("sent", "<i8"),
        ("done", "<i8"),
        ("responder", "<u2"),
        ("status", "<u2"),
        ("outcome", "u1"),
        ("route", "u1"),
    ],
    align=True,
)


class LiveMeasure:
    """The ledgers of one sender, read again and again while it sends.

    Args:
        folder: The sender's traffic folder.
        plan: Its traffic.
    """

    def __init__(self, folder: Path, plan: TrafficPlan) -> None:
        self._plan = plan
        self._tail = LedgerTail(folder / "ledger-0.npy")
        self._connections = folder / "connections-0.npy"
        self._journal = EventLogReader(folder / "traffic.jsonl")
        self._settled: deque[Rows] = deque()
        self._open: Rows = np.zeros(0, _ROW)
        self._texts: dict[int, str] = {}
        self._sum = Totals()

    def close(self) -> None:
        """Close the files."""
        self._tail.close()

    def read(self) -> None:
        """Read what is new."""
        for rows in self._tail.settle():
            if len(rows):
                self._settled.append(_compact(rows))
                self._sum += count(self._settled[-1])
        self._open = _compact(self._tail.unsettled())
        for event in self._journal.poll():
            if event.get("event") == "responder":
                self._texts[int(event["number"])] = str(event["text"])

    def total(self) -> Totals:
        """Return the counts of all requests since the origin. A request under way counts as sent, not as unknown."""
        current = count(self._open[self._open["outcome"] != Outcome.UNFINISHED])
        under_way = int((self._open["outcome"] == Outcome.UNFINISHED).sum())
        return self._sum + current + Totals(sent=under_way)

    def totals(self, begin_ns: int, end_ns: int) -> Totals:
        """Count the requests of a stretch of time; see ``belongs_to``.

        Args:
            begin_ns: Begin, in nanoseconds from the origin.
            end_ns: End. Requests planned before it count.
        """
        rows = self._since(begin_ns - round(self._plan.timeout * NS))
        return count(rows[belongs_to(rows, begin_ns, end_ns)])

    def is_whole(self, begin_ns: int, end_ns: int) -> bool:
        """Return True if every slot planned in a stretch of time has a request whose outcome is known."""
        mine = self._planned(begin_ns, end_ns)
        planned = slots_until(self._plan, max(0, end_ns)) - slots_until(self._plan, max(0, begin_ns))
        return len(mine) == planned > 0 and not bool((mine["outcome"] == Outcome.UNFINISHED).any())

    def horizon(self, now_ns: int) -> int:
        """Return the time up to which every outcome is known, in nanoseconds from the origin."""
        open_rows = self._open[self._open["outcome"] == Outcome.UNFINISHED]
        latest = now_ns - LATEST_SEND_NS
        return min(latest, int(open_rows["planned"].min())) if len(open_rows) else latest

    def bins(self, end_ns: int, count_bins: int) -> list[list[int]]:
        """Return ``[ok, lost, unknown]`` for each of the last whole seconds before a time, the oldest first."""
        last = max(0, end_ns // NS)
        first = max(0, last - count_bins)
        rows = self._since(first * NS)
        second = rows["planned"] // NS - first
        rows, second = rows[(second >= 0) & (second < last - first)], second[(second >= 0) & (second < last - first)]
        kinds = ((rows["outcome"] == Outcome.OK), np.isin(rows["outcome"], LOST), np.isin(rows["outcome"], UNKNOWN))
        columns = [np.bincount(second[kind], minlength=last - first) for kind in kinds]
        return np.stack(columns, axis=1).tolist() if last > first else []

    def shares(self, begin_ns: int, end_ns: int) -> dict[str, dict[str, int]]:
        """Return, for each route, the number of requests by the text of their answer, or by the class of their loss."""
        rows = self._planned(begin_ns, end_ns)
        found: dict[str, Counter[str]] = {}
        for row in rows[rows["outcome"] != Outcome.UNFINISHED]:
            found.setdefault(self._plan.routes[row["route"]].key, Counter())[self._answer(row)] += 1
        return {route: dict(counter.most_common()) for route, counter in found.items()}

    def switches(self, begin_ns: int, end_ns: int) -> Switches:
        """Count the changes of version within the sessions of a stretch of time."""
        sessions = {index: route.sessions for index, route in enumerate(self._plan.routes) if route.sessions}
        return count_switches(self._planned(begin_ns, end_ns), sessions, len(streams(self._plan)))

    def connections(self, begin_ns: int, end_ns: int) -> tuple[int, int]:
        """Return how many kept-alive connections are open at the end, and how many the peer cut in between."""
        rows = _connections(self._connections)
        rows = rows[np.isin(rows["shape"], KEPT_SHAPES) & (rows["connected"] >= 0)]
        is_open = (rows["closed"] < 0) | (rows["closed"] > end_ns)
        by_peer = np.isin(rows["reason"], (int(CloseReason.PEER_FIN), int(CloseReason.PEER_RST)))
        cut = by_peer & (rows["requests"] > 0) & (rows["closed"] >= begin_ns) & (rows["closed"] <= end_ns)
        return int((is_open & (rows["connected"] <= end_ns)).sum()), int(cut.sum())

    def _answer(self, row: np.void) -> str:
        outcome = Outcome(int(row["outcome"]))
        if outcome is Outcome.OK:
            return self._texts.get(int(row["responder"]), "?")
        if outcome is Outcome.WRONG_ANSWER and int(row["responder"]) in self._texts:
            return f"{outcome.label}: {self._texts[int(row['responder'])]}"
        return loss_label(outcome, int(row["status"]))

    def _planned(self, begin_ns: int, end_ns: int) -> Rows:
        """Return the rows of the requests planned in a stretch of time."""
        rows = self._since(begin_ns)
        return rows[(rows["planned"] >= begin_ns) & (rows["planned"] < end_ns)]

    def _since(self, begin_ns: int) -> Rows:
        """Return rows that cover all requests planned since a time; some of them may be earlier."""
        parts: list[Rows] = [self._open]
        for part in reversed(self._settled):
            parts.append(part)
            if part["planned"][0] < begin_ns:
                break
        return np.concatenate(parts[::-1])


def _compact(rows: Rows) -> Rows:
    kept = np.zeros(len(rows), _ROW)
    for name in _KEPT:
        kept[name] = rows[name]
    return kept


def _connections(path: Path) -> Rows:
    """Return the connections written so far. The writer may cut the file meanwhile, so it is not mapped."""
    try:
        with path.open("rb") as file:
            file.seek(HEADER)
            data = os.read(file.fileno(), os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        return np.zeros(0, CONNECTION)
    rows = np.frombuffer(data[: len(data) // CONNECTION.itemsize * CONNECTION.itemsize], CONNECTION)
    written: Rows = rows[rows["written"] == 1]
    return written
