"""Releases of which the evidence says too little: nobody was asked whose turn it was, so none of them is lossless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analysis.evidence import TrialEvidence
from harness.analysis.judge import judge_trial
from harness.model.attempt import Method, Outcome
from harness.model.timeline import EventKind
from harness.model.verdict import FindingCode, TrialVerdict, Verdict
from harness.testing.evidence import with_event, with_losses, without_events
from harness.testing.release_evidence import (
    V1,
    V2,
    blue_green_trial,
    canary_trial,
    header_trial,
    sticky_trial,
    with_answers,
)

RELEASES = [blue_green_trial, canary_trial, header_trial, sticky_trial]


def codes(verdict: TrialVerdict) -> set[FindingCode]:
    """What was found."""
    return {finding.code for finding in verdict.findings}


def without_step(trial: TrialEvidence, step: int) -> TrialEvidence:
    """Nothing on the timeline of one step of a canary."""
    return replace(trial, timeline=tuple(event for event in trial.timeline if event.detail.get("step") != step))


def rolled_back(trial: TrialEvidence) -> TrialEvidence:
    """Taken back in the second step in place of the way back at the end."""
    for what in ("undone", "undo-observed"):
        trial = without_events(trial, EventKind.CHANGE, what)
    trial = with_event(trial, 19.0, EventKind.CHANGE, "rollback", subject="canary", n=1, step=2, lost=3)
    return with_event(trial, 19.5, EventKind.CHANGE, "rollback-observed", subject="canary", n=1)


@pytest.mark.parametrize("step", [1, 2])
def test_a_step_that_the_timeline_lacks_leaves_no_answer(step: int) -> None:
    """Its share was measured by nobody."""
    verdict = judge_trial(without_step(canary_trial(), step))

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert [finding.numbers["missing"] for finding in verdict.findings] == [f"repetition 1: step {step}"]


@pytest.mark.parametrize("make", [blue_green_trial, header_trial, sticky_trial])
@pytest.mark.parametrize("what", ["undone", "undo-observed"])
def test_a_way_back_that_the_timeline_lacks_leaves_no_answer(make: Callable[[], TrialEvidence], what: str) -> None:
    """Whoever answers after it is asked by when it was seen; without that, whose turn it was is unknown."""
    verdict = judge_trial(without_events(make(), EventKind.CHANGE, what))

    assert FindingCode.RELEASE_INCOMPLETE in codes(verdict)
    assert verdict.verdict is not Verdict.LOSSLESS


def test_a_rollback_without_a_loss_explains_nothing() -> None:
    """Steps that a rollback has cut off are excused by the loss that called for it, and by that alone."""
    trial = rolled_back(canary_trial())

    assert judge_trial(trial).verdict is Verdict.INCONCLUSIVE
    lossy = judge_trial(with_losses(trial, 15.0, 15.1, Outcome.STATUS))
    assert lossy.verdict is Verdict.LOSSY
    assert FindingCode.RELEASE_INCOMPLETE not in codes(lossy)


def test_a_rollback_that_was_not_carried_out_is_told() -> None:
    """Beside the loss: the new version may still be there."""
    trial = without_events(rolled_back(canary_trial()), EventKind.CHANGE, "rollback-observed")
    verdict = judge_trial(with_losses(trial, 15.0, 15.1, Outcome.STATUS))

    assert verdict.verdict is Verdict.LOSSY
    assert FindingCode.RELEASE_INCOMPLETE in codes(verdict)


def test_an_early_rollback_excuses_the_steps_after_it() -> None:
    """What was never begun is missed by nobody, what came before is."""
    trial = rolled_back(canary_trial())
    early = tuple(
        replace(event, detail={**event.detail, "step": 1}) if event.what == "rollback" else event
        for event in without_step(trial, 2).timeline + tuple(e for e in trial.timeline if e.what == "rollback")
    )
    verdict = judge_trial(with_losses(replace(trial, timeline=early), 5.0, 5.1, Outcome.STATUS))

    assert FindingCode.RELEASE_INCOMPLETE not in codes(verdict)


@pytest.mark.parametrize("make", RELEASES)
@pytest.mark.parametrize("text", ["apple-v1" + "x" * 192, None])
def test_good_answers_of_which_too_little_was_kept_leave_no_answer(
    make: Callable[[], TrialEvidence], text: str | None
) -> None:
    """A page longer than what is kept, or a text that is lost, could be the wrong version's: never lossless."""
    trial = make()
    route = 1 if make is header_trial else 0
    trial = with_answers(trial, 5.0, 5.1, 77, route)
    verdict = judge_trial(replace(trial, responders={**trial.responders, **({77: text} if text else {})}))

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert FindingCode.VERSION_UNTOLD in codes(verdict)


def test_answers_to_head_have_nothing_to_tell() -> None:
    """They have no body, so their status is all that is asked."""
    trial = with_answers(blue_green_trial(), 5.0, 5.1, 0)
    rows = trial.attempts.copy()
    chosen = (rows["route"] == 0) & (rows["responder"] == 0)
    rows["method"][chosen] = Method.HEAD
    heads = judge_trial(replace(trial, attempts=rows))

    assert FindingCode.VERSION_UNTOLD in codes(judge_trial(trial))
    assert FindingCode.VERSION_UNTOLD not in codes(heads)


def test_long_answers_of_other_routes_are_nobodys_matter() -> None:
    """A private route's page may be as long as it likes: nobody asks whose turn it is there."""
    trial = with_answers(blue_green_trial(), 5.0, 5.1, 77, 1)

    assert judge_trial(replace(trial, responders={V1: "apple-v1", V2: "apple-v2", 77: "x" * 200})).findings == ()
