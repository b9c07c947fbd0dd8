"""Tests of idle connections and slow answers: judged separately, and only if they overlapped the change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts
from harness.findings.losses import RequestsLost
from harness.findings.shapes import NeverIdle, NothingUnderWay
from harness.judging.trial import judge_trial
from harness.model.attempt import Method, Outcome, Progress, Shape
from harness.model.verdict import Finding, Verdict
from harness.testing.evidence import BEGIN, CHANGE, NS, PLAN, at, quiet_trial, with_rows

IDLE = replace(PLAN, shapes=(Shape.NEW, Shape.IDLE), idle=0.5)
SLOW = replace(PLAN, shapes=(Shape.NEW, Shape.SLOW), slow=0.4)


def found(evidence: TrialEvidence) -> dict[str, list[Finding]]:
    """Return the findings of a trial by code."""
    findings = judge_trial(evidence).findings
    return {finding.code: [each for each in findings if each.code is finding.code] for finding in findings}


@pytest.mark.parametrize("plan", [IDLE, SLOW])
def test_a_trial_with_such_attempts_is_lossless(plan: object) -> None:
    """Without a fault there is no finding."""
    verdict = judge_trial(quiet_trial(plan=plan))  # type: ignore[arg-type]  # table

    assert (verdict.verdict, verdict.findings) == (Verdict.LOSSLESS, ())
    assert {stream.shape for stream in verdict.streams} == {"new", "idle" if plan is IDLE else "slow"}


def test_connections_that_were_used_again_too_soon_are_not_idle() -> None:
    """A millisecond less than requested is too soon, and each stream is reported."""
    evidence = quiet_trial(plan=IDLE)
    rows = evidence.attempts.copy()
    rows["connection"][rows["shape"] == Shape.IDLE] = 1
    first, second = found(replace(evidence, attempts=rows))[NeverIdle.code]

    assert first.numbers == {"method": "GET", "shape": "idle", "path": "/apple", "idle_s": 0.5}
    assert second.numbers["method"] == "POST"


def test_connections_that_were_never_used_again_are_not_idle() -> None:
    """One of two streams is reported."""
    evidence = quiet_trial(plan=IDLE)
    rows = evidence.attempts.copy()
    alone = (rows["shape"] == Shape.IDLE) & (rows["method"] == Method.POST)
    rows["connection"][alone] = rows["number"][alone] + 100_000
    (finding,) = found(replace(evidence, attempts=rows))[NeverIdle.code]

    assert finding.numbers["method"] == "POST"


def test_slow_answers_that_came_at_once_are_reported() -> None:
    """An application that ignores the delay leaves no request in flight. The finding has the fastest answer."""
    evidence = quiet_trial(plan=SLOW)
    rows = evidence.attempts.copy()
    slow = rows["shape"] == Shape.SLOW
    rows["done"][slow] -= 400_000_000
    (first, second) = found(replace(evidence, attempts=rows))[NothingUnderWay.code]

    assert (first.numbers["method"], second.numbers["method"]) == ("GET", "POST")
    assert first.numbers["delay_s"] == 0.4
    assert float(first.numbers["answered_s"]) < 0.01


def test_an_unfinished_answer_was_in_flight() -> None:
    """An unfinished request did not end before the change."""
    evidence = with_rows(quiet_trial(plan=SLOW), 0.0, 0.99, outcome=Outcome.UNFINISHED, done=-1)

    assert NothingUnderWay.code not in found(evidence)


def test_a_slow_request_is_in_flight_for_its_delay_too() -> None:
    """It was lost without the change only if it was overdue, including its delay, when the change began."""
    evidence = quiet_trial(plan=SLOW)
    rows = evidence.attempts.copy()
    early = (rows["shape"] == Shape.SLOW) & (rows["planned"] >= (BEGIN - 0.8) * NS) & (rows["planned"] < BEGIN * NS)
    rows["outcome"][early], rows["progress"][early] = Outcome.TIMEOUT_RESPONSE, Progress.SENT
    rows["done"][early] = rows["sent"][early] + round(3.4 * NS)
    facts = Facts.of(replace(evidence, attempts=rows))

    assert not (facts.is_before & early).any()
    assert judge_trial(facts.evidence).verdict is Verdict.LOSSY


def test_a_requested_delay_is_no_latency() -> None:
    """Of an answer after 402 ms with a delay of 400 ms, the latency is 2 ms."""
    assert judge_trial(quiet_trial(plan=SLOW)).latency.max < 10


def test_a_slow_answer_belongs_to_the_repetition_that_it_overlaps() -> None:
    """It was sent before the second repetition and due after its start, so it counts from there."""
    evidence = quiet_trial(replace(CHANGE, times=2), plan=replace(SLOW, slow=0.3))
    second = [replace(event, at=at(1.7)) if event.detail.get("n") == 2 else event for event in evidence.timeline]
    evidence = with_rows(replace(evidence, timeline=tuple(second)), 1.5, 1.65, outcome=Outcome.STATUS, status=502)
    rows = evidence.attempts.copy()
    rows["outcome"][rows["shape"] == Shape.NEW], rows["status"][rows["shape"] == Shape.NEW] = Outcome.OK, 200
    (finding,) = found(replace(evidence, attempts=rows))[RequestsLost.code]

    assert float(finding.numbers["last_s"]) > 0.5
    assert float(finding.numbers["window_s"]) == 0


def test_losses_are_counted_by_the_shapes_that_were_sent() -> None:
    """New and reused connections are always counted, others if they are part of the plan."""
    lost = with_rows(quiet_trial(plan=IDLE), 1.2, 1.4, outcome=Outcome.CLOSED, progress=Progress.SENT, status=0)
    (finding,) = found(lost)[RequestsLost.code]

    assert {key: finding.numbers[key] for key in finding.numbers if key in {"lost_idle", "lost_slow", "lost_new"}} == {
        "lost_new": 10,
        "lost_idle": 10,
    }
