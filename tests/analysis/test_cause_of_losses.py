"""What tells the causes of losses apart: a connection's end from a bad answer, a reload from a missing pod."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.evidence import TrialEvidence
from harness.analysis.judge import judge_trial
from harness.model.attempt import CloseReason, Outcome
from harness.model.changes import IngressEdit
from harness.model.timeline import Event, EventKind
from harness.model.verdict import Finding, FindingCode
from harness.testing.evidence import quiet_trial, with_cut_connections, with_losses


def found(evidence: TrialEvidence) -> dict[FindingCode, Finding]:
    """Findings of a trial by code."""
    return {finding.code: finding for finding in judge_trial(evidence).findings}


def test_only_a_connections_end_is_counted_as_its_cost() -> None:
    """Requests that were answered by a 503 on a kept-alive connection were not lost by its end."""
    cut = with_cut_connections(quiet_trial(), 1.5, CloseReason.PEER_FIN, 3)
    closed, status = (
        found(with_losses(cut, 1.5, 1.54, outcome))[FindingCode.CONNECTIONS_CUT].numbers["lost_reused"]
        for outcome in (Outcome.CLOSED, Outcome.STATUS)
    )

    assert (closed, status) == (2, 0)


def test_whether_pods_stayed_is_told_beside_losses() -> None:
    """An edit under which every pod stayed, and a rolling update under which one went."""
    edit = IngressEdit(name="ingress-edit", ingress="fruit")
    lives = quiet_trial().timeline
    here = tuple(e for e in lives if not (e.kind is EventKind.POD and e.what in {"terminating", "gone"}))
    stayed, went = (
        found(with_losses(trial, 1.5, 1.6))[FindingCode.REQUESTS_LOST].numbers
        for trial in (replace(quiet_trial(edit), timeline=here), quiet_trial())
    )

    assert (stayed["change"], stayed["pods_stayed"]) == ("ingress-edit", True)
    assert (went["change"], went["pods_stayed"]) == ("rolling-update", False)


def test_whether_routes_are_dropped_is_told_beside_losses() -> None:
    """Of a controller that was seen to take over configurations, and of no other."""
    told = Event(quiet_trial().origin_ns, EventKind.INGRESS, "traefik", "configured")
    traefik = replace(quiet_trial(), timeline=(*quiet_trial().timeline, told))
    behind_traefik, behind_nginx = (
        found(with_losses(trial, 1.5, 1.6))[FindingCode.REQUESTS_LOST].numbers for trial in (traefik, quiet_trial())
    )

    assert behind_traefik["drops_routes"] is True
    assert "drops_routes" not in behind_nginx
