"""The ledger held against the schedule: which planned slots have a row, and which rows the schedule doesn't know.

The sender's own count is never asked: how many slots there were follows from the rate and the time alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.evidence import Rows
from harness.analysis.planned import Integers, Times, planner, slots_until
from harness.model.experiment import TrafficPlan
from harness.model.schedule import streams

#: A number beyond this one is damage: reckoned with, it would leave 64 bits behind.
_LARGEST = 1 << 40
#: Rows that are held against the schedule at once: all of them at once would need several times a ledger's memory.
_BLOCK = 1_000_000


@dataclass(frozen=True, slots=True)
class Slots:
    """The accounting of slots.

    Attributes:
        planned: Slots that were due before the stop.
        present: How many of those have a row.
        duplicates: Rows with the number of an earlier one.
        foreign: Rows of slots that were not due, or with another time or stream than the schedule says.
    """

    planned: int
    present: int
    duplicates: int
    foreign: int


def account(plan: TrafficPlan, rows: Rows, elapsed_ns: int, workers: int = 1) -> Slots:
    """Hold the ledgers' rows against the schedule.

    Args:
        plan: What was to be sent.
        rows: The ledgers of all workers, in any order.
        elapsed_ns: From the origin to when planning stopped.
        workers: How many shared the schedule.
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
        foreign=sum(_foreign(plan, rows[block], numbers[block], planned, times) for block in blocks),
    )


def global_slots(rows: Rows, workers: int, n_streams: int) -> Integers:
    """The slots of rows in the whole schedule (``harness.model.share``); -1 for those that no worker can have."""
    numbers: Integers = rows["number"].astype(np.int64)
    worker = rows["worker"]
    if workers > 1:
        turns, stream = np.divmod(numbers, n_streams)
        numbers = (turns * workers + worker) * n_streams + stream
    numbers[(worker >= workers) | (rows["number"] > _LARGEST)] = -1
    return numbers


def _distinct(numbers: Integers) -> Integers:
    """The different ones among them, in order."""
    if (numbers[1:] > numbers[:-1]).all():
        return numbers
    # Rows are nearly in order, so sorting costs a twentieth of np.unique.
    ordered = np.sort(numbers, kind="stable")
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def _foreign(plan: TrafficPlan, rows: Rows, numbers: Integers, planned: int, times: Times) -> int:
    """How many rows are not what the schedule says of a slot that was due."""
    wrong = (numbers < 0) | (numbers >= planned)
    due = np.where(wrong, 0, numbers)
    wrong |= (times(due) != rows["planned"]) | _strange(plan, rows, due)
    return int(wrong.sum())


def planned_times(plan: TrafficPlan, numbers: Integers) -> Integers:
    """``harness.model.schedule.planned_ns`` of many slots at once, exact to the nanosecond."""
    return planner(plan)(numbers)


def _strange(plan: TrafficPlan, rows: Rows, numbers: Integers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows whose stream is not the one whose turn it was."""
    order = streams(plan)
    turn = numbers % len(order)
    strange = np.zeros(len(rows), dtype=bool)
    for field, values in (
        ("route", [stream.route for stream in order]),
        ("method", [int(stream.method) for stream in order]),
        ("shape", [int(stream.shape) for stream in order]),
    ):
        strange |= np.array(values)[turn] != rows[field]
    return strange
