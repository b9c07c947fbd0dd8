"""What a reader should know beside the verdict; nothing here changes it."""

from __future__ import annotations

import numpy as np

from harness.analysis.connections import KEPT, alive_at, count_connections
from harness.analysis.facts import Facts, Mask
from harness.analysis.thresholds import GRACE_SLACK_S
from harness.analysis.workload import deployment_of, has_prestop, replaced
from harness.model.attempt import Outcome, Shape
from harness.model.timeline import Detail, EventKind
from harness.model.verdict import Finding, FindingCode


def false_green(facts: Facts) -> tuple[Finding, ...]:
    """Nothing was lost without a preStop: the old pods never heeded SIGTERM, and served until SIGKILL."""
    evidence, begin = facts.evidence, facts.moments.begin
    deployment = deployment_of(evidence)
    if deployment is None or begin is None or facts.is_lost.any() or has_prestop(evidence, deployment):
        return ()
    deaf = [
        life
        for life in replaced(evidence, deployment, begin)
        if life.grace > 2 * GRACE_SLACK_S.value
        and life.gone is not None
        and life.gone - (life.terminating or 0.0) >= life.grace - GRACE_SLACK_S.value
    ]
    if not deaf:
        return ()
    numbers: Detail = {"pods": len(deaf), "grace_s": deaf[0].grace, "image": deaf[0].labels.get("image", "")}
    return (Finding(FindingCode.FALSE_GREEN, numbers),)


def rollout_stuck(facts: Facts) -> tuple[Finding, ...]:
    """A rollout that was meant to get stuck did, and was called failed at its deadline."""
    change = facts.evidence.change
    if not change.is_meant_to_fail or not facts.moments.observed:
        return ()
    deployment = deployment_of(facts.evidence) or {}
    deadline = deployment.get("spec", {}).get("progressDeadlineSeconds", 600)
    return (Finding(FindingCode.ROLLOUT_STUCK, {"deadline_s": deadline}),)


def prestop_failed(facts: Facts) -> tuple[Finding, ...]:
    """A preStop hook failed, so that its container was stopped at once."""
    failed = [
        event
        for event in facts.evidence.timeline
        if event.kind is EventKind.KUBELET and event.what == "FailedPreStopHook"
    ]
    if not failed:
        return ()
    message = str(failed[0].detail.get("message", ""))
    numbers: Detail = {"count": len({event.subject for event in failed}), "message": message}
    return (Finding(FindingCode.PRESTOP_FAILED, numbers),)


def connections_cut(facts: Facts) -> tuple[Finding, ...]:
    """Kept-alive connections were ended by the peer, unannounced, since the change began."""
    counted = count_connections(facts)
    if not counted.cut:
        return ()
    numbers: Detail = {
        "cut": counted.cut,
        "by_rst": counted.cut_by_rst,
        "pooled": counted.pooled,
        "lost_reused": int(np.count_nonzero(_lost_by_cut(facts))),
        "times": max(1, len(facts.moments.starts)),
        "looks": facts.evidence.traffic.pool.look,
    }
    return (Finding(FindingCode.CONNECTIONS_CUT, numbers),)


def _lost_by_cut(facts: Facts) -> Mask:
    """Requests that a kept-alive connection's end cost: those that got an answer, if a bad one, are others."""
    rows = facts.evidence.attempts
    ended = np.isin(facts.outcome, (Outcome.CLOSED, Outcome.RESET)) & ~facts.is_before
    lost: Mask = ended & (rows["carried"] > 0) & np.isin(rows["shape"], KEPT)
    return lost


def clocks_compared(facts: Facts) -> tuple[Finding, ...]:
    """Workers on other machines sent a part, and how well their clocks are known."""
    errors = facts.evidence.clock_errors
    if not errors:
        return ()
    numbers: Detail = {"workers": len(errors), "error_ms": round(max(errors.values()) * 1000, 3)}
    return (Finding(FindingCode.CLOCKS_COMPARED, numbers),)


def pool_not_filled(facts: Facts) -> tuple[Finding, ...]:
    """The change found fewer kept-alive connections than were asked for."""
    plan, begin = facts.evidence.traffic, facts.moments.begin
    if Shape.REUSED not in plan.shapes or begin is None:
        return ()
    filled = int(np.count_nonzero(alive_at(facts.evidence.connections, begin, (Shape.REUSED,))))
    if filled >= plan.pool.size:
        return ()
    return (Finding(FindingCode.POOL_NOT_FILLED, {"pooled": filled, "size": plan.pool.size}),)
