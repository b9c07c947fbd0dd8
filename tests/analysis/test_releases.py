"""Tests of blue-green, canary and A/B trials: valid versions, shares, sessions, candidates; each broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.evidence import TrialEvidence
from harness.findings.losses import AnsweredOutOfTurn
from harness.findings.releases import NeverSticky, ShareNotAsAsked, ShareNotMeasured
from harness.findings.remarks import CandidatesDiffer, RolledBack
from harness.judging.trial import judge_trial
from harness.model.attempt import Outcome
from harness.model.changes import Canary
from harness.model.experiment import Route
from harness.model.schedule import session_of
from harness.model.timeline import EventKind
from harness.model.verdict import TrialVerdict, Verdict
from harness.testing.evidence import NS, with_event, with_losses, with_rows, without_events
from harness.testing.release_evidence import (
    STICKY,
    V1,
    V2,
    blue_green_trial,
    canary_trial,
    header_trial,
    sticky_trial,
    with_answers,
    with_share,
)


def numbers(verdict: TrialVerdict, code: str) -> dict[str, object]:
    """Return the numbers of a finding; empty if there is no such finding."""
    return next((dict(finding.numbers) for finding in verdict.findings if finding.code is code), {})


@pytest.mark.parametrize("make", [blue_green_trial, canary_trial, header_trial, sticky_trial])
def test_a_good_release_is_lossless(make: Callable[[], TrialEvidence]) -> None:
    """It has no finding, and judging it twice gives the same."""
    verdict = judge_trial(make())

    assert (verdict.verdict, verdict.findings) == (Verdict.LOSSLESS, ())
    assert judge_trial(make()) == verdict


#: A trial, the altered answers (from, to, version, route), and the expected verdict.
OUT_OF_TURN = {
    "new version before the switch, after the change began": (blue_green_trial, (1.0, 1.1, V2, 0), None),
    "new version in public in the baseline": (blue_green_trial, (0.5, 0.6, V2, 0), "early"),
    "old version within its grace": (blue_green_trial, (3.0, 3.5, V1, 0), ""),
    "old version after its grace": (blue_green_trial, (5.0, 5.1, V1, 0), "late"),
    "new version within the grace of the way back": (blue_green_trial, (10.0, 10.5, V2, 0), ""),
    "new version after the way back": (blue_green_trial, (11.5, 11.6, V2, 0), "late"),
    "old version on the private route is the sender's matter": (blue_green_trial, (5.0, 5.1, V1, 1), ""),
    "canary in the baseline": (canary_trial, (0.5, 0.6, V2, 0), "early"),
    "canary after the way back": (canary_trial, (22.0, 22.1, V2, 0), "late"),
    "B before the test": (header_trial, (0.5, 0.6, V2, 1), "early"),
    "A while B's turn is being made": (header_trial, (1.5, 2.5, V1, 1), ""),
    "A in B's turn": (header_trial, (6.0, 6.1, V1, 1), "late"),
    "B after the test": (header_trial, (15.0, 15.1, V2, 1), "late"),
}


@pytest.mark.parametrize("case", OUT_OF_TURN)
def test_an_answer_of_the_wrong_version_is_a_wrong_answer(case: str) -> None:
    """Before the change begins, it is a fault of the environment and not of the change."""
    make, (start, end, version, route), kind = OUT_OF_TURN[case]
    verdict = judge_trial(with_answers(make(), start, end, version, route))
    found = numbers(verdict, AnsweredOutOfTurn.code)

    if kind is None:
        # The made-up trial requests the switch at the very time at which the change begins.
        assert verdict.verdict is Verdict.LOSSLESS
    elif not kind:
        assert not found
        assert verdict.identity.lost == {}
    else:
        assert found[kind] == verdict.identity.lost["wrong-answer"] > 0
        assert verdict.verdict is (Verdict.INCONCLUSIVE if kind == "early" else Verdict.LOSSY)


def test_a_new_version_that_answers_before_the_switch_is_a_loss() -> None:
    """The switch is requested later than the change begins, so public answers in between are lost."""
    trial = blue_green_trial()
    late = tuple(
        replace(event, detail={**event.detail, "begun": event.at + NS // 2}) if event.what == "applied" else event
        for event in trial.timeline
    )
    verdict = judge_trial(with_answers(replace(trial, timeline=late), 1.1, 1.2, V2))

    assert verdict.verdict is Verdict.LOSSY
    assert numbers(verdict, AnsweredOutOfTurn.code)["early"] == verdict.identity.lost["wrong-answer"] > 0


def test_without_a_switch_no_new_version_may_answer() -> None:
    """If the switch was never made, only the old version may answer."""
    trial = without_events(blue_green_trial(), EventKind.CHANGE, "applied")

    assert judge_trial(trial).identity.lost["wrong-answer"] > 0


def test_shares_are_counted_while_a_step_lasts() -> None:
    """Counting starts when routing has settled, and both intervals contain the requested share."""
    first, second = judge_trial(canary_trial()).answering.splits

    assert [(split.step, split.asked, split.start, split.end) for split in (first, second)] == [
        (1, 0.1, 3.1, 9.6),
        (2, 0.5, 12.0, 18.5),
    ]
    assert first.counted == second.counted == 1300
    assert first.wide.low < first.interval.low < first.new / first.counted < first.interval.high < first.wide.high


@pytest.mark.parametrize(("share", "is_seen"), [(0.11, False), (0.2, True), (0.0, True)])
def test_a_share_that_chance_does_not_explain_is_reported(share: float, *, is_seen: bool) -> None:
    """Such a step makes the trial inconclusive, although nothing was lost."""
    verdict = judge_trial(canary_trial((share, 0.5)))
    found = numbers(verdict, ShareNotAsAsked.code)

    assert bool(found) is is_seen
    assert verdict.verdict is (Verdict.INCONCLUSIVE if is_seen else Verdict.LOSSLESS)
    if found:
        assert (found["step"], found["asked"], found["counted"]) == (1, 0.1, 1300)


def test_a_step_of_100_percent_allows_no_exception() -> None:
    """A single answer by the old version can't be chance."""
    trial = canary_trial((0.1, 1.0))
    change = trial.change
    assert isinstance(change, Canary)
    whole = tuple(
        replace(event, detail={**event.detail, "weight": 100}) if event.detail.get("step") == 2 else event
        for event in trial.timeline
    )
    trial = replace(trial, timeline=whole)

    assert judge_trial(trial).verdict is Verdict.LOSSLESS
    assert numbers(judge_trial(with_answers(trial, 15.0, 15.03, V1)), ShareNotAsAsked.code)["step"] == 2


def test_a_step_without_counted_answers_is_unknown() -> None:
    """Without an answer to count, its effect is unknown."""
    verdict = judge_trial(with_rows(canary_trial(), 3.0, 9.7, responder=0))

    assert numbers(verdict, ShareNotMeasured.code)["step"] == 1
    assert verdict.verdict is Verdict.INCONCLUSIVE


def test_a_rollback_is_reported() -> None:
    """The finding has step and losses. Answers of the new version after the undo are losses."""
    trial = without_events(canary_trial(), EventKind.CHANGE, "undone")
    trial = without_events(trial, EventKind.CHANGE, "undo-observed")
    trial = with_event(trial, 19.0, EventKind.CHANGE, "rollback", subject="canary", n=1, step=2, lost=3)
    trial = with_event(trial, 19.5, EventKind.CHANGE, "rollback-observed", subject="canary", n=1)

    assert numbers(judge_trial(trial), RolledBack.code) == {"step": 2, "lost": 3}
    assert judge_trial(with_answers(trial, 22.0, 22.1, V2)).verdict is Verdict.LOSSY


def test_a_session_that_changes_its_candidate_is_a_loss() -> None:
    """One answer came from the other candidate, to a session that had sent its cookie."""
    trial = sticky_trial()
    rows = trial.attempts.copy()
    mine = session_of(rows["number"].astype(np.int64), 2, STICKY.sessions) == 1
    chosen = np.flatnonzero(mine & (rows["planned"] > 8 * NS))[:1]
    rows["responder"][chosen] = V1
    verdict = judge_trial(replace(trial, attempts=rows))

    assert numbers(verdict, AnsweredOutOfTurn.code)["strayed"] == 1
    assert (verdict.verdict, verdict.identity.lost) == (Verdict.LOSSY, {"wrong-answer": 1})


def test_a_second_sync_of_the_controller_is_awaited() -> None:
    """A sync some seconds after the observation belongs to the change, a later one does not."""
    trial = with_event(canary_trial(), 4.0, EventKind.INGRESS, "endpoints", subject="ingress-nginx")
    trial = with_event(trial, 16.0, EventKind.INGRESS, "endpoints", subject="ingress-nginx")

    assert [split.start for split in judge_trial(trial).answering.splits] == [5.5, 12.0]


def test_attempts_without_a_cookie_bind_no_candidate() -> None:
    """Until the first answer of the test, a session's attempts may have no cookie."""
    trial = sticky_trial()
    rows = trial.attempts.copy()
    first = rows["planned"] < round(3.54 * NS)
    rows["responder"][first] = V1
    rows["done"][first & (rows["planned"] > 3.5 * NS)] += 100_000_000

    assert judge_trial(replace(trial, attempts=rows)).findings == ()


def with_sizes(trial: TrialEvidence, cookies_from: float) -> TrialEvidence:
    """Record the sizes of requests: those that were sent from a time on carried a cookie of 40 bytes."""
    rows = trial.attempts.copy()
    digits = np.array([len(str(number)) for number in rows["number"]])
    rows["bytes_out"] = 120 + digits + np.where(rows["sent"] >= cookies_from * NS, 40, 0)
    return replace(trial, attempts=rows)


def without_affinity(trial: TrialEvidence, until: float) -> TrialEvidence:
    """Let the other candidate answer every second request of each session until a time."""
    rows = trial.attempts.copy()
    turn = rows["number"].astype(np.int64) // (2 * STICKY.sessions)
    swapped = (turn % 2 == 1) & (rows["planned"] >= 1.5 * NS) & (rows["planned"] < until * NS)
    rows["responder"][swapped] = V1 + V2 - rows["responder"][swapped]
    return replace(trial, attempts=rows)


def test_a_session_is_bound_when_it_carries_a_cookie() -> None:
    """The controller sets cookies later than the test was observed; until then sessions have no candidate."""
    verdict = judge_trial(with_sizes(without_affinity(sticky_trial(), until=8.0), cookies_from=8.0))
    (split,) = verdict.answering.splits

    assert (verdict.verdict, verdict.findings) == (Verdict.LOSSLESS, ())
    assert (split.counted, split.new) == (2 * STICKY.sessions, 2 * (STICKY.sessions // 2))


def test_a_session_with_a_cookie_may_not_change_its_candidate() -> None:
    """A worker that does not know the affinity ignores cookies, which real clients notice."""
    verdict = judge_trial(with_sizes(without_affinity(sticky_trial(), until=8.0), cookies_from=6.0))

    assert verdict.verdict is Verdict.LOSSY
    assert numbers(verdict, AnsweredOutOfTurn.code)["strayed"] != 0


def test_the_answer_that_set_the_cookie_shows_the_candidate() -> None:
    """The first request with the cookie may already go astray, and it alone is a loss."""
    slow, trial = replace(STICKY, sessions=10 * STICKY.sessions), sticky_trial()
    trial = with_sizes(replace(trial, traffic=replace(trial.traffic, routes=(slow,))), cookies_from=6.0)
    rows = trial.attempts.copy()
    mine = session_of(rows["number"].astype(np.int64), 2, slow.sessions) == 1
    chosen = np.flatnonzero(mine & (rows["planned"] >= 6 * NS))[:1]
    rows["responder"][chosen] = V1
    verdict = judge_trial(replace(trial, attempts=rows))

    assert numbers(verdict, AnsweredOutOfTurn.code)["strayed"] == 1


def test_sessions_that_carry_no_cookie_prove_nothing() -> None:
    """All requests have the size of one without a cookie, so nobody knows if sessions are sticky."""
    verdict = judge_trial(with_sizes(sticky_trial(), cookies_from=99.0))

    assert numbers(verdict, NeverSticky.code) == {"cookie": "who"}
    assert verdict.verdict is Verdict.INCONCLUSIVE


def test_sessions_that_never_come_back_prove_nothing() -> None:
    """If no cookie is sent back twice, it is unknown if sessions are sticky."""
    trial = sticky_trial()
    many = replace(trial.traffic, routes=(replace(STICKY, sessions=5000),))
    verdict = judge_trial(replace(trial, traffic=many))

    assert numbers(verdict, NeverSticky.code) == {"cookie": "who"}
    assert verdict.verdict is Verdict.INCONCLUSIVE


def test_candidates_are_compared() -> None:
    """Test their sent, lost and timely requests, and if chance explains the difference."""
    trial = header_trial()
    rows = trial.attempts.copy()
    slow = (rows["route"] == 1) & (rows["planned"] > 6 * NS) & (rows["planned"] < 8 * NS)
    rows["done"][slow] += 20_000_000
    trial = with_losses(replace(trial, attempts=rows), 9.0, 9.1, Outcome.STATUS)
    verdict = judge_trial(trial)
    a, b = verdict.answering.candidates
    found = numbers(verdict, CandidatesDiffer.code)

    assert (a.name, a.sent, a.ok, a.successes) == ("A", 850, 840, 840)
    assert (b.name, b.sent, b.ok, b.successes) == ("B", 850, 840, 840 - int(slow.sum()))
    assert (a.lost, b.lost) == ({"status": 10}, {"status": 10})
    assert a.p99 < b.p99 == b.max
    assert (found["method"], found["a_successes"], found["b_successes"]) == ("z", a.successes, b.successes)
    assert found["p_value"] == 0.0


def test_unanswered_requests_by_weight_belong_to_no_candidate() -> None:
    """With weights only an answer identifies the candidate, so lost requests are counted separately."""
    a, b, unknown = judge_trial(
        with_rows(sticky_trial(), 9.0, 9.5, outcome=Outcome.CLOSED, responder=0)
    ).answering.candidates

    assert (unknown.name, unknown.sent, unknown.lost) == ("unknown", 100, {"closed": 100})
    assert a.sent + b.sent + unknown.sent == 1700


def test_answers_of_each_version_are_counted_over_time() -> None:
    """The chart's bins contain every good answer of the route once."""
    verdict = judge_trial(canary_trial())
    answering, series = verdict.answering, verdict.series

    assert len(answering.old) == len(answering.new) == len(series.sent)
    assert [a + b for a, b in zip(answering.old, answering.new, strict=True)] == list(series.ok)
    assert sum(answering.new) == verdict.responders["apple-v2"]


def test_routes_of_one_path_are_distinguished() -> None:
    """Streams have the name of their route."""
    assert {stream.path for stream in judge_trial(header_trial()).streams} == {"/apple", "b"}


def test_an_answer_without_a_version_is_ignored() -> None:
    """It is a body as long as the sender keeps, or one of neither version."""
    trial = with_share(canary_trial(), 0.0, 24.0, 1.0)
    long = replace(trial, responders={V1: "apple-v1", V2: "x" * 200})
    verdict = judge_trial(long)

    assert verdict.identity.lost == {}
    assert len(numbers(verdict, ShareNotMeasured.code)) > 0
    assert Route("/apple").key == "/apple"
