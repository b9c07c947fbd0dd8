"""Finds outages from the planned times alone, so that a late sender can't shorten the outage that it measures.

The requests of all streams are examined in planned order. An outage begins with a lost request. It ends after
``RECOVERED`` answered requests in a row, or two of every stream if that is more. So losses with answers in between (one
of two pods is broken) are one outage and not hundreds. An outage lasts from the planned time of its first lost request
to that of the first answered request after its last lost one. Requests with unknown outcome begin no outage and end
none.

Limits: the true length may differ by one distance of requests at either end. If an application hangs, requests that are
answered within their timeout do not belong to the outage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from harness.analysis.row_facts import IS_LOSS, IS_SENT
from harness.model.attempt import Outcome
from harness.model.watch import Outage

#: Requests in a row that must be answered before an outage is over. With fewer, losses of one request in three would be
#: many outages. With more, two outages shortly after each other would be one.
RECOVERED = 10
#: Most outages that are listed one by one; of more, the longest are kept.
LISTED = 1000
_NS = 1_000_000_000

Times = np.ndarray[tuple[int], np.dtype[np.int64]]
Indices = np.ndarray[tuple[int], np.dtype[np.int64]]
Codes = np.ndarray[tuple[int], np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class OutageArrays:
    """All outages of some traffic, as arrays with one element per outage, in order of time.

    Attributes:
        start: Planned time of the first lost request, nanoseconds from the origin.
        end: Planned time of the first answered request after it; the schedule's end if there is none.
        lost: Requests lost in it.
        sent: Requests sent in it, including the lost ones.
        is_over: True if a request was answered after it.
        losses: Outcome codes of all lost requests in order: those of the first outage, then of the second, ...
    """

    start: Times
    end: Times
    lost: Indices
    sent: Indices
    is_over: np.ndarray[tuple[int], np.dtype[np.bool_]]
    losses: Codes

    def __len__(self) -> int:
        return len(self.start)


def find_outages(planned: Times, outcome: Codes, *, streams: int, end_ns: int) -> OutageArrays:
    """Find all outages.

    Args:
        planned: Planned time of each attempt in nanoseconds from the origin, shape (n,), in any order.
        outcome: Outcome code of each, shape (n,).
        streams: Number of streams of the attempts.
        end_ns: End of the schedule in nanoseconds from the origin.
    """
    if (np.diff(planned) < 0).any():
        order = np.argsort(planned, kind="stable")
        planned, outcome = planned[order], outcome[order]
    return find_outages_in([(planned, outcome)], streams=streams, end_ns=end_ns)


def find_outages_in(blocks: Iterable[tuple[Times, Codes]], *, streams: int, end_ns: int) -> OutageArrays:
    """Find all outages in attempts that come in blocks, in the order of their planned times.

    Args:
        blocks: Planned times and outcome codes of each block.
        streams: As in ``find_outages``.
        end_ns: As in ``find_outages``.
    """
    losses = _Losses()
    for planned, outcome in blocks:
        losses.take(planned, outcome)
    return losses.outages(max(RECOVERED, 2 * streams), end_ns)


class _Losses:
    """The losses so far, with the counts of other attempts before each of them."""

    def __init__(self) -> None:
        self._answered = self._sent = 0
        self._latest = -1
        none = np.zeros(0, np.int64)
        # For each loss: planned time, answers before it, requests sent before it.
        self._columns = [(none, none, none)]
        self._codes = [np.zeros(0, np.uint8)]
        # For each loss: planned time of the first answer after it, requests sent before that; -1 while there is none.
        self._after = [np.zeros((2, 0), np.int64)]
        self._open: list[np.ndarray[tuple[int, int], np.dtype[np.int64]]] = []

    def take(self, planned: Times, outcome: Codes) -> None:
        if not len(planned):
            return
        self._latest = int(planned[-1])
        lost, answered = np.flatnonzero(IS_LOSS[outcome]), np.flatnonzero(outcome == Outcome.OK)
        sent_before = self._sent + np.concatenate(([0], np.cumsum(IS_SENT[outcome])))
        if len(answered):
            for each in self._open:
                waiting = each[0] < 0
                each[0, waiting], each[1, waiting] = planned[answered[0]], sent_before[answered[0]]
            self._open.clear()
        if len(lost):
            places = np.searchsorted(answered, lost)
            after = np.full((2, len(lost)), -1, np.int64)
            known = places < len(answered)
            first = answered[places[known]]
            after[0, known], after[1, known] = planned[first], sent_before[first]
            self._after.append(after)
            if not known.all():
                self._open.append(after)
            self._columns.append((planned[lost], places + self._answered, sent_before[lost]))
            self._codes.append(outcome[lost])
        self._answered += len(answered)
        self._sent = int(sent_before[-1])

    def outages(self, needed: int, end_ns: int) -> OutageArrays:
        """Return the outages, each of which ends with ``needed`` answers in a row."""
        planned, answered, sent = (np.concatenate(parts) for parts in zip(*self._columns, strict=True))
        after = np.concatenate(self._after, axis=1)
        first = np.flatnonzero(np.diff(answered, prepend=-needed) >= needed)
        last = np.append(first[1:], len(planned)) - 1 if len(first) else first
        is_over = after[0, last] >= 0
        return OutageArrays(
            start=planned[first],
            end=np.where(is_over, after[0, last], max(end_ns, self._latest)),
            lost=last - first + 1,
            sent=np.where(is_over, after[1, last], self._sent) - sent[first],
            is_over=is_over,
            losses=np.concatenate(self._codes),
        )


def outage_records(outages: OutageArrays) -> tuple[Outage, ...]:
    """Return each outage as a record; only the ``LISTED`` longest if there are more."""
    chosen = np.sort(np.argsort(outages.start - outages.end, kind="stable")[:LISTED])
    ends = np.cumsum(outages.lost)
    return tuple(
        Outage(
            start=round(int(outages.start[index]) / _NS, 6),
            end=round(int(outages.end[index]) / _NS, 6),
            lost=int(outages.lost[index]),
            sent=int(outages.sent[index]),
            classes=_classes(outages.losses[ends[index] - outages.lost[index] : ends[index]]),
            is_over=bool(outages.is_over[index]),
        )
        for index in chosen.tolist()
    )


def _classes(codes: Codes) -> dict[str, int]:
    values, counts = np.unique(codes, return_counts=True)
    pairs = zip(values.tolist(), counts.tolist(), strict=True)
    return {Outcome(code).label: count for code, count in sorted(pairs, key=lambda pair: (-pair[1], pair[0]))}
