"""Was anybody there to see it? Each stream must have sent before, during and after the change, and without a pause.

What is held against the times at which requests left is the schedule itself, not its mean: between random arrivals, and
where a ramp is low, distances are long without any fault of the sender.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analysis.checks.naming import named
from harness.analysis.facts import Facts, Mask, Numbers
from harness.analysis.moments import NS
from harness.analysis.planned import Integers, planner
from harness.analysis.schedule import global_slots
from harness.analysis.thresholds import LONGEST_SEND_GAP_S, SEND_GAP_S, SENDER_PAUSE_MS
from harness.model.verdict import Finding, FindingCode


def overlap(facts: Facts) -> tuple[Finding, ...]:
    """Each stream sent before, during and after the change, without a gap in which an outage would go unseen."""
    begin, end = facts.moments.begin, facts.moments.end
    if begin is None or end is None or not facts.identity.sent:
        return ()
    return tuple(finding for index in range(len(facts.streams)) for finding in _uncovered(facts, index, begin, end))


def sender_paused(facts: Facts) -> tuple[Finding, ...]:
    """For how long, since the change began, nothing left although it was to: no shorter outage would have been seen."""
    begin, late = facts.moments.begin, facts.late_ms
    if begin is None or not (facts.is_sent & (late > SENDER_PAUSE_MS.value)).any():
        return ()
    since = facts.is_sent & (facts.sent_s >= begin)
    order = np.argsort(facts.sent_s[since], kind="stable")
    left, planned = facts.sent_s[since][order], facts.evidence.attempts["planned"][since][order] / NS
    if not len(left):
        return ()
    # Nothing was due before the first request that the pause held up, and something left right before it.
    quiet_since = np.maximum(np.concatenate(([-np.inf], left[:-1])), planned)
    pauses = left - quiet_since
    longest = int(pauses.argmax())
    if pauses[longest] * 1000 <= SENDER_PAUSE_MS.value:
        return ()
    numbers = {
        "pause_ms": round(float(pauses[longest]) * 1000, 1),
        "at_s": round(float(quiet_since[longest]) - begin, 3),
        "count": int((pauses * 1000 > SENDER_PAUSE_MS.value).sum()),
        "limit_ms": SENDER_PAUSE_MS.value,
    }
    return (Finding(FindingCode.SENDER_PAUSED, numbers),)


def _uncovered(facts: Facts, index: int, begin: float, end: float) -> Iterator[Finding]:
    rows = facts.evidence.attempts
    mine: Mask = facts.stream == index
    left: Mask = mine & facts.is_sent & ~np.isnan(facts.sent_s)
    places = np.flatnonzero(left)
    sent = facts.sent_s[places]
    if (np.diff(sent) < 0).any():
        order = np.argsort(sent, kind="stable")
        places, sent = places[order], sent[order]
    before, through = np.searchsorted(sent, [begin, end], side="right").tolist()
    parts = {"before": before, "during": through - before, "after": len(sent) - through}
    # A change that is over between two requests of a stream is covered by the gap alone.
    planned = rows["planned"][mine]
    due = int(((planned >= begin * NS) & (planned <= end * NS)).sum())
    needed = ["before", "after"] + (["during"] if due > 1 else [])
    covered = all(parts[part] for part in needed)
    if covered and not _is_silent(facts, sent, places, begin, min(end, facts.moments.stop)):
        return
    gap = _largest_gap(sent, begin, min(end, facts.moments.stop))
    yield Finding(FindingCode.NO_OVERLAP, {**named(facts.streams[index]), **parts, "gap_s": round(gap, 3)})


def _is_silent(facts: Facts, sent: Numbers, places: Integers, begin: float, end: float) -> bool:
    """Whether a gap that touches the change is longer than the schedule has it there, or than any may be."""
    gaps = np.diff(sent)
    touching = (sent[:-1] <= end) & (sent[1:] >= begin) & (gaps > SEND_GAP_S.value)
    if not touching.any():
        return False
    kinds, evidence = len(facts.streams), facts.evidence
    slots = global_slots(evidence.attempts[places[:-1][touching]], evidence.workers, kinds)
    times = planner(evidence.traffic)
    slots = np.maximum(slots, 0)
    planned = (times(slots + kinds) - times(slots)) / NS
    return bool((gaps[touching] > np.minimum(SEND_GAP_S.value + planned, LONGEST_SEND_GAP_S.value)).any())


def _largest_gap(sent: Numbers, begin: float, end: float) -> float:
    """Longest time without a request, of the gaps that touch the change."""
    edges = np.concatenate(([min(begin, sent[0]) if len(sent) else begin], sent, [max(end, begin)]))
    starts, lengths = edges[:-1], np.diff(edges)
    touching = (starts <= end) & (starts + lengths >= begin)
    return float(lengths[touching].max(initial=0.0))
