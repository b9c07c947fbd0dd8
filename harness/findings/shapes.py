"""Findings about streams whose connection shape never met the change.

Without them a stream that showed nothing would look lossless.
Each type guards the shapes that name its code in ``SHAPES``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.connections import closed_unused, waited_unused
from harness.analysis.facts import Facts
from harness.analysis.moments import NS
from harness.analysis.planned import Integers
from harness.analysis.row_facts import Mask, Numbers
from harness.findings.finding_type import FindingType, OfStream, Sentence, Subject, TrialFinding, name_of
from harness.model.attempt import Outcome
from harness.model.schedule import Stream
from harness.model.shapes import SHAPES
from harness.model.verdict import Weight
from harness.wording import count, milliseconds, seconds


@dataclass(frozen=True, kw_only=True)
class NeverReused(OfStream, TrialFinding, code="never-reused", weight=Weight.EVIDENCE):
    """A stream that takes its connections from the pool reused none since the change began."""

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NeverReused]:
        """Yield a finding for each such stream."""
        begin, rows = facts.moments.begin, facts.evidence.attempts
        if begin is None:
            return
        reused = facts.is_sent & (rows["carried"] > 0) & (facts.done_s >= begin)
        for stream, mine in _guarded(cls, facts):
            if not (reused & mine).any():
                yield cls(**name_of(stream))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self.stream}: since the change began no request travelled on a connection that had carried one before, "
            "so nothing is known of reused connections.",
            "Raise the rate or make the pool smaller; see whether the server closes every connection.",
        )


@dataclass(frozen=True, kw_only=True)
class NeverIdle(OfStream, TrialFinding, code="never-idle", weight=Weight.EVIDENCE):
    """A stream on idle connections used none since the change began that had been idle for long enough."""

    idle_s: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NeverIdle]:
        """Yield a finding for each such stream."""
        begin, guarded = facts.moments.begin, _guarded(cls, facts)
        if begin is None or not guarded:
            return
        rested = _rested(facts, guarded[0][0]) & (facts.done_s >= begin)
        for stream, mine in guarded:
            if not (rested & mine).any():
                yield cls(**name_of(stream), idle_s=stream.unused_for)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self.stream}: since the change began no request travelled on a connection that had been idle for "
            f"{seconds(self.idle_s)}, so nothing is known of idle connections.",
            "Lengthen the settle time; see whether the server closes connections that are idle for so long.",
        )


@dataclass(frozen=True, kw_only=True)
class NothingUnderWay(OfStream, TrialFinding, code="nothing-under-way", weight=Weight.EVIDENCE):
    """None of the slow answers was under way when the change began."""

    delay_s: float
    answered_s: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NothingUnderWay]:
        """Yield a finding for each such stream."""
        begin, outcome = facts.moments.begin, facts.outcome
        if begin is None:
            return
        ended_later = (facts.done_s >= begin) | (outcome == Outcome.UNFINISHED)
        under_way: Mask = facts.is_sent & (facts.sent_s < begin) & ended_later
        for stream, mine in _guarded(cls, facts):
            if not (under_way & mine).any():
                yield cls(**name_of(stream), delay_s=stream.delay, answered_s=_usual_answer(facts, mine))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        usual = f"; half of them were answered within {milliseconds(self.answered_s * 1000)}" if self.answered_s else ""
        return Sentence(
            f"{self.stream}: when the change began no request was waiting for its answer, which was to take "
            f"{seconds(self.delay_s)}{usual}. So nothing is known of answers that are under way.",
            "The application must honour ?delay=2s in the query, as harness/slow-echo does; http-echo does not.",
        )


@dataclass(frozen=True, kw_only=True)
class NeverPreopened(OfStream, TrialFinding, code="never-preopened", weight=Weight.EVIDENCE):
    """No connection that had waited unused met the change.

    A connection meets the change if it is open and unused when a repetition begins, and then carries a request. It also
    does if the peer closes it instead, provided that before the change requests travelled on connections that had
    waited for as long.

    Attributes:
        preopened_s: Seconds for which a connection had to wait.
        closed: Unused connections that the peer closed since the change began.
    """

    preopened_s: float
    closed: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NeverPreopened]:
        """Yield a finding for each stream without such a connection."""
        begin, guarded = facts.moments.begin, _guarded(cls, facts)
        if begin is None or not guarded:
            return
        starts = np.array(facts.moments.starts or (begin,)) * NS
        waited, connected = waited_unused(facts, guarded[0][0])
        met = waited & _spans(starts, connected, facts.evidence.attempts["done"])
        closed = facts.evidence.connections[closed_unused(facts, begin)]
        was_closed = _spans(starts, closed["connected"], closed["closed"]).any()
        for stream, mine in guarded:
            if not (met & mine).any() and not (was_closed and (waited & mine & (facts.done_s < begin)).any()):
                yield cls(**name_of(stream), preopened_s=stream.unused_for, closed=len(closed))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        closed = f" The other side closed {count(self.closed)} of them before their use." if self.closed else ""
        return Sentence(
            f"{self.stream}: no request since the change travelled on a connection that was opened before it and had "
            f"been unused for {seconds(self.preopened_s)}, so nothing is known of preopened connections.{closed}",
            "Lengthen the baseline; shorten the time if the server closes unused connections sooner.",
        )


@dataclass(frozen=True, kw_only=True)
class NothingWaited(OfStream, TrialFinding, code="nothing-waited", weight=Weight.EVIDENCE, subjects={Subject.WATCH}):
    """No request of a watched stream travelled on a connection that had waited unused for long enough."""

    seconds: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NothingWaited]:
        """Yield a finding for each such stream."""
        for index, stream in enumerate(facts.streams):
            if SHAPES[stream.shape].waits:
                keeps = SHAPES[stream.shape].source.keeps
                waited = _rested(facts, stream) if keeps else waited_unused(facts, stream)[0]
                if not (waited & (facts.stream == index)).any():
                    yield cls(**name_of(stream), seconds=stream.unused_for)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self.stream}: no request travelled on a connection that had waited unused for {seconds(self.seconds)}, "
            "so nothing is known of such connections.",
            "Watch for longer, or shorten the time if the server closes unused connections sooner.",
        )


def _spans(starts: Numbers, opened: Integers, ended: Integers) -> Mask:
    """Return True for intervals that contain the begin of a repetition; all times are nanoseconds from the origin."""
    spans: Mask = np.searchsorted(starts, opened, side="left") < np.searchsorted(starts, ended, side="right")
    return spans


def _guarded(finding: type[FindingType], facts: Facts) -> list[tuple[Stream, Mask]]:
    """Return each stream whose shape is guarded by a finding, with the mask of its attempts.

    A finding guards one shape, so all of these streams have the same one.
    """
    return [
        (stream, facts.stream == index)
        for index, stream in enumerate(facts.streams)
        if SHAPES[stream.shape].guard == finding.code
    ]


def _rested(facts: Facts, stream: Stream) -> Mask:
    """Return True for attempts of a stream's shape on a connection that had been idle for long enough."""
    rows = facts.evidence.attempts
    mine = np.flatnonzero((rows["shape"] == stream.shape) & facts.is_sent)
    mine = mine[np.lexsort((rows["sent"][mine], rows["connection"][mine], rows["worker"][mine]))]
    before, after = mine[:-1], mine[1:]
    same = (rows["connection"][before] == rows["connection"][after]) & (rows["worker"][before] == rows["worker"][after])
    rest = rows["sent"][after] - rows["done"][before]
    rested: Mask = np.zeros(len(rows), dtype=bool)
    rested[after[same & (rows["done"][before] >= 0) & (rest >= stream.unused_for * NS)]] = True
    return rested


def _usual_answer(facts: Facts, stream: Mask) -> float:
    """Return the median seconds to a stream's right answers; 0 if there was none."""
    right = stream & (facts.outcome == Outcome.OK)
    return round(float(np.median((facts.done_s - facts.sent_s)[right])), 3) if right.any() else 0.0
