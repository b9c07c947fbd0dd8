"""Is there enough evidence? What these find takes nothing from a loss, but no trial is lossless with it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analysis.facts import Facts, Numbers
from harness.analysis.thresholds import (
    CLOCK_ERROR_MS,
    LATENESS_P99_MS,
    LONGEST_SEND_GAP_S,
    MISSED_SLOTS,
    SEND_GAP_S,
    STALL_MEDIAN_MS,
    UNFINISHED,
)
from harness.model.attempt import Outcome, Shape
from harness.model.rates import lowest_rate
from harness.model.schedule import Stream
from harness.model.timeline import Detail
from harness.model.verdict import Finding, FindingCode


def traffic_present(facts: Facts) -> tuple[Finding, ...]:
    """Nothing was sent: no trial without traffic is lossless."""
    return () if facts.identity.sent else (Finding(FindingCode.NO_TRAFFIC),)


def streams_succeed(facts: Facts) -> tuple[Finding, ...]:
    """A stream without a single success was never seen to work, so what it says of the change is unknown."""
    if not facts.identity.sent:
        return ()
    succeeded = set(np.unique(facts.stream[facts.outcome == Outcome.OK]).tolist())
    return tuple(
        Finding(FindingCode.STREAM_WITHOUT_SUCCESS, _named(stream))
        for index, stream in enumerate(facts.streams)
        if index not in succeeded
    )


def change_observed(facts: Facts) -> tuple[Finding, ...]:
    """Every repetition was applied, and was seen to have really happened."""
    moments, times = facts.moments, facts.evidence.change.times
    due = frozenset(range(1, times + 1))
    whole = moments.begin is not None and moments.end is not None and not moments.missing
    if whole and due <= moments.applied and due <= moments.observed:
        return ()
    numbers: Detail = {
        "times": times,
        "applied": len(due & moments.applied),
        "observed": len(due & moments.observed),
        "begun": moments.begin is not None,
        "ended": moments.end is not None,
        "missing": "; ".join(dict.fromkeys(text for text in moments.missing if text)),
    }
    return (Finding(FindingCode.CHANGE_NOT_OBSERVED, numbers),)


def overlap(facts: Facts) -> tuple[Finding, ...]:
    """Each stream sent before, during and after the change, without a gap in which an outage would go unseen."""
    begin, end = facts.moments.begin, facts.moments.end
    if begin is None or end is None or not facts.identity.sent:
        return ()
    return tuple(
        finding
        for index, stream in enumerate(facts.streams)
        for finding in _uncovered(stream, np.sort(facts.sent_s[facts.is_sent & (facts.stream == index)]), facts)
    )


def _uncovered(stream: Stream, sent: Numbers, facts: Facts) -> Iterator[Finding]:
    begin, end, stop = facts.moments.begin or 0.0, facts.moments.end or 0.0, facts.moments.stop
    sent = sent[~np.isnan(sent)]
    interval = len(facts.streams) / lowest_rate(facts.evidence.traffic.rate)
    before, through = np.searchsorted(sent, [begin, end], side="right").tolist()
    parts = {"before": before, "during": through - before, "after": len(sent) - through}
    # A change that is over between two requests of a stream is covered by the gap alone.
    needed = ["before", "after"] + (["during"] if end - begin > 2 * interval else [])
    gap = _largest_gap(sent, begin, min(end, stop))
    allowed = min(SEND_GAP_S.value + 2 * interval, LONGEST_SEND_GAP_S.value)
    if all(parts[part] for part in needed) and gap <= allowed:
        return
    yield Finding(FindingCode.NO_OVERLAP, {**_named(stream), **parts, "gap_s": round(gap, 3)})


def _largest_gap(sent: Numbers, begin: float, end: float) -> float:
    """Longest time without a request, of the gaps that touch the change."""
    edges = np.concatenate(([min(begin, sent[0]) if len(sent) else begin], sent, [max(end, begin)]))
    starts, lengths = edges[:-1], np.diff(edges)
    touching = (starts <= end) & (starts + lengths >= begin)
    return float(lengths[touching].max(initial=0.0))


def connections_reused(facts: Facts) -> tuple[Finding, ...]:
    """A stream on reused connections has really reused some since the change began; else it says nothing of them."""
    begin, rows = facts.moments.begin, facts.evidence.attempts
    if begin is None:
        return ()
    reused = facts.is_sent & (rows["carried"] > 0) & (facts.done_s >= begin)
    return tuple(
        Finding(FindingCode.NEVER_REUSED, _named(stream))
        for index, stream in enumerate(facts.streams)
        if stream.shape is Shape.REUSED and not (reused & (facts.stream == index)).any()
    )


def every_slot_sent(facts: Facts) -> tuple[Finding, ...]:
    """Each planned request has left: what was not sent may have been lost."""
    identity = facts.identity
    found = (
        (FindingCode.MISSED_SLOTS, identity.missed),
        (FindingCode.ABANDONED_SLOTS, identity.abandoned),
    )
    return tuple(
        Finding(code, {"count": count, "planned": identity.planned})
        for code, count in found
        if count > MISSED_SLOTS.value
    )


def every_attempt_finished(facts: Facts) -> tuple[Finding, ...]:
    """Each request that left has an outcome."""
    count = facts.identity.unfinished
    return (Finding(FindingCode.UNFINISHED, {"count": count}),) if count > UNFINISHED.value else ()


def schedule_kept(facts: Facts) -> tuple[Finding, ...]:
    """Requests left when they were planned."""
    late = facts.late_ms[facts.is_sent & ~np.isnan(facts.late_ms)]
    if not len(late):
        return ()
    p99 = float(np.percentile(late, 99))
    if p99 <= LATENESS_P99_MS.value:
        return ()
    numbers = {"p99_ms": round(p99, 1), "max_ms": round(float(late.max()), 1), "limit_ms": LATENESS_P99_MS.value}
    return (Finding(FindingCode.BEHIND_SCHEDULE, numbers),)


def machine_kept_up(facts: Facts) -> tuple[Finding, ...]:
    """In no second did the machine leave the sender without processor time."""
    good = facts.is_sent & ~np.isnan(facts.late_ms)
    late = facts.late_ms[good]
    if not (late > STALL_MEDIAN_MS.value).any():
        return ()
    # Half of a second's requests are late exactly where the median is: no need to sort.
    second = facts.sent_s[good].astype(np.int64)
    second -= second.min()
    total = np.bincount(second)
    slow = np.bincount(second, weights=late > STALL_MEDIAN_MS.value)
    stalled = int(((slow * 2 > total) & (total > 0)).sum())
    if not stalled:
        return ()
    numbers = {"seconds": stalled, "max_ms": round(float(late.max()), 1), "limit_ms": STALL_MEDIAN_MS.value}
    return (Finding(FindingCode.MACHINE_SATURATED, numbers),)


def watch_uninterrupted(facts: Facts) -> tuple[Finding, ...]:
    """The cluster was in sight from the change's begin to the end of sending."""
    begin = facts.moments.begin or 0.0
    blind = [at for at in facts.moments.interruptions if begin <= at <= facts.moments.stop]
    if not blind:
        return ()
    return (Finding(FindingCode.WATCH_INTERRUPTED, {"count": len(blind), "first_s": round(blind[0] - begin, 3)}),)


def clocks_agree(facts: Facts) -> tuple[Finding, ...]:
    """The times of workers on other machines can be held against the change's."""
    wrong = {
        number: error for number, error in facts.evidence.clock_errors.items() if error * 1000 > CLOCK_ERROR_MS.value
    }
    return tuple(
        Finding(
            FindingCode.CLOCK_UNCERTAIN,
            {"worker": number, "error_ms": round(error * 1000, 2), "limit_ms": CLOCK_ERROR_MS.value},
        )
        for number, error in sorted(wrong.items())
    )


def _named(stream: Stream) -> Detail:
    return {"method": stream.method.name, "shape": stream.shape.name.lower(), "path": stream.path}
