"""What was lost: before the change, when it can't be the change's doing, and since."""

from __future__ import annotations

import numpy as np

from harness.analysis.facts import Facts, Mask, delays, losses_by_label
from harness.analysis.workload import drops_routes, stayed_ready
from harness.model.attempt import Method, Outcome, Shape
from harness.model.timeline import Detail
from harness.model.verdict import Finding, FindingCode

#: Statuses that are named one by one; more say nothing further.
_STATUSES = 4
#: Methods that are always counted; others where they were sent.
_USUAL = frozenset({Method.GET, Method.POST})


def loss_before_change(facts: Facts) -> tuple[Finding, ...]:
    """Something was lost that the change can't have cost: the environment or the harness itself loses requests."""
    lost = facts.is_lost & facts.is_before
    if not lost.any():
        return ()
    numbers: Detail = {
        "lost": int(lost.sum()),
        "classes": _counts(losses_by_label(facts.outcome[lost])),
        "early_answers": int((facts.out_of_turn.early & lost).sum()),
        "begun": facts.moments.begin is not None,
    }
    return (Finding(FindingCode.LOSS_BEFORE_CHANGE, numbers),)


def requests_lost(facts: Facts) -> tuple[Finding, ...]:
    """A request of the time since the change began was lost."""
    lost = facts.is_lost & ~facts.is_before
    if not lost.any():
        return ()
    when = facts.sent_s[lost]
    since = when - (facts.moments.begin or 0.0)
    rows = facts.evidence.attempts
    numbers: dict[str, str | int | float | bool] = {
        "lost": int(lost.sum()),
        "sent": facts.identity.sent,
        "classes": _counts(losses_by_label(facts.outcome[lost])),
        "statuses": _statuses(facts, lost),
        "first_s": round(float(np.nanmin(since)), 3),
        "last_s": round(float(np.nanmax(since)), 3),
        "window_s": round(_longest_after_start(facts, lost), 3),
        "change": facts.evidence.change.kind,
        "pods_stayed": stayed_ready(facts.evidence, facts.moments.begin or 0.0, facts.moments.stop),
    }
    if drops_routes(facts.evidence):
        numbers["drops_routes"] = True
    methods = sorted(_USUAL.union(facts.evidence.traffic.methods))
    numbers |= {f"lost_{method.name.lower()}": int((rows["method"][lost] == method).sum()) for method in methods}
    shapes = sorted({Shape.NEW, Shape.REUSED, *facts.evidence.traffic.shapes})
    numbers |= {f"lost_{shape.name.lower()}": int((rows["shape"][lost] == shape).sum()) for shape in shapes}
    return (Finding(FindingCode.REQUESTS_LOST, numbers),)


def _longest_after_start(facts: Facts, lost: Mask) -> float:
    """The longest time from the beginning of a repetition to a loss that it may have cost.

    An answer that was asked to be slow may be the cost of a repetition that began while it was under way.
    """
    starts = np.array(facts.moments.starts or (facts.moments.begin or 0.0,))
    when = facts.sent_s[lost]
    late = delays(facts.streams, facts.stream[lost])
    nearest = np.searchsorted(starts, when if late is None else when + late, side="right") - 1
    return max(0.0, float(np.nanmax(when - starts[np.maximum(nearest, 0)])))


def _statuses(facts: Facts, lost: Mask) -> str:
    """``502 x 31, 503 x 4``."""
    status = facts.evidence.attempts["status"][lost & (facts.outcome == Outcome.STATUS)]
    values, counts = np.unique(status, return_counts=True)
    most = sorted(zip(counts.tolist(), values.tolist(), strict=True), reverse=True)[:_STATUSES]
    return ", ".join(f"{value} × {count}" for count, value in most)  # noqa: RUF001 - shown to people


def _counts(losses: dict[str, int]) -> str:
    return ", ".join(f"{label} {n}" for label, n in losses.items())
