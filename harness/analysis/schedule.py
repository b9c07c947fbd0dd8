"""The ledger held against the schedule: which planned slots have a row, and which rows the schedule doesn't know.

The sender's own count is never asked: how many slots there were follows from the rate and the time alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.evidence import Rows
from harness.model.experiment import TrafficPlan
from harness.model.schedule import ConstantRate, arrivals, slots_until, streams

_NS = 1_000_000_000
_INT64 = 2**63
#: Rows that are held against the schedule at once: all of them at once would need several times a ledger's memory.
_BLOCK = 1_000_000
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]


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
    numbers = _global_slots(rows, workers, len(streams(plan)))
    distinct = _distinct(numbers)
    blocks = (slice(first, first + _BLOCK) for first in range(0, len(rows), _BLOCK))
    return Slots(
        planned=planned,
        present=int(((distinct >= 0) & (distinct < planned)).sum()),
        duplicates=len(numbers) - len(distinct),
        foreign=sum(_foreign(plan, rows[block], numbers[block], planned) for block in blocks),
    )


def _global_slots(rows: Rows, workers: int, n_streams: int) -> Integers:
    """The slots of rows in the whole schedule (``harness.model.share``); -1 for those of a worker that there is not."""
    numbers: Integers = rows["number"].astype(np.int64)
    worker = rows["worker"]
    if workers > 1:
        turns, stream = np.divmod(numbers, n_streams)
        numbers = (turns * workers + worker) * n_streams + stream
    numbers[worker >= workers] = -1
    return numbers


def _distinct(numbers: Integers) -> Integers:
    """The different ones among them, in order."""
    if (numbers[1:] > numbers[:-1]).all():
        return numbers
    # Rows are nearly in order, so sorting costs a twentieth of np.unique.
    ordered = np.sort(numbers, kind="stable")
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def _foreign(plan: TrafficPlan, rows: Rows, numbers: Integers, planned: int) -> int:
    """How many rows are not what the schedule says of a slot that was due."""
    wrong = (
        (numbers < 0)
        | (numbers >= planned)
        | (planned_times(plan, numbers) != rows["planned"])
        | _strange(plan, rows, numbers)
    )
    return int(wrong.sum())


def planned_times(plan: TrafficPlan, numbers: Integers) -> Integers:
    """``harness.model.schedule.planned_ns`` of many slots at once, exact to the nanosecond."""
    schedule = arrivals(plan)
    if not isinstance(schedule, ConstantRate) or schedule.rate.numerator * schedule.rate.denominator >= _INT64 // _NS:
        return np.array([schedule.planned_ns(int(number)) for number in numbers], dtype=np.int64)
    over, under = schedule.rate.numerator, _NS * schedule.rate.denominator
    # In two parts, since slot times nanoseconds leaves 64 bits behind.
    whole, rest = np.divmod(numbers, over)
    times: Integers = whole * under + rest * under // over
    return times


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
