"""Is there enough evidence? What these find takes nothing from a loss, but no trial is lossless with it."""

from __future__ import annotations

import numpy as np

from harness.analysis.checks.in_place import change_withheld
from harness.analysis.checks.naming import named
from harness.analysis.facts import Facts
from harness.analysis.moments import Seconds
from harness.analysis.thresholds import (
    CLOCK_ERROR_MS,
    LATENESS_P99_MS,
    MISSED_SLOTS,
    SHORTEST_WINDOW_S,
    STALL_MEDIAN_MS,
    UNFINISHED,
)
from harness.model.attempt import Outcome
from harness.model.timeline import Detail, EventKind
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
        Finding(FindingCode.STREAM_WITHOUT_SUCCESS, named(stream))
        for index, stream in enumerate(facts.streams)
        if index not in succeeded
    )


def change_observed(facts: Facts) -> tuple[Finding, ...]:
    """Every repetition was applied, and was seen to have really happened."""
    moments, times = facts.moments, facts.evidence.change.times
    if change_withheld(facts):
        return ()
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
    """Requests left when they were planned: nearly all on the whole, and most while the change was under way."""
    late, limit = facts.late_ms, LATENESS_P99_MS.value
    good = facts.is_sent & ~np.isnan(late)
    if not (late[good] > limit).any():
        return ()
    found = {"max_ms": round(float(late[good].max()), 1), "limit_ms": limit}
    p99 = float(np.percentile(late[good], 99))
    if p99 > limit:
        return (Finding(FindingCode.BEHIND_SCHEDULE, {"p99_ms": round(p99, 1), **found}),)
    begin, end = facts.moments.begin, facts.moments.end
    if begin is None:
        return ()
    # A short change among long quiet times is what the trial is about; a single pause in it is told as that.
    until = max(end if end is not None else np.inf, begin + SHORTEST_WINDOW_S.value)
    through = late[good & (facts.sent_s >= begin) & (facts.sent_s <= until)]
    p90 = float(np.percentile(through, 90)) if len(through) else 0.0
    return (Finding(FindingCode.BEHIND_SCHEDULE, {"p90_ms": round(p90, 1), **found}),) if p90 > limit else ()


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


def nodes_well(facts: Facts) -> tuple[Finding, ...]:
    """No node ran out of anything while traffic flowed; what it was like before the trial is not the trial's to say."""
    evidence = facts.evidence
    if not evidence.origin_ns:
        return ()
    seconds = Seconds(evidence.origin_ns)
    unwell = [e for e in evidence.timeline if e.kind is EventKind.NODE and e.what == "unwell" and not e.detail["found"]]
    met = [(seconds(e.at), e) for e in unwell if 0 <= seconds(e.at) <= facts.moments.stop]
    if not met:
        return ()
    at, first = met[0]
    kinds = ", ".join(sorted({str(event.detail["condition"]) for _, event in met}))
    numbers: Detail = {"node": first.subject, "conditions": kinds, "count": len(met), "first_s": round(at, 3)}
    return (Finding(FindingCode.NODE_UNWELL, numbers),)


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


def no_field_assumed(facts: Facts) -> tuple[Finding, ...]:
    """Name each field that decides about requests, that the cluster does not carry out, and that was left in."""
    return tuple(
        Finding(FindingCode.FIELD_ASSUMED, {"field": each.field, "object": each.object, "effect": each.effect})
        for each in facts.evidence.assumed
    )
