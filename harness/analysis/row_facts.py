"""Computes everything about an attempt that follows from its own record, for a whole ledger or a block of it.

All arrays are parallel to the rows. All work on them is done by numpy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.analysis.answer_versions import MistimedAnswers
from harness.analysis.evidence import Rows, TrialEvidence
from harness.analysis.moments import NS, Moments
from harness.model.attempt import LOSSES, Outcome, Progress
from harness.model.schedule import Stream, streams

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Codes = np.ndarray[tuple[int], np.dtype[np.uint8]]
StreamIndices = np.ndarray[tuple[int], np.dtype[np.unsignedinteger[Any]]]

#: By outcome code: True for a lost request.
IS_LOSS = np.isin(np.arange(256), [int(loss) for loss in LOSSES])
#: By outcome code: True for a request that was, or may have been, sent.
IS_SENT = ~np.isin(np.arange(256), [int(Outcome.MISSED), int(Outcome.CLIENT_FAULT)])


@dataclass(frozen=True, slots=True)
class RowFacts:
    """Facts of some attempts, each by itself.

    Attributes:
        rows: The attempts.
        outcome: Outcome codes; a mistimed answer is a ``WRONG_ANSWER`` here.
        is_sent: True for requests that were, or may have been, sent: neither missed nor a client fault.
        is_lost: True for lost requests.
        stream: Index into ``streams``.
        streams: The plan's streams.
        sent_s: Sent time, seconds; NaN if it was never sent.
        done_s: Time at which the outcome was known, seconds; NaN if it never was.
        mistimed: Losses whose answer is right in itself, but not at its time.
    """

    rows: Rows
    outcome: Codes
    is_sent: Mask
    is_lost: Mask
    stream: StreamIndices
    streams: tuple[Stream, ...]
    sent_s: Numbers
    done_s: Numbers
    mistimed: MistimedAnswers

    @classmethod
    def of(cls, evidence: TrialEvidence, moments: Moments, rows: Rows | None = None) -> RowFacts:
        """Compute the facts of a trial's attempts, or of a block of them."""
        if rows is not None:
            evidence = replace(evidence, attempts=rows)
        rows = evidence.attempts
        sent_s, done_s = _seconds(rows["sent"]), _seconds(rows["done"])
        mistimed = MistimedAnswers.of(evidence, sent_s, done_s, moments)
        outcome = np.where(mistimed.wrong, np.uint8(Outcome.WRONG_ANSWER), rows["outcome"]).astype(np.uint8)
        order = streams(evidence.traffic)
        return cls(
            rows=rows,
            outcome=outcome,
            is_sent=IS_SENT[outcome],
            is_lost=IS_LOSS[outcome],
            stream=(rows["number"] % len(order)).astype(np.min_scalar_type(len(order))),
            streams=order,
            sent_s=sent_s,
            done_s=done_s,
            mistimed=mistimed,
        )

    @property
    def is_timed(self) -> Mask:
        """Return True for requests that were sent at a known time."""
        timed: Mask = self.is_sent & ~np.isnan(self.sent_s)
        return timed

    @property
    def late_ms(self) -> Numbers:
        """Return how long after its planned time each request was sent; NaN if it never was.

        It is computed on each call, since it is as long as the ledger.
        """
        late = self.sent_s - self.rows["planned"] / NS
        late *= 1000
        return late

    @property
    def is_answered(self) -> Mask:
        """Return True for attempts with a whole answer and both times."""
        answered: Mask = (self.rows["progress"] == Progress.ANSWERED) & ~np.isnan(self.done_s + self.sent_s)
        return answered

    @property
    def undelayed_s(self) -> Numbers:
        """Return when answers would have come without the requested delay; never before the request was sent."""
        late = delays(self.streams, self.stream)
        return self.done_s if late is None else np.maximum(self.done_s - late, self.sent_s)

    def latencies(self, answered: Mask) -> tuple[Numbers, Numbers]:
        """Return the milliseconds from sending, and from the planned time, to each of some answers."""
        done = self.undelayed_s
        from_sent: Numbers = (done - self.sent_s)[answered] * 1000
        from_planned: Numbers = (done - self.rows["planned"] / NS)[answered] * 1000
        return from_sent, from_planned


def delays(order: tuple[Stream, ...], stream: StreamIndices) -> Numbers | None:
    """Return the requested delay of each answer in seconds; None if there is none."""
    if not any(each.delay for each in order):
        return None
    found: Numbers = np.array([each.delay for each in order])[stream]
    return found


def has_sane_success(evidence: TrialEvidence, rows: Rows) -> Mask:
    """Return False for rows that contradict a success: wrong status, incomplete answer, or end before start."""
    right: Mask = (rows["status"] >= 200) & (rows["status"] < 300)
    for index, route in enumerate(evidence.traffic.routes):
        if route.statuses:
            mine = rows["route"] == index
            right[mine] = np.isin(rows["status"][mine], route.statuses)
    right &= (rows["progress"] == Progress.ANSWERED) & (rows["sent"] >= 0) & (rows["done"] >= rows["sent"])
    return right


def _seconds(times: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Numbers:
    seconds: Numbers = times / NS
    seconds[times < 0] = np.nan
    return seconds
