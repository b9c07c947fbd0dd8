"""Two changes that overlap are judged as one: both must be made, at the same time, and each answer at its own time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.analysis.confidence import transitions_of
from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts
from harness.analysis.moments import Moments, change_window
from harness.analysis.reducing import reduced
from harness.judging.trial import judge_trial
from harness.model.changes import Restart, SelectorPatch
from harness.model.events import ChangeEvent
from harness.model.timeline import EventKind
from harness.model.verdict import Verdict
from harness.testing.evidence import CHANGE, quiet_trial, with_event, with_losses, with_rows

#: The update of ``quiet_trial`` lasts from 1 s to 2 s; the selector is patched within it.
PATCHED, SEEN, ENDED = 1.4, 1.8, 2.2
PATCH = SelectorPatch(
    name="repoint",
    service="apple-service",
    selector={"version": "v3"},
    answer="apple-v3",
    answers={"/apple": ("apple-v3",)},
    during=CHANGE,
)


#: A ledger without a block.
NOTHING: Any = ()


def overlapping(applied: float = PATCHED, **times: float) -> TrialEvidence:
    """Return a trial without any fault, in which a selector is patched during a rolling update.

    Args:
        applied: Time of the patch; 0 leaves it out.
        times: Times of ``begin``, ``observed`` and ``end``; 0 leaves the event out.
    """
    found = replace(quiet_trial(), change=PATCH)
    moments = {"begin": PATCHED - 0.01, "applied": applied, "observed": SEEN, "end": ENDED, **times}
    for what, when in moments.items():
        if when:
            n = {"n": 1} if what in {"applied", "observed"} else {}
            found = with_event(found, when, EventKind.CHANGE, what, subject=PATCH.name, **n)
    return replace(found, responders={**found.responders, 3: "apple-v3"})


def codes(evidence: TrialEvidence) -> list[str]:
    """Return the codes of a trial's findings."""
    return [finding.code for finding in judge_trial(evidence).findings]


def test_two_changes_that_overlap_without_a_loss_are_lossless() -> None:
    """The window spans both, and the trial is one observed transition."""
    evidence = overlapping()

    assert judge_trial(evidence).verdict is Verdict.LOSSLESS
    assert change_window(Moments.of(evidence)) == (1.0, ENDED)
    assert transitions_of(Facts.of(evidence)).count == 1


def test_a_loss_during_either_change_is_a_loss() -> None:
    """One after the first change, while the second one is under way."""
    assert judge_trial(with_losses(overlapping(), 2.05, 2.1)).verdict is Verdict.LOSSY
    assert judge_trial(with_losses(overlapping(), 1.1, 1.15)).verdict is Verdict.LOSSY


@pytest.mark.parametrize("what", ["applied", "observed", "end"])
def test_each_event_of_the_second_change_is_required(what: str) -> None:
    """The first change was made in full, and it does not stand for the second one."""
    evidence = overlapping(**{what: 0.0})

    assert "change-not-observed" in codes(evidence)
    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("event", [ChangeEvent.APPLIED, ChangeEvent.OBSERVED, ChangeEvent.END])
def test_each_event_of_the_first_change_is_required(event: ChangeEvent) -> None:
    """The second change does not stand for the first one either."""
    whole = overlapping()
    kept = tuple(e for e in whole.timeline if (e.subject, e.what) != (CHANGE.name, event))

    assert "change-not-observed" in codes(replace(whole, timeline=kept))


def test_the_text_about_missing_events_names_the_change() -> None:
    """Both may lack something; the text names the change."""
    found = overlapping(observed=0.0)
    found = with_event(
        found, SEEN, EventKind.CHANGE, "not-observed", subject="repoint", n=1, awaited="observed", missing="endpoints"
    )
    (finding,) = (f for f in judge_trial(found).findings if f.code == "change-not-observed")

    assert "repoint: endpoints" in str(finding.numbers["missing"])


@pytest.mark.parametrize("when", [0.9, 2.01])
def test_changes_that_did_not_overlap_are_inconclusive(when: float) -> None:
    """The patch was made before the update had begun, or after it was over."""
    evidence = overlapping(when, begin=min(when, 1.5) - 0.01, observed=2.1)

    assert "changes-apart" in codes(evidence)
    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE


def test_the_note_that_the_first_change_is_in_progress_does_not_prolong_it() -> None:
    """It may be recorded late, when the first change is over already."""
    late = with_event(overlapping(2.1, observed=2.15), 2.12, EventKind.CHANGE, "in-progress", subject=CHANGE.name, n=1)

    assert "changes-apart" in codes(late)


def answered(evidence: TrialEvidence, start: float, end: float, responder: int) -> TrialEvidence:
    """Let one version answer all requests of an interval."""
    return with_rows(evidence, start, end, responder=responder)


@pytest.mark.parametrize(
    ("spoil", "verdict"),
    [
        (lambda it: answered(it, 1.6, 1.8, 3), Verdict.LOSSLESS),
        (lambda it: answered(it, 1.1, 1.2, 3), Verdict.LOSSY),
        (lambda it: answered(it, 1.1, 1.2, 2), Verdict.LOSSLESS),
        (lambda it: answered(it, 0.5, 0.6, 2), Verdict.INCONCLUSIVE),
        (lambda it: answered(it, 0.5, 0.6, 3), Verdict.INCONCLUSIVE),
    ],
    ids=["third-after-patch", "third-before-patch", "second-after-update", "second-before-update", "third-at-first"],
)
def test_an_answer_is_right_from_the_beginning_of_its_own_change(
    spoil: Callable[[TrialEvidence], TrialEvidence], verdict: Verdict
) -> None:
    """An answer that only the patch makes right is wrong while only the update has begun.

    One before both is a loss that neither has caused.
    """
    assert judge_trial(spoil(overlapping())).verdict is verdict


def test_an_answer_of_a_change_that_never_began_is_wrong() -> None:
    """Nothing has made it right."""
    never = overlapping(0.0, begin=0.0, observed=0.0, end=0.0)

    assert Facts.of(answered(never, 1.6, 1.8, 3)).mistimed.early.any()


def test_a_large_ledger_of_overlapping_changes_is_judged_whole() -> None:
    """Keep the rows: both changes decide together which answer was right at which time, so counts are not enough."""
    evidence = overlapping()

    assert reduced(evidence, NOTHING, NOTHING, Moments.of(evidence)) is None


def test_the_time_of_both_changes_is_estimated() -> None:
    """The duration of a trial counts for the order of trials."""
    alone, other = Restart(name="a", deployment="apple"), Restart(name="b", deployment="pear")

    assert replace(alone, during=other).seconds(5.0) == alone.seconds(5.0) + other.seconds(5.0)
