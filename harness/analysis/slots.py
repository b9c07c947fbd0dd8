"""Compares the ledger with the schedule: which planned slots have a row, and which rows belong to no planned slot.

The sender's own count is never used: the number of slots follows from rate and time alone.
"""

from __future__ import annotations

import numpy as np

from harness.analysis.bulk import Slots
from harness.analysis.evidence import Rows
from harness.analysis.planned import Integers, Times, planner, slots_until
from harness.model.experiment import TrafficPlan
from harness.model.schedule import streams

#: Largest slot number of an undamaged ledger; computing with a larger one could overflow 64 bits.
_LARGEST = 1 << 40
#: Rows compared at once; all rows at once would need several times a ledger's memory.
_BLOCK = 1_000_000


def account(plan: TrafficPlan, rows: Rows, elapsed_ns: int, workers: int = 1) -> Slots:
    """Compare the ledgers' rows with the schedule.

    Args:
        plan: The planned traffic.
        rows: The ledgers of all workers, in any order.
        elapsed_ns: Nanoseconds from the schedule's start to its end.
        workers: Number of workers that shared the schedule.
    """
    planned = slots_until(plan, elapsed_ns)
    numbers = global_slots(rows, workers, len(streams(plan)))
    distinct = _distinct(numbers)
    times = planner(plan)
    blocks = (slice(first, first + _BLOCK) for first in range(0, len(rows), _BLOCK))
    return Slots(
        planned=planned,
        present=int(((distinct >= 0) & (distinct < planned)).sum()),
        duplicates=len(numbers) - len(distinct),
        foreign=sum(int(is_foreign(plan, rows[block], numbers[block], planned, times).sum()) for block in blocks),
    )


def global_slots(rows: Rows, workers: int, n_streams: int) -> Integers:
    """Return the rows' slot numbers in the whole schedule (``harness.model.share``); -1 for impossible numbers."""
    numbers: Integers = rows["number"].astype(np.int64)
    worker = rows["worker"]
    if workers > 1:
        rounds, stream = np.divmod(numbers, n_streams)
        numbers = (rounds * workers + worker) * n_streams + stream
    numbers[(worker >= workers) | (rows["number"] > _LARGEST)] = -1
    return numbers


def _distinct(numbers: Integers) -> Integers:
    """Return the distinct numbers in order."""
    if (numbers[1:] > numbers[:-1]).all():
        return numbers
    # Rows are nearly in order, so sorting costs a twentieth of np.unique.
    ordered = np.sort(numbers, kind="stable")
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def is_foreign(
    plan: TrafficPlan, rows: Rows, numbers: Integers, planned: int, times: Times
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return True for the rows that do not match a planned slot."""
    wrong = (numbers < 0) | (numbers >= planned)
    due = np.where(wrong, 0, numbers)
    wrong |= (times(due) != rows["planned"]) | _has_wrong_stream(plan, rows, due)
    return wrong


def planned_times(plan: TrafficPlan, numbers: Integers) -> Integers:
    """Return the planned times of many slots, as ``harness.model.schedule.planned_ns`` does for one."""
    return planner(plan)(numbers)


def _has_wrong_stream(plan: TrafficPlan, rows: Rows, numbers: Integers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return True for rows whose stream is not the one planned for their slot."""
    order = streams(plan)
    turn = numbers % len(order)
    wrong = np.zeros(len(rows), dtype=bool)
    for field, values in (
        ("route", [stream.route for stream in order]),
        ("method", [int(stream.method) for stream in order]),
        ("shape", [int(stream.shape) for stream in order]),
    ):
        wrong |= np.array(values)[turn] != rows[field]
    return wrong
