"""Tests that gaps of a stream are compared with its schedule: chance is no fault, and no stall stays unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analysis.evidence import TrialEvidence
from harness.findings.coverage import NoOverlap
from harness.findings.sending import BehindSchedule
from harness.findings.surroundings import SenderPaused
from harness.judging.trial import judge_trial
from harness.model.experiment import TrafficPlan
from harness.model.rates import Leg
from harness.testing.evidence import BEGIN, CHANGE, END, NS, PLAN, quiet_trial

SILENT, LATE, PAUSED = NoOverlap.code, BehindSchedule.code, SenderPaused.code
POISSON = replace(PLAN, arrivals="poisson", rate=40.0)
RAMP = replace(PLAN, rate=(Leg(14.0, 200.0, 3.0),))


def codes(evidence: TrialEvidence) -> set[str]:
    """Return the codes of a trial's findings."""
    return {finding.code for finding in judge_trial(evidence).findings}


def numbers(evidence: TrialEvidence, code: str) -> Any:
    """Return the numbers of one finding."""
    return next(finding.numbers for finding in judge_trial(evidence).findings if finding.code is code)


def held_up(evidence: TrialEvidence, start: float, end: float) -> TrialEvidence:
    """Return the trial with a sender that stalled from start to end (seconds), and then sent all due requests."""
    rows = evidence.attempts.copy()
    due = (rows["planned"] >= start * NS) & (rows["planned"] < end * NS)
    took = rows["done"] - rows["sent"]
    rows["sent"][due] = round(end * NS) + np.arange(int(due.sum())) * 50_000
    rows["done"][due] = rows["sent"][due] + took[due]
    return replace(evidence, attempts=rows)


@pytest.mark.parametrize("seed", range(20))
def test_random_arrivals_are_no_fault(seed: int) -> None:
    """A trial with random distances, some three times the mean, stays lossless."""
    assert codes(quiet_trial(plan=replace(POISSON, seed=seed))) == set()


@pytest.mark.parametrize("seed", range(10))
def test_a_stall_among_random_arrivals_is_found(seed: int) -> None:
    """The schedule is known to the nanosecond there, so chance does not excuse a stall."""
    plan = replace(POISSON, seed=seed)

    assert SILENT in codes(held_up(quiet_trial(plan=plan), 1.2, 1.9))


@pytest.mark.parametrize("plan", [PLAN, RAMP, replace(RAMP, rate=(Leg(200.0, 14.0, 3.0),))])
def test_the_rate_at_that_time_counts(plan: TrafficPlan) -> None:
    """At a low rate the distances are long. A stall is found, and no finding appears without one."""
    assert codes(quiet_trial(plan=plan)) == set()
    assert SILENT in codes(held_up(quiet_trial(plan=plan), 1.2, 1.9))


def test_a_planned_gap_beyond_a_second_is_a_gap() -> None:
    """No schedule excuses a gap beyond a second, because many changes lose requests within a second."""
    sparse = replace(PLAN, rate=3.6)  # a stream every 1.1 s
    evidence = quiet_trial(plan=sparse, stop=9.0)

    assert SILENT in codes(evidence)


def test_a_short_pause_is_reported_with_time_and_length() -> None:
    """It limits the shortest visible outage, and does not change the verdict."""
    evidence = held_up(quiet_trial(stop=12.0), BEGIN + 0.3, BEGIN + 0.48)

    assert codes(evidence) == {PAUSED}
    assert numbers(evidence, PAUSED) == {"pause_ms": 180.0, "at_s": 0.3, "count": 1, "limit_ms": 100.0}


@pytest.mark.parametrize(("start", "length"), [(BEGIN + 0.3, 0.09), (0.3, 0.2)])
def test_harmless_pauses_are_not_reported(start: float, length: float) -> None:
    """These are pauses of a busy machine, and pauses before the change."""
    assert codes(held_up(quiet_trial(stop=12.0), start, start + length)) == set()


def test_several_pauses_are_counted() -> None:
    """The finding describes the longest."""
    evidence = held_up(held_up(quiet_trial(), 1.2, 1.35), 1.6, 1.8)

    assert numbers(evidence, PAUSED)["count"] == 2
    assert numbers(evidence, PAUSED)["pause_ms"] == pytest.approx(200)


def test_lateness_during_the_change_counts() -> None:
    """A short change can't hide in the mean of a long trial."""
    evidence = quiet_trial(stop=15.0)
    rows = evidence.attempts.copy()
    late = (rows["planned"] >= BEGIN * NS) & (rows["planned"] < END * NS) & (rows["number"] % 8 == 0)
    rows["sent"][late] += 130_000_000
    rows["done"][late] += 130_000_000
    evidence = replace(evidence, attempts=rows)

    assert int(late.sum()) * 100 < len(rows)
    assert LATE in codes(evidence)
    assert numbers(evidence, LATE) == {"p90_ms": 130.5, "max_ms": 130.5, "limit_ms": 100.0}


def test_workers_share_a_stream_without_a_gap() -> None:
    """Each worker's rows belong to the stream, and the planned distance is that of all workers together."""
    evidence = quiet_trial(CHANGE)
    rows = evidence.attempts.copy()
    turns, stream = np.divmod(rows["number"], 4)
    rows["number"], rows["worker"] = turns // 2 * 4 + stream, turns % 2
    shared = replace(evidence, attempts=rows[np.argsort(rows["worker"], kind="stable")], workers=2)

    assert codes(shared) == set()
    assert SILENT in codes(held_up(shared, 1.2, 1.9))
