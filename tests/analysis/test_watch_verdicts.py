"""Tests that a watch is judged by its account: no change, no control, and the same checks of the instrument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analysis.evidence import Rows, TrialEvidence
from harness.findings.completeness import AnswersOpenEnded, NoTraffic
from harness.findings.connections import NothingReused
from harness.findings.instrument import CalibrationMissing, ClientFaults, IdentityBroken, TrialFailed
from harness.findings.losses import RequestsLost
from harness.findings.sending import AbandonedSlots, BehindSchedule, MissedSlots, Unfinished
from harness.findings.shapes import NothingWaited
from harness.judging.watch import OriginEvidence, WatchFacts, judge_watch
from harness.model.attempt import Outcome
from harness.model.changes import NoChange
from harness.model.experiment import TrafficPlan
from harness.model.shapes import Shape
from harness.model.verdict import Verdict
from harness.model.watch import WatchVerdict
from harness.testing.evidence import PLAN, quiet_trial, with_losses, with_rows, without_rows

FACTS = WatchFacts(urls=("http://a/",), command="harness watch http://a/", started="2026-01-02T03:04:05+00:00")


IDLE = replace(PLAN, shapes=(Shape.NEW, Shape.IDLE), idle=0.5)
PREOPENED = replace(PLAN, shapes=(Shape.NEW, Shape.PREOPENED), preopened=0.5)


def quiet(plan: TrafficPlan = PLAN) -> TrialEvidence:
    """Return traffic of three seconds without losses."""
    return replace(quiet_trial(NoChange(name="none"), plan), timeline=(), manifests=())


def judged(*trials: TrialEvidence) -> WatchVerdict:
    """Return the verdict of a watch on so many origins."""
    return judge_watch(FACTS, [OriginEvidence(f"http://{n}", "10.0.0.1:80", t, 0) for n, t in enumerate(trials)])


def codes(verdict: WatchVerdict) -> set[str]:
    """Return the codes of the findings at all origins."""
    return {finding.code for origin in verdict.origins for finding in origin.trial.findings}


def test_a_quiet_watch_is_lossless() -> None:
    """It needs no change, timeline or control. It has its account and the shortest visible outage."""
    verdict = judged(quiet())

    assert (verdict.verdict, verdict.exit_code, codes(verdict)) == (Verdict.LOSSLESS, 0, set())
    assert (verdict.identity.planned, verdict.identity.ok, verdict.rate) == (300, 300, 100.0)
    assert (verdict.origins[0].shortest_seen, verdict.origins[0].shortest_seen_by_stream) == (0.01, 0.04)


@pytest.mark.parametrize("start", [0.0, 1.5, 2.9])
def test_a_loss_is_a_loss_whenever_it_happens(start: float) -> None:
    """No loss can come before a change, as there is none."""
    verdict = judged(with_losses(quiet(), start, start + 0.1))
    (outage,) = verdict.origins[0].outages

    assert (verdict.verdict, verdict.exit_code) == (Verdict.LOSSY, 1)
    assert codes(verdict) == {RequestsLost.code}
    assert (outage.start, outage.seconds, outage.lost) == (start, 0.1, 10)
    assert verdict.identity.lost == {"status": 10}


#: Faults that make a watch inconclusive, with their findings.
SPOILT: dict[str, tuple[Callable[[TrialEvidence], TrialEvidence], str]] = {
    "no proof": (lambda t: replace(t, calibration=None), CalibrationMissing.code),
    "a missing row": (lambda t: without_rows(t, 100), AbandonedSlots.code),
    "a missed slot": (lambda t: with_rows(t, 1.0, 1.005, outcome=Outcome.MISSED, sent=-1), MissedSlots.code),
    "an open end": (lambda t: with_rows(t, 1.0, 1.005, outcome=Outcome.UNFINISHED), Unfinished.code),
    "our own fault": (lambda t: with_rows(t, 1.0, 1.005, outcome=Outcome.CLIENT_FAULT), ClientFaults.code),
    "no end": (lambda t: replace(t, stopped_ns=None), IdentityBroken.code),
    "late": (lambda t: replace(t, attempts=late(t)), BehindSchedule.code),
    "no traffic": (lambda t: replace(t, attempts=t.attempts[:0], stopped_ns=t.origin_ns), NoTraffic.code),
    "answers without a length": (lambda t: replace(t, open_ended=1), AnswersOpenEnded.code),
    "a failure": (lambda t: replace(t, failure="the disk was full"), TrialFailed.code),
}


def late(trial: TrialEvidence) -> Rows:
    """Return traffic in which every request was sent 120 ms late."""
    rows = trial.attempts.copy()
    rows["sent"] += 120_000_000
    rows["done"] += 120_000_000
    return rows


@pytest.mark.parametrize("case", SPOILT)
def test_an_unknown_is_never_lossless(case: str) -> None:
    """Instrument, account and schedule are checked as in a run."""
    spoil, code = SPOILT[case]
    verdict = judged(spoil(quiet()))

    assert (verdict.verdict, verdict.exit_code) == (Verdict.INCONCLUSIVE, 3)
    assert code in codes(verdict)
    assert verdict.identity.holds


def test_a_loss_outweighs_missing_evidence_but_not_a_broken_instrument() -> None:
    """This is the same as in a run."""
    lossy = with_losses(quiet(), 1.0, 1.1)

    assert judged(without_rows(lossy, 10)).verdict is Verdict.LOSSY
    assert judged(replace(lossy, calibration=None)).verdict is Verdict.INCONCLUSIVE


def test_connections_without_a_second_request_are_a_note() -> None:
    """A server that closes every connection loses nothing by that."""
    verdict = judged(with_rows(quiet(), 0, 10, carried=0))

    assert (verdict.verdict, codes(verdict)) == (Verdict.LOSSLESS, {NothingReused.code})


def test_several_origins_have_one_account_and_the_worst_verdict() -> None:
    """Counts are summed; lossy comes before inconclusive, and inconclusive before lossless."""
    fine, lossy, unknown = quiet(), with_losses(quiet(), 1.0, 1.1), without_rows(quiet(), 10)
    verdict = judged(fine, lossy, unknown)

    assert (verdict.verdict, verdict.identity.planned, verdict.identity.lost_total) == (Verdict.LOSSY, 900, 10)
    assert verdict.identity.holds
    assert (judged(fine, unknown).verdict, judged(fine, fine).verdict) == (Verdict.INCONCLUSIVE, Verdict.LOSSLESS)
    assert judged(fine, fine).latency == judged(fine).latency
    assert judged().verdict is Verdict.INCONCLUSIVE


def test_bins_have_enough_requests_for_a_smooth_chart() -> None:
    """At 50/s, bins of 50 ms would alternate between two and three requests."""
    plan = replace(quiet().traffic, rate=50.0)
    trial = replace(quiet_trial(NoChange(name="none"), plan, stop=6.0), timeline=(), manifests=())
    series = judged(trial).origins[0].trial.series

    assert series.bin_seconds == 0.1
    assert set(series.sent[:-1]) == {5}


@pytest.mark.parametrize("plan", [IDLE, PREOPENED])
def test_a_watch_in_which_no_connection_waited_is_inconclusive(plan: TrafficPlan) -> None:
    """There is no change to meet, but connections must have waited; with them it is lossless."""
    evidence = quiet(plan)
    spoilt = replace(evidence, connections=evidence.connections[:0])
    if plan is IDLE:
        rows = evidence.attempts.copy()
        rows["connection"] = rows["number"] + 1
        spoilt = replace(evidence, attempts=rows)

    assert (judged(evidence).verdict, codes(judged(evidence))) == (Verdict.LOSSLESS, set())
    assert (judged(spoilt).verdict, codes(judged(spoilt))) == (Verdict.INCONCLUSIVE, {NothingWaited.code})
