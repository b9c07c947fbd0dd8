"""Findings about the promises of a release other than losing nothing: steps, shares, sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from harness.analysis.answer_versions import changed_routes, sticky_sessions, unidentified, versions
from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.facts import Facts
from harness.analysis.series import EMPTY_SERIES
from harness.analysis.version_answers import version_answers_of
from harness.findings.finding_type import FindingType, Sentence, TrialFinding
from harness.model.attempt import Method, Outcome
from harness.model.events import ChangeEvent, Rollback, StepDetail
from harness.model.verdict import Weight
from harness.model.version_answers import MeasuredShare
from harness.wording import count, plural, ratio, seconds


@dataclass(frozen=True, kw_only=True)
class ReleaseIncomplete(TrialFinding, code="release-incomplete", weight=Weight.EVIDENCE):
    """The timeline lacks a step or an undo, so the answers of that time could not be checked."""

    missing: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ReleaseIncomplete]:
        """Yield a finding if something is missing.

        A rollback excuses the steps after it, but only if the ledger has the loss that caused it.
        """
        missing = tuple(_unrecorded(facts))
        if missing:
            yield cls(missing="; ".join(missing))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The timeline lacks events of the release: {self.missing}. So which version answered in that time "
            "could not be checked.",
            "Run it again; if that does not help, see the change's events in timeline.jsonl.",
        )


@dataclass(frozen=True, kw_only=True)
class VersionUntold(TrialFinding, code="version-untold", weight=Weight.EVIDENCE):
    """Good answers do not show their version, so an answer by the wrong one would count as right."""

    count: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[VersionUntold]:
        """Yield a finding if a good answer shows no version.

        An answer to HEAD has no body and does not count.
        """
        rows, change = facts.evidence.attempts, facts.evidence.release
        if not change.version_routes:
            return
        mine = np.isin(rows["route"], changed_routes(facts.evidence)) & (facts.outcome == Outcome.OK)
        found = int((mine & (rows["method"] != Method.HEAD) & unidentified(facts.evidence)).sum())
        if found:
            yield cls(count=found)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{plural(self.count, 'good answer')} can't be assigned to the old or the new version: of a body no "
            "more than 200 characters are kept, and an empty one shows nothing.",
            "Send this traffic to a path whose short answer names the version.",
        )


@dataclass(frozen=True, kw_only=True)
class _OfShare:
    """The fields of a finding about a measured share; see ``harness.model.version_answers.MeasuredShare``."""

    n: int
    step: int
    asked: float
    counted: int
    new: int
    low: float
    high: float
    wide_low: float
    wide_high: float
    sessions: bool
    seconds: float

    @classmethod
    def of(cls, split: MeasuredShare) -> Self:
        """Return the finding about a measured share."""
        return cls(
            n=split.n,
            step=split.step,
            asked=split.asked,
            counted=split.counted,
            new=split.new,
            low=split.interval.low,
            high=split.interval.high,
            wide_low=split.wide.low,
            wide_high=split.wide.high,
            sessions=split.sessions,
            seconds=round(split.end - split.start, 3),
        )

    @property
    def asked_for(self) -> str:
        """Return the requested share as text."""
        where = f"Step {self.step}" if self.step else "The test"
        return f"{where} requested {ratio(self.asked)} for the new version"


@dataclass(frozen=True, kw_only=True)
class ShareNotMeasured(_OfShare, FindingType, code="share-not-measured", weight=Weight.EVIDENCE):
    """No answer could be counted for a share.

    The check of ``ShareNotAsAsked`` yields it.
    """

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self.asked_for}, but in {seconds(self.seconds)} after routing had settled no answer could be counted.",
            "Hold the step for longer, or send more requests on its route.",
        )


@dataclass(frozen=True, kw_only=True)
class ShareNotAsAsked(_OfShare, TrialFinding, code="share-not-as-asked", weight=Weight.EVIDENCE):
    """A share differs from the requested one by more than chance explains."""

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ShareNotMeasured | ShareNotAsAsked]:
        """Yield a finding for each share that is wrong or unknown, in the order of the steps."""
        for split in version_answers_of(facts, EMPTY_SERIES).splits:
            if not split.counted:
                yield ShareNotMeasured.of(split)
            elif not split.is_as_asked:
                yield cls.of(split)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        what = "session" if self.sessions else "answer"
        return Sentence(
            f"{self.asked_for}, and it got {ratio(self.new / max(1, self.counted))} of "
            f"{plural(self.counted, what)} ({count(self.new)}): the true share lies between "
            f"{ratio(self.low)} and {ratio(self.high)} (99 %), and except for a chance "
            f"of one in a million between {ratio(self.wide_low)} and {ratio(self.wide_high)}.",
            "The controller does not split requests as written: check the weights that it applied, the number "
            "of ready pods of each version, and if another load balancer comes before it.",
        )


@dataclass(frozen=True, kw_only=True)
class NeverSticky(TrialFinding, code="never-sticky", weight=Weight.EVIDENCE):
    """No session came back with its cookie, so it is unknown if sessions stay with their candidate."""

    cookie: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NeverSticky]:
        """Yield a finding if a sticky test has no session of two requests."""
        change = facts.evidence.release
        if not change.sticky_cookie:
            return
        version, good = versions(facts.evidence), facts.evidence.attempts["outcome"] == Outcome.OK
        sessions = sticky_sessions(facts.evidence, version, (facts.sent_s, facts.done_s), good)
        if not any(len(session.rows) for session in sessions):
            yield cls(cookie=change.sticky_cookie)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"No session came back twice with its cookie {self.cookie!r}: it is unknown if sessions are sticky.",
            "Hold the test for longer, use fewer sessions, and check that the answers set this cookie.",
        )


def _unrecorded(facts: Facts) -> Iterator[str]:
    """Yield descriptions of the release's events that the timeline lacks."""
    change, events = facts.evidence.release, ChangeTimeline(facts.evidence, facts.evidence.release.name)
    if not change.version_routes:
        return
    # ``ChangeNotObserved`` covers a repetition that was not observed at all.
    for n in (n for n in range(1, change.times + 1) if events.at(ChangeEvent.OBSERVED, n) < np.inf):
        goes_back = n < change.times or change.undoes_itself
        rollback = next((m for m in events.named(ChangeEvent.ROLLBACK, Rollback) if m.n == n), None)
        if rollback is not None:
            if not (facts.is_lost & ~facts.is_before).any():
                yield f"repetition {n}: the loss for which it was rolled back"
            if events.at(ChangeEvent.ROLLBACK_OBSERVED, n) == np.inf:
                yield f"repetition {n}: {ChangeEvent.ROLLBACK_OBSERVED}"
        elif goes_back and np.inf in {events.at(ChangeEvent.UNDONE, n), events.at(ChangeEvent.UNDO_OBSERVED, n)}:
            yield f"repetition {n}: the way back"
        if change.steps_asked:
            last = (rollback.detail.step or 0) - 1 if rollback is not None else change.steps_asked
            seen = [(m.n, m.detail.step) for m in events.named(ChangeEvent.STEP_OBSERVED, StepDetail)]
            yield from (f"repetition {n}: step {i}" for i in range(1, last + 1) if (n, i) not in seen)
