"""Tests that outages have their true length, whatever answers lie among their losses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.outages import (
    LISTED,
    RECOVERED,
    OutageArrays,
    find_outages,
    find_outages_in,
    outage_records,
)
from harness.model.attempt import LOSSES, Outcome

#: Distance between two requests of the made-up traffic: 1 ms.
STEP = 1_000_000
OK, LOST, UNKNOWN, MISSED = Outcome.OK, Outcome.REFUSED, Outcome.UNFINISHED, Outcome.MISSED


def find(*parts: tuple[Outcome, int], streams: int = 1, shuffle: bool = False) -> OutageArrays:
    """Return the outages of requests with these outcomes, each repeated so many times."""
    codes = np.concatenate([np.full(count, outcome, np.uint8) for outcome, count in parts])
    planned = np.arange(len(codes), dtype=np.int64) * STEP
    order = np.random.default_rng(7).permutation(len(codes)) if shuffle else np.arange(len(codes))
    return find_outages(planned[order], codes[order], streams=streams, end_ns=len(codes) * STEP)


def listed_outages(outages: OutageArrays) -> list[tuple[float, float, int, int, bool]]:
    """Return (start, seconds, lost, sent, is over) of each outage."""
    return [(each.start, each.seconds, each.lost, each.sent, each.is_over) for each in outage_records(outages)]


def test_nothing_lost_is_no_outage() -> None:
    """No traffic is no outage either."""
    assert listed_outages(find((OK, 50))) == []
    assert listed_outages(find_outages(np.zeros(0, np.int64), np.zeros(0, np.uint8), streams=1, end_ns=0)) == []


@pytest.mark.parametrize("shuffle", [False, True], ids=["in-order", "in-any-order"])
def test_an_outage_lasts_from_its_first_loss_to_the_next_answer(shuffle: bool) -> None:
    """Planned times count, in whatever order several senders have written them."""
    found = find((OK, 20), (LOST, 5), (OK, 30), (Outcome.STATUS, 1), (LOST, 1), (OK, 20), shuffle=shuffle)

    assert listed_outages(found) == [(0.02, 0.005, 5, 5, True), (0.055, 0.002, 2, 2, True)]
    assert [dict(each.classes) for each in outage_records(found)] == [{"refused": 5}, {"status": 1, "refused": 1}]


def test_losses_with_answers_among_them_are_one_outage() -> None:
    """With one of two pods broken, every second request is lost, in one outage."""
    found = find((OK, 20), *[(LOST, 1), (OK, 1)] * 40, (OK, 20))

    assert listed_outages(found) == [(0.02, 0.079, 40, 79, True)]


def test_an_outage_is_over_when_enough_in_a_row_are_answered() -> None:
    """One answer fewer does not end it. With many streams it takes two answers of each."""
    apart = [(LOST, 1), (OK, RECOVERED), (LOST, 1), (OK, 30)]
    close = [(LOST, 1), (OK, RECOVERED - 1), (LOST, 1), (OK, 30)]

    assert [lost for _, _, lost, _, _ in listed_outages(find(*apart))] == [1, 1]
    assert [lost for _, _, lost, _, _ in listed_outages(find(*close))] == [2]
    assert [lost for _, _, lost, _, _ in listed_outages(find(*apart, streams=RECOVERED))] == [2]


def test_an_outage_without_end_lasts_to_the_end_of_the_schedule() -> None:
    """The target is gone, and no later request was answered."""
    assert listed_outages(find((OK, 20), (LOST, 30))) == [(0.02, 0.03, 30, 30, False)]
    assert listed_outages(find((LOST, 30))) == [(0.0, 0.03, 30, 30, False)]


def test_unknown_outcomes_neither_begin_nor_end_an_outage() -> None:
    """Unfinished requests are neither losses nor answers, and missed ones were not sent."""
    assert listed_outages(find((OK, 20), (UNKNOWN, 5), (OK, 20))) == []
    assert listed_outages(find((OK, 20), (LOST, 2), (UNKNOWN, 5), (MISSED, 5), (OK, 20))) == [(0.02, 0.012, 2, 7, True)]
    assert listed_outages(find((OK, 20), (LOST, 2), (UNKNOWN, 5))) == [(0.02, 0.007, 2, 7, False)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(list(Outcome)), max_size=120), st.integers(1, 8))
def test_every_loss_is_in_exactly_one_outage(outcomes: list[Outcome], streams: int) -> None:
    """Counts add up. Outages follow each other, and each begins with a loss."""
    codes = np.array(outcomes, np.uint8)
    found = find_outages(np.arange(len(codes), dtype=np.int64) * STEP, codes, streams=streams, end_ns=len(codes) * STEP)

    assert found.lost.sum() == len(found.losses) == sum(outcome in LOSSES for outcome in outcomes)
    assert (found.lost > 0).all()
    assert (found.sent >= found.lost).all()
    assert (found.end > found.start).all()
    assert (found.start[1:] >= found.end[:-1]).all()
    assert all(outcomes[int(start) // STEP] in LOSSES for start in found.start)
    assert all(outcomes[int(end) // STEP] is OK for end in found.end[found.is_over])


def test_of_very_many_outages_the_longest_are_listed_in_order() -> None:
    """The list has a limit, the count does not."""
    found = find(*[(LOST, 1), (OK, RECOVERED)] * (LISTED + 100), (LOST, 3), (OK, 20))
    listed = outage_records(found)

    assert (len(found), len(listed)) == (LISTED + 101, LISTED)
    assert listed[-1].lost == 3
    assert [each.start for each in listed] == sorted(each.start for each in listed)


@given(codes=st.lists(st.sampled_from([OK, OK, OK, LOST, UNKNOWN, MISSED]), max_size=120), size=st.integers(1, 40))
def test_blocks_have_the_outages_of_the_whole(codes: list[Outcome], size: int) -> None:
    """An outage may begin in one block and end in a later one."""
    planned, outcome = np.arange(len(codes)) * STEP, np.array(codes, np.uint8)
    blocks = [(planned[first : first + size], outcome[first : first + size]) for first in range(0, len(codes), size)]
    found = find_outages_in(blocks, streams=1, end_ns=5 * STEP)
    whole = find_outages(planned, outcome, streams=1, end_ns=5 * STEP)

    assert outage_records(found) == outage_records(whole)
    assert found.losses.tolist() == whole.losses.tolist()
