"""Tests that causes of losses are distinguished: a closed connection from a bad answer, a reload from a missing pod."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.evidence import TrialEvidence
from harness.findings.connections import ConnectionsCut
from harness.findings.losses import RequestsLost
from harness.judging.trial import judge_trial
from harness.model.attempt import CloseReason, Outcome
from harness.model.changes import IngressEdit
from harness.model.timeline import Event, EventKind
from harness.model.verdict import Finding
from harness.testing.evidence import quiet_trial, with_cut_connections, with_losses


def found(evidence: TrialEvidence) -> dict[str, Finding]:
    """Return the findings of a trial by code."""
    return {finding.code: finding for finding in judge_trial(evidence).findings}


def test_only_requests_lost_with_a_connection_count_as_its_cost() -> None:
    """A 503 on a kept-alive connection is not lost by the connection's end."""
    cut = with_cut_connections(quiet_trial(), 1.5, CloseReason.PEER_FIN, 3)
    closed, status = (
        found(with_losses(cut, 1.5, 1.54, outcome))[ConnectionsCut.code].numbers["lost_reused"]
        for outcome in (Outcome.CLOSED, Outcome.STATUS)
    )

    assert (closed, status) == (2, 0)


def test_losses_record_if_pods_stayed() -> None:
    """All pods stayed in an edit, and one ended in a rolling update."""
    edit = IngressEdit(name="ingress-edit", ingress="fruit")
    lives = quiet_trial().timeline
    here = tuple(e for e in lives if not (e.kind is EventKind.POD and e.what in {"terminating", "gone"}))
    stayed, went = (
        found(with_losses(trial, 1.5, 1.6))[RequestsLost.code].numbers
        for trial in (replace(quiet_trial(edit), timeline=here), quiet_trial())
    )

    assert (stayed["change"], stayed["pods_stayed"]) == ("ingress-edit", True)
    assert (went["change"], went["pods_stayed"]) == ("rolling-update", False)


def test_losses_record_if_routes_are_dropped() -> None:
    """Only for a controller whose events were observed."""
    configured = Event(quiet_trial().origin_ns, EventKind.INGRESS, "traefik", "configured")
    traefik = replace(quiet_trial(), timeline=(*quiet_trial().timeline, configured))
    behind_traefik, behind_nginx = (
        found(with_losses(trial, 1.5, 1.6))[RequestsLost.code].numbers for trial in (traefik, quiet_trial())
    )

    assert behind_traefik["drops_routes"] is True
    assert "drops_routes" not in behind_nginx
