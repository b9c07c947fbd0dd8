"""Tests of the laws of judging one trial, with arbitrary evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.evidence import Calibration, TrialEvidence, label_of
from harness.analysis.facts import Facts
from harness.analysis.slots import planned_times
from harness.findings.finding_type import FindingType
from harness.findings.instrument import CheckRaised, TrialFailed
from harness.findings.registry import TYPES, WEIGHTS
from harness.judging.trial import CHECKS, judge_trial, verdict_of
from harness.model.attempt import LOSSES, Outcome
from harness.model.schedule import planned_ns
from harness.model.verdict import Finding, Verdict, Weight
from harness.testing.evidence import PLAN, STOP, quiet_trial, with_losses

QUIET = quiet_trial()
COUNT = len(QUIET.attempts)
OUTCOMES = st.sampled_from(list(Outcome))

BRIEF = settings(max_examples=60, deadline=None)


def altered(outcomes: dict[int, Outcome], missing: set[int]) -> TrialEvidence:
    """Return the quiet trial with other outcomes and without some rows."""
    rows = QUIET.attempts.copy()
    for index, outcome in outcomes.items():
        rows["outcome"][index] = outcome
    return replace(QUIET, attempts=np.delete(rows, sorted(missing)))


#: Ledgers with any outcomes and any missing rows.
SPOILT = st.builds(
    altered,
    st.dictionaries(st.integers(0, COUNT - 1), OUTCOMES, max_size=12),
    st.sets(st.integers(0, COUNT - 1), max_size=6),
)


@BRIEF
@given(SPOILT)
def test_the_identity_holds_for_all_outcomes(evidence: TrialEvidence) -> None:
    """Every planned slot is in exactly one term, also if rows are missing."""
    identity = judge_trial(evidence).identity

    assert identity.holds
    assert identity.planned == COUNT
    assert identity.abandoned == COUNT - len(evidence.attempts)


@BRIEF
@given(SPOILT, st.data())
def test_removing_a_success_never_gives_lossless(evidence: TrialEvidence, data: st.DataObject) -> None:
    """A ledger with one success fewer is never lossless, whatever it was before."""
    successes = np.flatnonzero(evidence.attempts["outcome"] == Outcome.OK)
    gone = data.draw(st.sampled_from(successes.tolist()))

    poorer = replace(evidence, attempts=np.delete(evidence.attempts, gone))

    assert judge_trial(poorer).verdict is not Verdict.LOSSLESS


@BRIEF
@given(SPOILT, st.integers(0, 200), st.sampled_from(sorted(LOSSES)))
def test_a_loss_is_never_hidden(evidence: TrialEvidence, row: int, loss: Outcome) -> None:
    """A trial with a loss in the ledger is never lossless."""
    rows = evidence.attempts.copy()
    rows["outcome"][row] = loss

    assert judge_trial(replace(evidence, attempts=rows)).verdict is not Verdict.LOSSLESS


@given(st.sets(st.sampled_from(list(TYPES))))
def test_the_worst_weight_wins(codes: set[str]) -> None:
    """A fault of the instrument outweighs a loss, a loss outweighs missing evidence, notes have no effect."""
    weights = {WEIGHTS[code] for code in codes}

    verdict = verdict_of([Finding(code) for code in codes])

    if Weight.INSTRUMENT in weights:
        assert verdict is Verdict.INCONCLUSIVE
    elif Weight.LOSS in weights:
        assert verdict is Verdict.LOSSY
    elif Weight.EVIDENCE in weights:
        assert verdict is Verdict.INCONCLUSIVE
    else:
        assert verdict is Verdict.LOSSLESS


@pytest.mark.parametrize("index", range(len(CHECKS)), ids=[check.__name__ for check in CHECKS])
def test_a_check_that_raises_is_unknown_not_success(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever check raises, the trial is inconclusive and names it."""

    def broken(facts: Facts) -> Iterator[FindingType]:
        yield CHECKS[index].read({})
        raise ZeroDivisionError(facts.evidence.number)

    monkeypatch.setattr(CHECKS[index], "check", broken)
    verdict = judge_trial(QUIET)

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert verdict.findings[0].code == CheckRaised.code
    assert verdict.findings[0].numbers["check"] == CHECKS[index].code
    assert len(verdict.findings) == 1


def test_evidence_that_cannot_be_read_is_inconclusive() -> None:
    """A ledger with unknown fields gives a verdict with the reason, not a traceback."""
    verdict = judge_trial(replace(QUIET, attempts=np.zeros(3, dtype=[("other", "<u8")])))

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert [finding.code for finding in verdict.findings] == [CheckRaised.code]


def test_a_trial_that_never_began_can_be_judged() -> None:
    """Without rows, events and start it is inconclusive for its failure only, and not for the consequences."""
    nothing = replace(
        QUIET,
        attempts=QUIET.attempts[:0],
        connections=QUIET.connections[:0],
        origin_ns=0,
        stopped_ns=None,
        timeline=(),
        calibration=None,
        failure="the cluster did not come up",
    )

    verdict = judge_trial(nothing)

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert [finding.code for finding in verdict.findings] == [TrialFailed.code]
    assert verdict.identity.planned == 0


def test_without_a_start_nothing_comes_before_or_after() -> None:
    """Rows without a known start are counted, and compared neither with the timeline nor with the clock."""
    lost = with_losses(QUIET, 1.5, 1.6)
    verdict = judge_trial(replace(lost, origin_ns=0, stopped_ns=None, failure="killed"))

    assert [finding.code for finding in verdict.findings] == [TrialFailed.code]
    assert (verdict.identity.planned, verdict.identity.lost_total, verdict.identity.abandoned) == (COUNT, 10, 0)
    assert (verdict.phases, verdict.pods, verdict.marks) == ((), (), ())
    assert max(window.end for window in verdict.losing) < STOP


@given(st.floats(0.1, 20_000), st.lists(st.integers(0, 50_000_000), min_size=1, max_size=20))
def test_slots_have_the_times_that_the_sender_gave_them(rate: float, slots: list[int]) -> None:
    """The judge's array arithmetic equals the sender's to the nanosecond, at any rate."""
    plan = replace(PLAN, rate=rate)

    assert planned_times(plan, np.array(slots)).tolist() == [planned_ns(plan, slot) for slot in slots]


def test_the_chart_counts_every_request_once() -> None:
    """The bins add up to the sent, answered and lost requests."""
    verdict = judge_trial(with_losses(QUIET, 1.5, 1.6))
    series = verdict.series

    assert (sum(series.sent), sum(series.ok), sum(series.failed)) == (300, 290, 10)
    assert len(series.sent) == len(series.latency_p50) == len(series.latency_max)
    assert 0 < max(series.latency_p50) <= max(series.latency_max) < 10


def test_close_losing_windows_are_merged() -> None:
    """Losses 0.3 s apart are one period, those a second apart are two."""
    evidence = with_losses(with_losses(with_losses(QUIET, 1.1, 1.2), 1.5, 1.6), 2.7, 2.71)

    windows = judge_trial(evidence).losing

    assert [(window.start, window.end, window.label) for window in windows] == [
        (1.1005, 1.5905, "20"),
        (2.7005, 2.7005, "1"),
    ]


def test_the_lives_of_pods_are_listed() -> None:
    """Each pod has its states in order, from the start of the traffic."""
    pods = judge_trial(QUIET).pods

    assert [(pod.label[-5:], pod.state, pod.start, pod.end) for pod in pods] == [
        ("x7k2p", "ready", -2.0, 1.42),
        ("x7k2p", "terminating", 1.42, 1.9),
        ("9hq4m", "starting", 1.02, 1.4),
        ("9hq4m", "ready", 1.4, STOP),
    ]


def test_calibration_is_read_from_the_senders_files() -> None:
    """Rows are counted by route and outcome. The server's counts and the client's faults are included."""
    rows = np.zeros(3, dtype=[("route", "u1"), ("outcome", "u1")])
    rows["route"], rows["outcome"] = [0, 0, 1], [Outcome.OK, Outcome.RESET, Outcome.CLOSED]
    record = {
        "faults": [
            {"route": 0, "name": "ok", "expected": "ok", "count": 2},
            {"route": 1, "name": "fin-before", "expected": "closed", "count": 1},
        ],
        "served": {"duplicates": 1, "requests": [{"name": "ok", "count": 2, "served": 3}]},
        "client_faults": ["no port"],
    }

    calibration = Calibration.of(record, rows)

    assert [case.is_exact for case in calibration.cases] == [False, True]
    assert calibration.cases[0].found == {"ok": 1, "reset": 1}
    assert (calibration.served, calibration.duplicates, calibration.faults) == ({"ok": (2, 3)}, 1, ("no port",))
    assert label_of(77) == "unknown-77"


def test_a_million_attempts_are_judged_in_a_second_or_two() -> None:
    """Judging works on whole arrays, so a million rows need no more steps in Python than a hundred."""
    plan = replace(PLAN, rate=100_000.0)
    evidence = quiet_trial(plan=plan, stop=10.0)

    verdict = judge_trial(with_losses(evidence, 1.5, 1.6))

    assert verdict.identity.planned == 1_000_000
    assert verdict.verdict is Verdict.LOSSY
