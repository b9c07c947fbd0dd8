"""Findings about missing evidence: traffic that never worked, a change that was not made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.facts import Facts
from harness.findings.finding_type import OfStream, Sentence, Subject, TrialFinding, name_of
from harness.findings.in_place import ChangeWithheld
from harness.model.attempt import Outcome
from harness.model.events import ChangeEvent
from harness.model.verdict import Weight
from harness.wording import plural

#: Events of a repetition that come when the change itself is over, or that are about the other change.
_NOT_OF_IT = frozenset({ChangeEvent.QUIET, ChangeEvent.IN_PROGRESS})


@dataclass(frozen=True, kw_only=True)
class NoTraffic(
    TrialFinding,
    code="no-traffic",
    weight=Weight.EVIDENCE,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """Nothing was sent, and a trial without traffic is never lossless."""

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NoTraffic]:
        """Yield a finding if nothing was sent."""
        if not facts.identity.sent:
            yield cls()

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence("Nothing was sent, so nothing is known.", "See locust.log in the trial's traffic folder.")

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        return Sentence(self.sentence().text)


@dataclass(frozen=True, kw_only=True)
class StreamWithoutSuccess(
    OfStream,
    TrialFinding,
    code="stream-without-success",
    weight=Weight.EVIDENCE,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """A stream never worked, so the effect of the change on it is unknown."""

    @classmethod
    def check(cls, facts: Facts) -> Iterator[StreamWithoutSuccess]:
        """Yield a finding for each stream without a single success."""
        if not facts.identity.sent:
            return
        succeeded = set(np.unique(facts.stream[facts.outcome == Outcome.OK]).tolist())
        for index, stream in enumerate(facts.streams):
            if index not in succeeded:
                yield cls(**name_of(stream))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self.stream} never succeeded, not even before the change.",
            "Check the path, the method and the expected answers in the Experiment.",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        return Sentence(
            f"{self.stream} never succeeded.",
            "Check the URL, the method and the expectations; a stream that was never sent needs more time or rate.",
        )


@dataclass(frozen=True, kw_only=True)
class AnswersOpenEnded(
    TrialFinding,
    code="answers-open-ended",
    weight=Weight.EVIDENCE,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """Right answers had no length: each ended with its connection, as it also does if the server is killed."""

    count: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[AnswersOpenEnded]:
        """Yield a finding if there are such answers."""
        if facts.evidence.open_ended:
            yield cls(count=facts.evidence.open_ended)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{plural(self.count, 'right answer')} had no length, and a connection that ended in the middle of one "
            "looks the same: whether they were whole is unknown.",
            "Give the whole answer (body, or answers without * at the end), or let the server send a length.",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        advice = "Give the whole answer with --expect-body, or its end with --expect-regex 'END$'."
        return Sentence(self.sentence().text, advice)


@dataclass(frozen=True, kw_only=True)
class ChangeNotObserved(TrialFinding, code="change-not-observed", weight=Weight.EVIDENCE):
    """A repetition of the change was not applied, or its effect was not observed."""

    times: int
    applied: int
    observed: int
    begun: bool
    ended: bool
    missing: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ChangeNotObserved]:
        """Yield a finding unless every repetition was applied and observed.

        A change that was withheld has its own finding.
        """
        moments, times = facts.moments, facts.evidence.change.times
        if any(ChangeWithheld.check(facts)):
            return
        due = frozenset(range(1, times + 1))
        whole = moments.begin is not None and moments.end is not None and not moments.missing
        if whole and due <= moments.applied and due <= moments.observed:
            return
        yield cls(
            times=times,
            applied=len(due & moments.applied),
            observed=len(due & moments.observed),
            begun=moments.begin is not None,
            ended=moments.end is not None,
            missing="; ".join(dict.fromkeys(text for text in moments.missing if text)),
        )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        if not self.begun:
            return Sentence("The change was never begun.", "See why the trial ended before it.")
        missing = f" Not observed in time: {self.missing}." if self.missing else ""
        return Sentence(
            f"The change was planned {plural(self.times, 'time')}; it was applied {self.applied} and "
            f"observed {self.observed} times.{missing}",
            "A change that was not made can't be judged: check that it really alters the object that gets "
            "traffic, and that the new version becomes ready.",
        )


@dataclass(frozen=True, kw_only=True)
class ChangesApart(TrialFinding, code="changes-apart", weight=Weight.EVIDENCE):
    """A change that should begin while another one is in progress began before or after it.

    Attributes:
        first: Name of the change in progress.
        second: Name of the other one.
        apart: Number of repetitions in which they did not overlap.
        times: Number of repetitions.
    """

    first: str
    second: str
    apart: int
    times: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ChangesApart]:
        """Yield a finding if the second change of a repetition did not begin while the first was in progress.

        ``ChangeNotObserved`` covers a repetition in which one of them was not made.
        """
        second = facts.evidence.change
        first = second.during
        if first is None:
            return
        apart = [n for n in sorted(facts.moments.applied) if not _overlap(facts, first.name, second.name, n)]
        if apart:
            yield cls(first=first.name, second=second.name, apart=len(apart), times=second.times)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self.second} should begin while {self.first} is in progress, but in {self.apart} of "
            f"{plural(self.times, 'repetition')} {self.first} was already over, or had not begun.",
            f"Make {self.first} last longer, such as with more replicas, a readiness delay or a hold.",
        )


def _overlap(facts: Facts, first: str, second: str, n: int) -> bool:
    """Return True if the second change was requested between the first request and the last event of the first."""
    asked = ChangeTimeline(facts.evidence, second).begun(ChangeEvent.APPLIED, n)
    progress = ChangeTimeline(facts.evidence, first)
    ends = [progress.seconds(m) for m in progress.moments if m.n == n and m.event not in _NOT_OF_IT]
    return progress.begun(ChangeEvent.APPLIED, n) <= asked <= max(ends)
