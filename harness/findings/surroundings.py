"""Findings about nodes, the watch on the cluster, clocks and pauses: events may be unseen or times inexact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.facts import Facts
from harness.analysis.moments import NS, Seconds
from harness.analysis.thresholds import CLOCK_ERROR_MS, SENDER_PAUSE_MS
from harness.findings.finding_type import Sentence, Subject, TrialFinding
from harness.model.timeline import EventKind
from harness.model.verdict import Weight
from harness.wording import count, plural, seconds


@dataclass(frozen=True, kw_only=True)
class NodeUnwell(TrialFinding, code="node-unwell", weight=Weight.EVIDENCE):
    """A node was not well during the traffic: it lacked a resource or its network, or was not ready."""

    node: str
    conditions: str
    count: int
    first_s: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NodeUnwell]:
        """Yield a finding if a node became unwell during the trial; its state before that is ignored."""
        evidence = facts.evidence
        if not evidence.origin_ns:
            return
        at = Seconds(evidence.origin_ns)
        events = [
            e for e in evidence.timeline if e.kind is EventKind.NODE and e.what == "unwell" and not e.detail["found"]
        ]
        met = [event for event in events if 0 <= at(event.at) <= facts.moments.stop]
        if met:
            conditions = ", ".join(sorted({str(event.detail["condition"]) for event in met}))
            first = round(at(met[0].at), 3)
            yield cls(node=met[0].subject, conditions=conditions, count=len(met), first_s=first)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The node {self.node} was not well during the traffic ({self.conditions}), first "
            f"{seconds(self.first_s)} after its start: pods and probes of that time say little about the change.",
            _advice_on_node(self.conditions),
        )


def _advice_on_node(conditions: str) -> str:
    if "NetworkUnavailable" in conditions:
        return (
            "See the node's condition NetworkUnavailable. On the embedded cluster, a program kept its pod's address: "
            "let it set SO_REUSEADDR before it listens, or run with --cluster kind."
        )
    return "Give the node what it lacks (memory, disk), or run fewer things on it, and run again."


@dataclass(frozen=True, kw_only=True)
class WatchInterrupted(TrialFinding, code="watch-interrupted", weight=Weight.EVIDENCE):
    """The harness did not see the cluster during a part of the change."""

    count: int
    first_s: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[WatchInterrupted]:
        """Yield a finding if a watch broke between the change's beginning and the end of sending."""
        begin = facts.moments.begin or 0.0
        blind = [at for at in facts.moments.interruptions if begin <= at <= facts.moments.stop]
        if blind:
            yield cls(count=len(blind), first_s=round(blind[0] - begin, 3))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The watch on the cluster was interrupted {plural(self.count, 'time')} during the change, first "
            f"{seconds(self.first_s)} after the change began: its events may be incomplete.",
            "Check the connection to the API server, and run again.",
        )


@dataclass(frozen=True, kw_only=True)
class ClockUncertain(TrialFinding, code="clock-uncertain", weight=Weight.EVIDENCE):
    """The times of a worker on another machine can't be compared with those of the change."""

    worker: int
    error_ms: float
    limit_ms: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ClockUncertain]:
        """Yield a finding for each worker whose clock error is too large."""
        for number, error in sorted(facts.evidence.clock_errors.items()):
            if error * 1000 > CLOCK_ERROR_MS.value:
                yield cls(worker=number, error_ms=round(error * 1000, 2), limit_ms=CLOCK_ERROR_MS.value)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The clock of worker {self.worker} is known only to {self.error_ms:g} ms "
            f"({self.limit_ms:g} ms is accepted), so the times of its lost requests are too inexact.",
            "Use workers on a nearer network, and machines whose clocks do not jump.",
        )


@dataclass(frozen=True, kw_only=True)
class FieldAssumed(TrialFinding, code="field-assumed", weight=Weight.EVIDENCE, warns=True):
    """The run assumes that a field has no effect, and the cluster does not implement the field."""

    field: str
    object: str
    effect: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[FieldAssumed]:
        """Yield a finding for each field that affects requests and was declared as having no effect."""
        for each in facts.evidence.assumed:
            yield cls(field=each.field, object=each.object, effect=each.effect)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"This run assumes that {self.field} of {self.object} has no effect on requests, and the "
            f"embedded cluster does not implement it: {self.effect}.",
            "For a verdict, remove the field or run with --cluster kind.",
        )


@dataclass(frozen=True, kw_only=True)
class SenderPaused(
    TrialFinding,
    code="sender-paused",
    weight=Weight.NOTE,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """The sender sent nothing for a while although requests were due, so a shorter outage would stay unseen."""

    pause_ms: float
    at_s: float
    count: int
    limit_ms: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[SenderPaused]:
        """Yield a finding if the sender paused since the change began."""
        begin, late = facts.moments.begin, facts.late_ms
        if begin is None or not (facts.is_sent & (late > SENDER_PAUSE_MS.value)).any():
            return
        since = facts.is_sent & (facts.sent_s >= begin)
        order = np.argsort(facts.sent_s[since], kind="stable")
        left, planned = facts.sent_s[since][order], facts.evidence.attempts["planned"][since][order] / NS
        if not len(left):
            return
        # A pause begins at the last request before it, or at the planned time of the first delayed one if later.
        quiet_since = np.maximum(np.concatenate(([-np.inf], left[:-1])), planned)
        pauses = left - quiet_since
        longest = int(pauses.argmax())
        if pauses[longest] * 1000 > SENDER_PAUSE_MS.value:
            yield cls(
                pause_ms=round(float(pauses[longest]) * 1000, 1),
                at_s=round(float(quiet_since[longest]) - begin, 3),
                count=int((pauses * 1000 > SENDER_PAUSE_MS.value).sum()),
                limit_ms=SENDER_PAUSE_MS.value,
            )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        advice = "Run fewer cells side by side (--parallel), or use a quieter machine."
        return Sentence(self._text("the change began"), advice)

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        return Sentence(self._text("traffic began"), "Lower --rate, or use a quieter machine.")

    def _text(self, since: str) -> str:
        more = (
            f" It paused {count(self.count)} times for more than {count(self.limit_ms)} ms." if self.count > 1 else ""
        )
        return (
            f"For {count(self.pause_ms)} ms, {seconds(self.at_s)} after {since}, nothing was "
            f"sent although it was due: an outage within that time would not have been seen.{more}"
        )
