"""Tests of shared schedules: workers send each slot exactly once, for any number of workers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.experiment import Route, TrafficPlan
from harness.model.schedule import planned_ns, schedule_of, slots_until
from harness.model.share import Share

WORKERS = st.integers(1, 9)
STREAMS = st.integers(1, 8)


@given(of=WORKERS, n=STREAMS, count=st.integers(0, 500))
def test_shares_are_a_partition(of: int, n: int, count: int) -> None:
    """Every slot belongs to exactly one worker, and the workers' counts add up."""
    shares = [Share(worker, of) for worker in range(of)]

    slots = [share.global_slot(k, n) for share in shares for k in range(share.local_count(count, n))]

    assert sorted(slots) == list(range(count))


@given(of=WORKERS, n=STREAMS, worker=st.integers(0, 8), local=st.integers(0, 10**12))
def test_a_worker_keeps_streams_and_order(of: int, n: int, worker: int, local: int) -> None:
    """A slot has the same stream in the worker's numbering and in the schedule's, and the same order."""
    share = Share(worker % of, of)

    assert share.global_slot(local, n) % n == local % n
    assert share.global_slot(local, n) < share.global_slot(local + 1, n)


@given(of=WORKERS, total=st.integers(0, 10_000))
def test_parts_sum_to_the_whole(of: int, total: int) -> None:
    """The parts of a total add up to it, and differ by at most one."""
    parts = [Share(worker, of).part(total) for worker in range(of)]

    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1


def test_a_single_worker_has_the_whole_schedule() -> None:
    """The default share changes no number."""
    assert [Share().global_slot(k, 4) for k in range(20)] == list(range(20))
    assert Share().local_count(17, 4) == 17


@pytest.mark.parametrize(("worker", "of"), [(2, 2), (-1, 1), (0, 0)])
def test_an_impossible_worker_is_refused(worker: int, of: int) -> None:
    """Workers are numbered from 0 to one less than their number."""
    with pytest.raises(ValueError, match="no worker"):
        Share(worker, of)


@given(of=WORKERS, elapsed=st.integers(0, 10**11))
def test_all_workers_together_keep_the_unshared_schedule(of: int, elapsed: int) -> None:
    """The planned times of all workers are those of the whole schedule, and their counts add up."""
    plan = TrafficPlan(rate=7.5, routes=(Route("/a"), Route("/b")))
    shares = [schedule_of(plan, Share(worker, of)) for worker in range(of)]
    counts = [share.slots_until(elapsed) for share in shares]

    assert sum(counts) == slots_until(plan, elapsed)
    times = [share.planned_ns(k) for share, count in zip(shares, counts, strict=True) for k in range(count)]
    assert sorted(times) == [planned_ns(plan, slot) for slot in range(sum(counts))]
