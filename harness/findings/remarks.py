"""Remarks for the reader in addition to the verdict; they do not change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.facts import Facts
from harness.analysis.series import EMPTY_SERIES
from harness.analysis.thresholds import DIFFERENCE_P
from harness.analysis.version_answers import version_answers_of
from harness.findings.finding_type import Sentence, Subject, TrialFinding
from harness.model.attempt import REDIRECT, Outcome
from harness.model.events import ChangeEvent, Rollback
from harness.model.verdict import Weight
from harness.wording import count, plural, probability, ratio, seconds

#: Most targets of redirects that are listed.
_TARGETS = 4


@dataclass(frozen=True, kw_only=True)
class ClocksCompared(TrialFinding, code="clocks-compared", weight=Weight.NOTE):
    """Workers on other machines sent a part of the requests."""

    workers: int
    error_ms: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ClocksCompared]:
        """Yield a finding if there are such workers."""
        errors = facts.evidence.clock_errors
        if errors:
            yield cls(workers=len(errors), error_ms=round(max(errors.values()) * 1000, 3))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{plural(self.workers, 'worker')} sent from other machines; the times of their requests are exact to "
            f"{self.error_ms:g} ms.",
        )


@dataclass(frozen=True, kw_only=True)
class RolledBack(TrialFinding, code="rolled-back", weight=Weight.NOTE, warns=True):
    """A canary was rolled back because one of its steps lost requests."""

    step: int
    lost: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[RolledBack]:
        """Yield a finding for each rollback on the timeline."""
        if facts.evidence.release.steps_asked:
            for moment in ChangeTimeline(facts.evidence).named(ChangeEvent.ROLLBACK, Rollback):
                yield cls(step=moment.detail.step or 0, lost=moment.detail.lost or 0)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The canary was rolled back: step {self.step} had lost {plural(self.lost, 'request')}.",
            "The old version answered all later requests, as it should.",
        )


@dataclass(frozen=True, kw_only=True)
class CandidatesDiffer(TrialFinding, code="candidates-differ", weight=Weight.NOTE):
    """One candidate of a test succeeds more often than the other, beyond chance."""

    a_successes: int
    a_sent: int
    b_successes: int
    b_sent: int
    latency_s: float
    p_value: float
    method: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[CandidatesDiffer]:
        """Yield a finding if the test's p-value is below the threshold."""
        answering = version_answers_of(facts, EMPTY_SERIES)
        test = answering.comparison
        if test is None or test.p_value >= DIFFERENCE_P.value:
            return
        a, b = answering.candidates[:2]
        yield cls(
            a_successes=a.successes,
            a_sent=a.sent,
            b_successes=b.successes,
            b_sent=b.sent,
            latency_s=test.latency,
            p_value=test.p_value,
            method=test.method,
        )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        within = f" within {seconds(self.latency_s)}" if self.latency_s else ""
        a, b = (
            f"{ratio(successes / max(1, sent))} of {plural(sent, 'request')}"
            for successes, sent in ((self.a_successes, self.a_sent), (self.b_successes, self.b_sent))
        )
        return Sentence(
            f"The candidates differ: A succeeded{within} in {a}, B in {b} (p {probability(self.p_value)}, "
            f"{'z test' if self.method == 'z' else 'Fisher exact test'}).",
        )


@dataclass(frozen=True, kw_only=True)
class Redirected(
    TrialFinding, code="redirected", weight=Weight.NOTE, subjects={Subject.TRIAL, Subject.WATCH}, warns=True
):
    """Lost requests were answered by redirects, which the harness does not follow."""

    count: int
    targets: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[Redirected]:
        """Yield a finding if a redirect was not a right answer."""
        rows = facts.evidence.attempts
        lost = rows["responder"][(rows["outcome"] == Outcome.STATUS) & (rows["status"] // 100 == 3)]
        numbers, counts = np.unique(lost, return_counts=True)
        texts = facts.evidence.responders
        found = {texts.get(int(number), ""): int(n) for number, n in zip(numbers, counts, strict=True)}
        targets = {text.removeprefix(REDIRECT): n for text, n in found.items() if text.startswith(REDIRECT)}
        if targets:
            most = sorted(targets, key=lambda target: (-targets[target], target))[:_TARGETS]
            yield cls(count=len(lost), targets=", ".join(f"{target} ({count(targets[target])})" for target in most))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{plural(self.count, 'answer was a redirect', 'answers were redirects')}, which the harness does not "
            f"follow, to: {self.targets}.",
            "Send the traffic to the target, or count the status as a success (statuses: in an Experiment, "
            "--expect-status for a watch).",
        )
