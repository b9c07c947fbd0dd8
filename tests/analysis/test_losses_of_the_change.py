"""Tests which losses and which closed connections count as effects of the change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.evidence import TrialEvidence
from harness.findings.coverage import NoOverlap
from harness.findings.losses import LossBeforeChange, RequestsLost
from harness.judging.trial import judge_trial
from harness.model.attempt import CloseReason, Outcome, Progress
from harness.model.timeline import EventKind
from harness.model.verdict import Finding, Verdict
from harness.testing.evidence import (
    BEGIN,
    END,
    NS,
    PLAN,
    STOP,
    quiet_trial,
    with_cut_connections,
    with_event,
    with_losses,
    with_rows,
    without_events,
)


def found(evidence: TrialEvidence) -> dict[str, Finding]:
    """Return the findings of a trial by code."""
    return {finding.code: finding for finding in judge_trial(evidence).findings}


def test_a_loss_is_described() -> None:
    """The finding has number, class, status, and time after the change."""
    numbers = found(with_losses(quiet_trial(), 1.5, 1.6))[RequestsLost.code].numbers

    assert (numbers["lost"], numbers["classes"], numbers["statuses"]) == (
        10,
        "status 10",
        "502 \N{MULTIPLICATION SIGN} 10",
    )
    assert (numbers["first_s"], numbers["last_s"]) == (0.5, 0.591)
    by_kind = [numbers[f"lost_{kind}"] for kind in ("get", "post", "new", "reused")]
    assert by_kind == [4, 6, 5, 5]


def test_a_request_in_flight_at_the_change_belongs_to_it() -> None:
    """A request sent just before the change and lost after it counts; one that had been stuck for long does not."""
    evidence = quiet_trial()
    in_flight = with_rows(evidence, 0.9, 0.91, outcome=Outcome.RESET, done=round(1.1 * NS))
    stuck = with_rows(evidence, 0.1, 0.11, outcome=Outcome.TIMEOUT_RESPONSE, done=round(1.1 * NS))

    assert judge_trial(in_flight).verdict is Verdict.LOSSY
    assert LossBeforeChange.code in found(stuck)


def test_a_new_answer_to_a_request_in_flight_is_right() -> None:
    """A request sent before the change and answered after it may have been answered by the new version."""
    evidence = with_rows(quiet_trial(), 0.99, 1.0, responder=2, done=round(1.1 * NS))

    assert judge_trial(evidence).verdict is Verdict.LOSSLESS


def test_losses_without_a_change_come_from_the_environment() -> None:
    """There is no change on the timeline."""
    evidence = with_losses(without_events(quiet_trial(), EventKind.CHANGE, "begin"), 1.5, 1.6)

    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE
    assert LossBeforeChange.code in found(evidence)


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [
        (CloseReason.PEER_ANNOUNCED, 1.5),
        (CloseReason.BY_US, 1.5),
        (CloseReason.BROKEN, 1.5),
        (CloseReason.PEER_FIN, BEGIN - 0.1),
        (CloseReason.PEER_FIN, STOP + 0.1),
    ],
)
def test_not_every_end_of_a_connection_is_a_cut(reason: CloseReason, seconds: float) -> None:
    """An announced end, the client's own, one before the change and one after the stop are no cuts."""
    assert judge_trial(with_cut_connections(quiet_trial(), seconds, reason, 3)).connections.cut == 0


def test_a_connection_lost_with_its_first_request_is_not_cut() -> None:
    """Only a connection that has carried an answer was kept alive; else it is only a lost request."""
    evidence = with_rows(with_cut_connections(quiet_trial(), 1.5, CloseReason.PEER_RST, 3), 0, STOP, progress=2)

    assert judge_trial(evidence).connections.cut == 0


def test_a_short_change_needs_no_request_of_its_own() -> None:
    """A change between two requests of a slow stream is covered by these requests."""
    plan = replace(PLAN, rate=8.0)
    events = without_events(quiet_trial(plan=plan), EventKind.CHANGE, "end")
    evidence = with_event(events, BEGIN + 0.1, EventKind.CHANGE, "end")

    assert NoOverlap.code not in found(evidence)


def test_only_interruptions_during_the_change_count() -> None:
    """A watch that broke off before the change began has been resumed since."""
    evidence = with_event(quiet_trial(), 0.5, EventKind.WATCH, "interrupted")

    assert judge_trial(evidence).verdict is Verdict.LOSSLESS
    assert END < STOP


def test_a_slow_request_that_the_change_cuts_is_its_loss() -> None:
    """It was sent 0.7 s before the change and reset after it began."""
    cut = round((BEGIN + 0.2) * NS)
    evidence = with_rows(quiet_trial(), 0.3, 0.4, outcome=Outcome.RESET, progress=Progress.SENT, done=cut)

    assert judge_trial(evidence).verdict is Verdict.LOSSY


def test_a_request_that_was_overdue_before_the_change_is_not_its_loss() -> None:
    """The same request timed out; it was overdue when the change began."""
    late = round((BEGIN + 0.2) * NS)
    evidence = with_rows(quiet_trial(), 0.3, 0.4, outcome=Outcome.TIMEOUT_RESPONSE, progress=Progress.SENT, done=late)

    assert LossBeforeChange.code in found(evidence)
