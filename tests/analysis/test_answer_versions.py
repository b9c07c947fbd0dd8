"""Tests of edge cases of which version may answer: requests in flight, failures, cut texts, a second repetition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.findings.losses import AnsweredOutOfTurn
from harness.findings.releases import VersionUntold
from harness.judging.trial import judge_trial
from harness.model.attempt import Outcome
from harness.model.changes import BlueGreen
from harness.model.verdict import Verdict
from harness.testing.evidence import NS, ORIGIN, with_rows
from harness.testing.release_evidence import V1, V2, blue_green_trial, header_trial, sticky_trial, with_answers


def test_a_request_sent_within_the_grace_may_be_answered_after_it() -> None:
    """The old version received the request in time, so its answer is right whenever it comes."""
    trial = with_answers(blue_green_trial(), 3.8, 3.9, V1)
    rows = trial.attempts.copy()
    rows["done"][(rows["responder"] == V1) & (rows["planned"] >= 3.8 * NS) & (rows["planned"] < 3.9 * NS)] += NS // 2
    verdict = judge_trial(replace(trial, attempts=rows))

    assert verdict.identity.lost == {}
    assert AnsweredOutOfTurn.code not in {finding.code for finding in verdict.findings}


def test_a_failure_keeps_its_class() -> None:
    """A bad status by the wrong version is a bad status; only a good answer can be mistimed."""
    trial = with_rows(with_answers(header_trial(), 6.0, 6.1, V1, 1), 6.0, 6.1, outcome=Outcome.STATUS, status=503)
    verdict = judge_trial(trial)

    assert verdict.verdict is Verdict.LOSSY
    assert set(verdict.identity.lost) == {"status"}


def test_a_cut_text_is_never_assigned_to_the_old_version() -> None:
    """The missing characters could make it the new version's, so it is no loss and no answer."""
    trial = with_answers(blue_green_trial(), 5.0, 5.1, 77)
    public, private = trial.traffic.routes
    routes = (replace(public, answers=("apple-v1*",)), private)
    long = replace(
        trial, traffic=replace(trial.traffic, routes=routes), responders={**trial.responders, 77: "apple-v1".ljust(200)}
    )
    verdict = judge_trial(long)

    assert verdict.identity.lost == {}
    assert [finding.code for finding in verdict.findings] == [VersionUntold.code]


def test_the_new_version_may_answer_again_in_a_second_repetition() -> None:
    """After the undo it may not answer until the next switch is requested."""
    trial = blue_green_trial()
    change = trial.change
    assert isinstance(change, BlueGreen)
    again = tuple(
        replace(event, at=ORIGIN + round(when * NS), detail={**event.detail, "n": 2})
        for event in trial.timeline
        for what, when in (("applied", 11.6), ("observed", 11.7), ("undone", 12.3), ("undo-observed", 12.4))
        if event.what == what
    )
    end = tuple(
        replace(event, at=ORIGIN + round(12.5 * NS)) if event.what == "end" else event for event in trial.timeline
    )
    timeline = tuple(sorted((*end, *again), key=lambda event: event.at))
    twice = replace(trial, change=replace(change, times=2), timeline=timeline)

    assert judge_trial(with_answers(twice, 11.8, 12.2, V2)).identity.lost == {}
    early = judge_trial(with_answers(twice, 11.3, 11.5, V2))
    assert early.identity.lost == {"wrong-answer": int(np.ceil(0.2 * 100))}


def test_every_stream_has_sessions_of_its_own() -> None:
    """Equal session numbers in two streams are different sessions, which may have different candidates."""
    trial = sticky_trial()
    rows = trial.attempts.copy()
    other = (rows["number"] % 2 == 1) & (rows["planned"] >= 1.5 * NS) & (rows["planned"] < 12.2 * NS)
    rows["responder"][other] = V1 + V2 - rows["responder"][other]

    assert judge_trial(replace(trial, attempts=rows)).findings == ()
