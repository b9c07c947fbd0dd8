"""Tests of idle connections and slow answers: judged separately, and only if they overlapped the change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.evidence import Rows, TrialEvidence
from harness.analysis.facts import Facts
from harness.findings.connections import UnusedClosed
from harness.findings.losses import RequestsLost
from harness.findings.shapes import NeverIdle, NeverPreopened, NothingUnderWay
from harness.judging.trial import judge_trial
from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.experiment import TrafficPlan
from harness.model.shapes import Shape
from harness.model.verdict import Finding, Verdict
from harness.testing.evidence import AHEAD, BEGIN, CHANGE, NS, PLAN, at, quiet_trial, with_rows

IDLE = replace(PLAN, shapes=(Shape.NEW, Shape.IDLE), idle=0.5)
SLOW = replace(PLAN, shapes=(Shape.NEW, Shape.SLOW), slow=0.4)
PREOPENED = replace(PLAN, shapes=(Shape.NEW, Shape.PREOPENED), preopened=0.5)


def found(evidence: TrialEvidence) -> dict[str, list[Finding]]:
    """Return the findings of a trial by code."""
    findings = judge_trial(evidence).findings
    return {finding.code: [each for each in findings if each.code is finding.code] for finding in findings}


@pytest.mark.parametrize("plan", [IDLE, SLOW, PREOPENED])
def test_a_trial_with_such_attempts_is_lossless(plan: TrafficPlan) -> None:
    """Without a fault there is no finding."""
    verdict = judge_trial(quiet_trial(plan=plan))

    assert (verdict.verdict, verdict.findings) == (Verdict.LOSSLESS, ())
    assert {stream.shape for stream in verdict.streams} == {shape.word for shape in plan.shapes}


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
    """An application that ignores the delay leaves no request in flight. The finding has the median answer time."""
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


def opened(evidence: TrialEvidence, seconds: float, after: float = 0.0) -> TrialEvidence:
    """Return the trial with other times at which preopened connections were opened.

    Args:
        evidence: The trial.
        seconds: Time from the opening of a connection to its attempt.
        after: Attempts that were sent earlier keep their connections as they are.
    """
    rows, attempts = evidence.connections.copy(), evidence.attempts
    mine = attempts["shape"] == Shape.PREOPENED
    late = mine & (attempts["sent"] >= after * NS)
    index = np.searchsorted(rows["number"], attempts["connection"][late])
    rows["connected"][index] = attempts["sent"][late] - round(seconds * NS)
    return replace(evidence, connections=rows)


def closed(evidence: TrialEvidence, *moments: float, reason: CloseReason = CloseReason.PEER_FIN) -> TrialEvidence:
    """Add connections that were opened 0.6 s before the change, and closed unused."""
    rows = np.zeros(len(moments), evidence.connections.dtype)
    rows["number"], rows["shape"], rows["reason"] = 2 * AHEAD + np.arange(len(moments)), Shape.PREOPENED, reason
    rows["connected"], rows["closed"] = round((BEGIN - 0.6) * NS), [round(moment * NS) for moment in moments]
    return replace(evidence, connections=np.concatenate([evidence.connections, rows]))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda trial: opened(trial, 0.499), id="too young"),
        pytest.param(lambda trial: opened(trial, -0.001), id="opened for the attempt"),
        pytest.param(lambda trial: opened(opened(trial, 0.499), 0.6, after=BEGIN + 0.7), id="opened since the change"),
        pytest.param(lambda trial: replace(trial, connections=trial.connections[:0]), id="without a record"),
        pytest.param(lambda trial: replace(trial, connections=shifted(trial)), id="of another worker"),
        pytest.param(lambda trial: closed(opened(trial, 0.1), BEGIN + 0.1), id="closed, but never used before"),
        pytest.param(lambda trial: closed(opened(trial, 0.1, after=BEGIN), BEGIN - 0.1), id="closed before the change"),
    ],
)
def test_a_stream_whose_waiting_connections_never_met_the_change_is_inconclusive(
    spoil: Callable[[TrialEvidence], TrialEvidence],
) -> None:
    """All requests were answered, and yet nothing is known of connections that wait while the change happens."""
    evidence = spoil(quiet_trial(plan=PREOPENED))

    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE
    first, second = found(evidence)[NeverPreopened.code]
    assert (first.numbers["method"], second.numbers["method"]) == ("GET", "POST")
    assert first.numbers["preopened_s"] == 0.5


def shifted(evidence: TrialEvidence) -> Rows:
    """Give the connections to another worker than the attempts."""
    rows = evidence.connections.copy()
    rows["worker"] += 1
    return rows


def test_waiting_connections_that_the_peer_closes_at_the_change_have_met_it() -> None:
    """They were in use before it, and every one that waited is accounted for; a note says what happened to them."""
    evidence = closed(opened(quiet_trial(plan=PREOPENED), 0.1, after=BEGIN), BEGIN + 0.1, BEGIN + 0.1)
    (note,) = judge_trial(evidence).findings

    assert judge_trial(evidence).verdict is Verdict.LOSSLESS
    assert (note.code, note.numbers["closed"], note.numbers["by_rst"]) == (UnusedClosed.code, 2, 0)
    assert int(note.numbers["waiting"]) >= 2


@pytest.mark.parametrize("reason", [CloseReason.BY_US, CloseReason.OPEN])
def test_waiting_connections_that_the_client_closes_are_not_reported(reason: CloseReason) -> None:
    """At the end all of them are closed."""
    assert UnusedClosed.code not in found(closed(quiet_trial(plan=PREOPENED), BEGIN + 0.5, reason=reason))


def test_a_request_on_a_waiting_connection_that_got_no_answer_is_a_loss() -> None:
    """The account of closed connections excuses no request that was sent."""
    evidence = closed(quiet_trial(plan=PREOPENED), BEGIN + 0.1)
    rows = evidence.attempts.copy()
    one = np.flatnonzero((rows["shape"] == Shape.PREOPENED) & (rows["sent"] > BEGIN * NS))[0]
    rows["outcome"][one], rows["progress"][one], rows["status"][one] = Outcome.CLOSED, Progress.SENT, 0
    evidence = replace(evidence, attempts=rows)

    assert judge_trial(evidence).verdict is Verdict.LOSSY
    assert found(evidence)[RequestsLost.code][0].numbers["lost_preopened"] == 1
