"""Did each shape of attempts meet the change as it was meant to? Else its stream says nothing of what it stands for."""

from __future__ import annotations

import numpy as np

from harness.analysis.checks.naming import named
from harness.analysis.facts import Facts, Mask
from harness.analysis.moments import NS
from harness.model.attempt import Outcome, Shape
from harness.model.verdict import Finding, FindingCode


def connections_reused(facts: Facts) -> tuple[Finding, ...]:
    """A stream on reused connections has really reused some since the change began; else it says nothing of them."""
    begin, rows = facts.moments.begin, facts.evidence.attempts
    if begin is None:
        return ()
    reused = facts.is_sent & (rows["carried"] > 0) & (facts.done_s >= begin)
    return tuple(
        Finding(FindingCode.NEVER_REUSED, named(stream))
        for index, stream in enumerate(facts.streams)
        if stream.shape is Shape.REUSED and not (reused & (facts.stream == index)).any()
    )


def idle_connections_used(facts: Facts) -> tuple[Finding, ...]:
    """A stream on idle connections has, since the change began, used some that had been idle for long enough."""
    begin = facts.moments.begin
    if begin is None or Shape.IDLE not in facts.evidence.traffic.shapes:
        return ()
    rested = _rested(facts) & (facts.done_s >= begin)
    return tuple(
        Finding(FindingCode.NEVER_IDLE, {**named(stream), "idle_s": facts.evidence.traffic.idle})
        for index, stream in enumerate(facts.streams)
        if stream.shape is Shape.IDLE and not (rested & (facts.stream == index)).any()
    )


def slow_answers_under_way(facts: Facts) -> tuple[Finding, ...]:
    """When the change began, some of the answers that were asked to be slow were under way."""
    begin, outcome = facts.moments.begin, facts.outcome
    if begin is None or Shape.SLOW not in facts.evidence.traffic.shapes:
        return ()
    ended_later = (facts.done_s >= begin) | (outcome == Outcome.UNFINISHED)
    under_way: Mask = facts.is_sent & (facts.sent_s < begin) & ended_later
    return tuple(
        Finding(
            FindingCode.NOTHING_UNDER_WAY,
            {**named(stream), "delay_s": stream.delay, "answered_s": _usual_answer(facts, facts.stream == index)},
        )
        for index, stream in enumerate(facts.streams)
        if stream.shape is Shape.SLOW and not (under_way & (facts.stream == index)).any()
    )


def _rested(facts: Facts) -> Mask:
    """Attempts on a connection whose request before was over for as long as the plan asks for."""
    rows = facts.evidence.attempts
    mine = np.flatnonzero((rows["shape"] == Shape.IDLE) & facts.is_sent)
    mine = mine[np.lexsort((rows["sent"][mine], rows["connection"][mine], rows["worker"][mine]))]
    before, after = mine[:-1], mine[1:]
    same = (rows["connection"][before] == rows["connection"][after]) & (rows["worker"][before] == rows["worker"][after])
    rest = rows["sent"][after] - rows["done"][before]
    rested: Mask = np.zeros(len(rows), dtype=bool)
    rested[after[same & (rows["done"][before] >= 0) & (rest >= facts.evidence.traffic.idle * NS)]] = True
    return rested


def _usual_answer(facts: Facts, stream: Mask) -> float:
    """Seconds in which half of a stream's right answers came; 0 if there was none."""
    right = stream & (facts.outcome == Outcome.OK)
    return round(float(np.median((facts.done_s - facts.sent_s)[right])), 3) if right.any() else 0.0
