"""Losses of traffic straight to a Service whose only pod is deleted, where nobody records the pod of a connection."""

from __future__ import annotations

from dataclasses import replace

import lossy_scenes
import pytest

from harness.analysis.evidence import PathRecords, TrialEvidence
from harness.analysis.facts import Facts
from harness.causes.attribution import causes_of
from harness.causes.context import LossContext
from harness.causes.loss import losses_of
from harness.model.attempt import Outcome
from harness.model.shapes import Shape
from harness.testing.evidence import NS, with_losses, with_rows

NEW, DELETED, FILLED = "apple-66f9d8c7b5-b7k4m", 1.05, 1.4


def only_pod_deleted() -> TrialEvidence:
    """Return a trial in which the only pod ends at once, and its replacement is ready 0.35 s later."""
    found = lossy_scenes.trial(lossy_scenes.DELETE)
    found = replace(found, paths=PathRecords(entry="apple-service", controller="none"))
    found = lossy_scenes.endpoints(lossy_scenes.stopping(found, lossy_scenes.OLD, DELETED, gone=1.3), 1.06)
    found = lossy_scenes.pod(found, NEW, lossy_scenes.NEW_IP, created=1.1, ready=FILLED - 0.01)
    return lossy_scenes.endpoints(found, FILLED, ready=lossy_scenes.NEW_IP)


def kept(evidence: TrialEvidence, start: float, end: float, *, opened: float) -> TrialEvidence:
    """Send the attempts of an interval on one connection that had carried requests, and was opened at a time."""
    connections = evidence.connections.copy()
    connections["connected"][connections["number"] == 1] = round(opened * NS)
    evidence = with_rows(evidence, start, end, carried=3, shape=Shape.REUSED, connection=1)
    return replace(evidence, connections=connections)


def lose(evidence: TrialEvidence, start: float, end: float, outcome: Outcome, *, waits: float = 0.01) -> TrialEvidence:
    """Lose the attempts of an interval, each so many seconds after it was sent."""
    evidence = with_losses(evidence, start, end, outcome)
    rows = evidence.attempts
    mine = (rows["planned"] >= start * NS) & (rows["planned"] < end * NS)
    rows["done"][mine] = rows["sent"][mine] + round(waits * NS)
    return evidence


@pytest.mark.parametrize("outcome", [Outcome.RESET, Outcome.CLOSED, Outcome.TIMEOUT_RESPONSE])
def test_requests_in_flight_at_the_end_of_the_only_pod_have_its_cause(outcome: Outcome) -> None:
    """They were sent before the deletion, and their end is known after it."""
    found = lose(only_pod_deleted(), 1.02, 1.05, outcome, waits=0.1)

    assert {cause.code for cause in causes_of(Facts.of(found))} == {"only-pod-deleted"}


@pytest.mark.parametrize("outcome", [Outcome.RESET, Outcome.CLOSED, Outcome.TIMEOUT_RESPONSE])
def test_kept_connections_to_the_only_pod_have_its_cause_when_another_pod_is_ready(outcome: Outcome) -> None:
    """A connection stays with its pod, so it is lost after the Service has an endpoint again."""
    found = lose(only_pod_deleted(), 1.6, 1.7, outcome)
    found = kept(found, 1.6, 1.7, opened=-1.0)
    facts = Facts.of(found)

    assert {cause.code for cause in causes_of(facts)} == {"only-pod-deleted"}
    assert {(loss.pod.name, loss.is_guessed) for loss in losses_of(facts, LossContext(facts)) if loss.pod} == {
        (lossy_scenes.OLD, True)
    }


def test_new_connections_that_wait_for_the_removed_pod_have_its_cause() -> None:
    """kube-proxy programs at most once a second, so it may send to the old pod when the new one is ready."""
    found = lose(only_pod_deleted(), 1.6, 1.7, Outcome.TIMEOUT_CONNECT, waits=3.0)

    assert {cause.code for cause in causes_of(Facts.of(found))} == {"only-pod-deleted"}


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.RESET, Outcome.CLOSED, Outcome.TIMEOUT_RESPONSE])
def test_new_connections_that_lead_nowhere_have_its_cause_until_kube_proxy_knows_the_new_pod(outcome: Outcome) -> None:
    """Docker accepts a connection to a node before the node refuses it."""
    found = lose(only_pod_deleted(), 2.7, 2.8, outcome)

    assert {cause.code for cause in causes_of(Facts.of(found))} == {"only-pod-deleted"}


def test_a_new_connection_of_the_pool_is_not_taken_for_a_kept_one() -> None:
    """It had carried no request, and led to the removed pod through a proxy that accepted it."""
    found = lose(only_pod_deleted(), 1.6, 1.7, Outcome.TIMEOUT_RESPONSE)
    found = with_rows(kept(found, 1.6, 1.7, opened=1.6), 1.6, 1.7, carried=0)

    assert {cause.code for cause in causes_of(Facts.of(found))} == {"only-pod-deleted"}


def test_a_kept_connection_to_the_new_pod_is_not_blamed_on_the_old_one() -> None:
    """It was opened after the end of the old pod, so the old pod can't have had it."""
    found = kept(lose(only_pod_deleted(), 2.6, 2.7, Outcome.RESET), 2.6, 2.7, opened=2.0)

    assert {cause.code for cause in causes_of(Facts.of(found))} == {"unexplained"}
