"""Tests of releases with incomplete evidence: valid versions can't be checked, so no such release is lossless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analysis.evidence import TrialEvidence
from harness.findings.releases import ReleaseIncomplete, VersionUntold
from harness.judging.trial import judge_trial
from harness.model.attempt import Method, Outcome
from harness.model.timeline import EventKind
from harness.model.verdict import TrialVerdict, Verdict
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


def codes(verdict: TrialVerdict) -> set[str]:
    """Return the codes of the findings."""
    return {finding.code for finding in verdict.findings}


def without_step(trial: TrialEvidence, step: int) -> TrialEvidence:
    """Remove one step of a canary from the timeline."""
    return replace(trial, timeline=tuple(event for event in trial.timeline if event.detail.get("step") != step))


def rolled_back(trial: TrialEvidence) -> TrialEvidence:
    """Roll back in the second step, in place of the undo at the end."""
    for what in ("undone", "undo-observed"):
        trial = without_events(trial, EventKind.CHANGE, what)
    trial = with_event(trial, 19.0, EventKind.CHANGE, "rollback", subject="canary", n=1, step=2, lost=3)
    return with_event(trial, 19.5, EventKind.CHANGE, "rollback-observed", subject="canary", n=1)


@pytest.mark.parametrize("step", [1, 2])
def test_a_missing_step_is_inconclusive(step: int) -> None:
    """Its share was not measured."""
    verdict = judge_trial(without_step(canary_trial(), step))

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert [finding.numbers["missing"] for finding in verdict.findings] == [f"repetition 1: step {step}"]


@pytest.mark.parametrize("make", [blue_green_trial, header_trial, sticky_trial])
@pytest.mark.parametrize("what", ["undone", "undo-observed"])
def test_a_missing_undo_is_inconclusive(make: Callable[[], TrialEvidence], what: str) -> None:
    """Later answers are checked by the time of the undo; without it the valid version is unknown."""
    verdict = judge_trial(without_events(make(), EventKind.CHANGE, what))

    assert ReleaseIncomplete.code in codes(verdict)
    assert verdict.verdict is not Verdict.LOSSLESS


def test_a_rollback_without_a_loss_excuses_nothing() -> None:
    """Steps after a rollback are excused only by the loss that caused it."""
    trial = rolled_back(canary_trial())

    assert judge_trial(trial).verdict is Verdict.INCONCLUSIVE
    lossy = judge_trial(with_losses(trial, 15.0, 15.1, Outcome.STATUS))
    assert lossy.verdict is Verdict.LOSSY
    assert ReleaseIncomplete.code not in codes(lossy)


def test_an_unobserved_rollback_is_reported() -> None:
    """It is reported in addition to the loss, since the new version may still answer."""
    trial = without_events(rolled_back(canary_trial()), EventKind.CHANGE, "rollback-observed")
    verdict = judge_trial(with_losses(trial, 15.0, 15.1, Outcome.STATUS))

    assert verdict.verdict is Verdict.LOSSY
    assert ReleaseIncomplete.code in codes(verdict)


def test_an_early_rollback_excuses_the_steps_after_it() -> None:
    """Later steps are not missing, earlier ones are."""
    trial = rolled_back(canary_trial())
    early = tuple(
        replace(event, detail={**event.detail, "step": 1}) if event.what == "rollback" else event
        for event in without_step(trial, 2).timeline + tuple(e for e in trial.timeline if e.what == "rollback")
    )
    verdict = judge_trial(with_losses(replace(trial, timeline=early), 5.0, 5.1, Outcome.STATUS))

    assert ReleaseIncomplete.code not in codes(verdict)


@pytest.mark.parametrize("make", RELEASES)
@pytest.mark.parametrize("text", ["apple-v1" + "x" * 192, None])
def test_good_answers_without_a_known_version_are_inconclusive(
    make: Callable[[], TrialEvidence], text: str | None
) -> None:
    """A page longer than the kept part, or a missing text, could be the wrong version's."""
    trial = make()
    route = 1 if make is header_trial else 0
    trial = with_answers(trial, 5.0, 5.1, 77, route)
    verdict = judge_trial(replace(trial, responders={**trial.responders, **({77: text} if text else {})}))

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert VersionUntold.code in codes(verdict)


def test_answers_to_head_are_excused() -> None:
    """They have no body, so only their status counts."""
    trial = with_answers(blue_green_trial(), 5.0, 5.1, 0)
    rows = trial.attempts.copy()
    chosen = (rows["route"] == 0) & (rows["responder"] == 0)
    rows["method"][chosen] = Method.HEAD
    heads = judge_trial(replace(trial, attempts=rows))

    assert VersionUntold.code in codes(judge_trial(trial))
    assert VersionUntold.code not in codes(heads)


def test_long_answers_of_other_routes_do_not_matter() -> None:
    """A private route is not checked for its version."""
    trial = with_answers(blue_green_trial(), 5.0, 5.1, 77, 1)

    assert judge_trial(replace(trial, responders={V1: "apple-v1", V2: "apple-v2", 77: "x" * 200})).findings == ()
