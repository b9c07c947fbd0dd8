"""What a release promises beside that nothing is lost: shares as asked for, sessions that stay, candidates compared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.facts import Facts
from harness.analysis.measures import EMPTY_SERIES
from harness.analysis.splits import answering_of
from harness.analysis.thresholds import DIFFERENCE_P
from harness.analysis.turns import bound_attempts, changed_routes, untold, versions
from harness.model.attempt import Method, Outcome
from harness.model.events import ChangeEvent, Rollback, StepDetail
from harness.model.timeline import Detail
from harness.model.verdict import Finding, FindingCode


def answered_out_of_turn(facts: Facts) -> tuple[Finding, ...]:
    """What the losses by ``wrong-answer`` were, where an answer was right in itself but not at its time."""
    out = facts.out_of_turn
    numbers: Detail = {
        "early": int(out.early.sum()),
        "late": int(out.late.sum()),
        "strayed": int((out.strayed & ~out.late & ~out.early).sum()),
        "change": facts.evidence.change.kind,
    }
    return (Finding(FindingCode.ANSWERED_OUT_OF_TURN, numbers),) if out.wrong.any() else ()


def shares_as_asked(facts: Facts) -> tuple[Finding, ...]:
    """Each step's share is what was asked for, as far as chance explains; and there was something to count."""
    found = []
    for split in answering_of(facts, EMPTY_SERIES).splits:
        numbers: Detail = {
            "n": split.n,
            "step": split.step,
            "asked": split.asked,
            "counted": split.counted,
            "new": split.new,
            "low": split.interval.low,
            "high": split.interval.high,
            "wide_low": split.wide.low,
            "wide_high": split.wide.high,
            "sessions": split.sessions,
            "seconds": round(split.end - split.start, 3),
        }
        if not split.counted:
            found.append(Finding(FindingCode.SHARE_NOT_MEASURED, numbers))
        elif not split.is_as_asked:
            found.append(Finding(FindingCode.SHARE_NOT_AS_ASKED, numbers))
    return tuple(found)


def stages_recorded(facts: Facts) -> tuple[Finding, ...]:
    """Every step and every way back is on the timeline: of what is not there, nobody asked who answered.

    A rollback excuses the steps after it, but only where the ledger has the loss that called for it.
    """
    missing = tuple(_unrecorded(facts))
    return (Finding(FindingCode.RELEASE_INCOMPLETE, {"missing": "; ".join(missing)}),) if missing else ()


def _unrecorded(facts: Facts) -> Iterator[str]:
    change, events = facts.evidence.change, ChangeTimeline(facts.evidence)
    if not change.version_routes:
        return
    # What was not seen at all is the matter of ``change_observed``.
    for n in (n for n in range(1, change.times + 1) if events.at(ChangeEvent.OBSERVED, n) < np.inf):
        goes_back = n < change.times or change.undoes_itself
        rollback = next((m for m in events.named(ChangeEvent.ROLLBACK, Rollback) if m.n == n), None)
        if rollback is not None:
            if not (facts.is_lost & ~facts.is_before).any():
                yield f"repetition {n}: the loss for which it was rolled back"
            if events.at(ChangeEvent.ROLLBACK_OBSERVED, n) == np.inf:
                yield f"repetition {n}: {ChangeEvent.ROLLBACK_OBSERVED}"
        elif goes_back and np.inf in {events.at(ChangeEvent.UNDONE, n), events.at(ChangeEvent.UNDO_OBSERVED, n)}:
            yield f"repetition {n}: the way back"
        if change.steps_asked:
            last = (rollback.detail.step or 0) - 1 if rollback is not None else change.steps_asked
            seen = [(m.n, m.detail.step) for m in events.named(ChangeEvent.STEP_OBSERVED, StepDetail)]
            yield from (f"repetition {n}: step {i}" for i in range(1, last + 1) if (n, i) not in seen)


def versions_told(facts: Facts) -> tuple[Finding, ...]:
    """Whoever gave a good answer can be told by it: else an answer by the wrong version would pass for a right one.

    An answer to HEAD has no body, and is judged by its status alone.
    """
    rows, change = facts.evidence.attempts, facts.evidence.change
    if not change.version_routes:
        return ()
    mine = np.isin(rows["route"], changed_routes(facts.evidence)) & (facts.outcome == Outcome.OK)
    count = int((mine & (rows["method"] != Method.HEAD) & untold(facts.evidence)).sum())
    return (Finding(FindingCode.VERSION_UNTOLD, {"count": count}),) if count else ()


def rolled_back(facts: Facts) -> tuple[Finding, ...]:
    """A canary was taken back since a step of it lost requests."""
    if not facts.evidence.change.steps_asked:
        return ()
    return tuple(
        Finding(
            FindingCode.ROLLED_BACK,
            {"step": moment.detail.step or 0, "lost": moment.detail.lost or 0},
        )
        for moment in ChangeTimeline(facts.evidence).named(ChangeEvent.ROLLBACK, Rollback)
    )


def sessions_seen(facts: Facts) -> tuple[Finding, ...]:
    """Whether sessions stay with their candidate was seen at all: some came back with a cookie."""
    change = facts.evidence.change
    if not change.sticky_cookie:
        return ()
    version, good = versions(facts.evidence), facts.evidence.attempts["outcome"] == Outcome.OK
    bound = bound_attempts(facts.evidence, version, (facts.sent_s, facts.done_s), good)
    if any(len(rows) > 1 for _, _, rows in bound):
        return ()
    return (Finding(FindingCode.NEVER_STICKY, {"cookie": change.sticky_cookie}),)


def candidates_differ(facts: Facts) -> tuple[Finding, ...]:
    """One candidate succeeds more often than the other, by more than chance."""
    answering = answering_of(facts, EMPTY_SERIES)
    test = answering.comparison
    if test is None or test.p_value >= DIFFERENCE_P.value:
        return ()
    a, b = answering.candidates[:2]
    numbers: Detail = {
        "a_successes": a.successes,
        "a_sent": a.sent,
        "b_successes": b.successes,
        "b_sent": b.sent,
        "latency_s": test.latency,
        "p_value": test.p_value,
        "method": test.method,
    }
    return (Finding(FindingCode.CANDIDATES_DIFFER, numbers),)
