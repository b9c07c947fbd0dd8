"""Tests that the rows of several workers are compared with their common schedule."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis.evidence import Rows
from harness.analysis.slots import account
from harness.model.attempt import Method
from harness.model.experiment import Route, TrafficPlan
from harness.model.schedule import schedule_of, streams
from harness.model.share import Share
from harness.store.ledger_format import ATTEMPT

PLAN = TrafficPlan(rate=300, routes=(Route("/a"), Route("/b")), methods=(Method.GET, Method.POST))
ELAPSED = 2_000_000_123
WORKERS = 3


def ledger(worker: int) -> Rows:
    """Return all rows that a worker has to send."""
    schedule = schedule_of(PLAN, Share(worker, WORKERS))
    rows = np.zeros(schedule.slots_until(ELAPSED), ATTEMPT)
    order = streams(PLAN)
    for slot, row in enumerate(rows):
        stream = order[slot % len(order)]
        row["number"], row["planned"], row["worker"] = slot, schedule.planned_ns(slot), worker
        row["route"], row["method"], row["shape"] = stream.route, stream.method, stream.shape
    return rows


def test_all_slots_of_all_workers_are_the_schedule() -> None:
    """Together they have every slot once, and no other."""
    slots = account(PLAN, np.concatenate([ledger(worker) for worker in range(WORKERS)]), ELAPSED, WORKERS)

    assert (slots.planned, slots.present, slots.duplicates, slots.foreign) == (601, 601, 0, 0)


def test_the_slots_of_a_lost_worker_are_missing() -> None:
    """The slots that the second worker did not send have no row; nothing else is wrong."""
    half = len(ledger(1)) // 2
    rows = np.concatenate([ledger(0), ledger(1)[:half], ledger(2)])

    slots = account(PLAN, rows, ELAPSED, WORKERS)

    assert (slots.planned - slots.present, slots.duplicates, slots.foreign) == (len(ledger(1)) - half, 0, 0)


@pytest.mark.parametrize(("spoil", "duplicates", "foreign"), [(("worker", 7), 0, 1), (("planned", 5), 0, 1)])
def test_a_row_of_no_worker_is_foreign(spoil: tuple[str, int], duplicates: int, foreign: int) -> None:
    """The row has the number of a missing worker, or another time than its worker's."""
    rows = np.concatenate([ledger(worker) for worker in range(WORKERS)])
    rows[spoil[0]][100] = spoil[1]

    slots = account(PLAN, rows, ELAPSED, WORKERS)

    assert (slots.duplicates, slots.foreign) == (duplicates, foreign)


def test_a_slot_sent_by_two_rows_is_a_duplicate() -> None:
    """The same worker's slot twice is one slot too many."""
    rows = np.concatenate([ledger(0), ledger(1), ledger(2), ledger(2)[-1:]])

    assert account(PLAN, rows, ELAPSED, WORKERS).duplicates == 1


def test_an_unknown_number_of_workers_is_not_one() -> None:
    """Rows of three workers, read as those of one, are duplicates and foreign, and never a correct account."""
    slots = account(PLAN, np.concatenate([ledger(worker) for worker in range(WORKERS)]), ELAPSED)

    assert slots.foreign > 0
    assert slots.present < slots.planned
