"""Findings about losses: before the change, which can't have caused them, and since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.analysis.facts import Facts, losses_by_label
from harness.analysis.row_facts import Mask, delays
from harness.analysis.workload import drops_routes, stayed_ready
from harness.findings.finding_type import PREFIX, Sentence, Subject, TrialFinding
from harness.model.attempt import Method, Outcome
from harness.model.changes import ChangeSpec, facts_of
from harness.model.shapes import DEFAULT_SHAPES, SHAPES
from harness.model.verdict import Weight
from harness.wording import between, count, plural, seconds, share

#: Most statuses that are listed one by one.
_STATUSES = 4
#: Methods that are always counted; others only if they were sent.
_USUAL = frozenset({Method.GET, Method.POST})

#: The usual meaning of a class or status of losses, with advice.
_HINTS = {
    "502": "A 502 means that the ingress still sent requests to a pod that no longer answers: a preStop sleep that "
    "outlasts the ingress controller's delay keeps the pod serving until then.",
    "503": "A 503 means that the Service had no ready endpoint: another ready pod (a second replica, maxUnavailable 0, "
    "a readiness probe) must exist before this one ends.",
    "504": "A 504 means that the pod did not answer the ingress in time: it was not ready yet, or it hung.",
    "reset": "A reset means that the peer went away without closing the connection.",
    "closed": "If a connection is closed unannounced, a client that is about to use it loses a request: see the "
    "connections cut.",
    "refused": "A refused connection means that nothing listened: the ingress itself was away; or, if traffic goes "
    "directly to a Service, kube-proxy sent it to a pod that was gone, or knew of no pod.",
}

#: The same for a 503 without a missing pod.
_RELOAD_503 = (
    "A 503 although pods were ready and none ended: the reload removed the backend while old nginx workers still used "
    "it. Keep the old Service and its pods until those workers are gone, or patch the "
    "Service's selector instead, which reloads nothing."
)

#: Classes and statuses that have a meaning of their own with Traefik.
_DROPPED_ROUTES = {
    "404": "A 404 means that no rule matched: Traefik drops the route of a Service without endpoints. Keep a ready pod "
    "behind the Service at all times: select old and new pods first, and then only the new ones.",
    "wrong-answer": "A wrong answer means that another application or version answered. With Traefik an empty Service "
    "has this effect: its route is dropped, and a wider rule takes its requests. Keep a ready pod behind the "
    "Service at all times: select old and new pods first, and then only the new ones.",
}

#: Kinds of requests by which losses are counted, and those of them that are shown only if they were sent.
_KINDS = {
    **{method.name.lower(): method.name for method in Method},
    **{shape.word: facts.lost for shape, facts in SHAPES.items()},
}
_RARE = frozenset(
    {
        *(method.name.lower() for method in Method if method not in _USUAL),
        *(shape.word for shape, facts in SHAPES.items() if not facts.is_usual),
    }
)


@dataclass(frozen=True, kw_only=True)
class LossBeforeChange(TrialFinding, code="loss-before-change", weight=Weight.INSTRUMENT):
    """Requests were lost that the change can't have affected: the environment or the harness loses requests."""

    lost: int
    classes: str
    early_answers: int
    begun: bool

    @classmethod
    def check(cls, facts: Facts) -> Iterator[LossBeforeChange]:
        """Yield a finding if a request that ended before the change was lost."""
        lost = facts.is_lost & facts.is_before
        if lost.any():
            yield cls(
                lost=int(lost.sum()),
                classes=_counts(losses_by_label(facts.outcome[lost])),
                early_answers=int((facts.mistimed.early & lost).sum()),
                begun=facts.moments.begin is not None,
            )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        lost, early = plural(self.lost, "request was", "requests were"), self.early_answers
        answers = f" {plural(early, 'answer')} came from the new version before the change." if early else ""
        if not self.begun:
            return Sentence(
                f"{lost} lost ({self.classes}), and no change is recorded that could be the cause.",
                "See why the change never began, or why there is no record of it.",
            )
        return Sentence(
            f"{lost} lost before the change began ({self.classes}): the environment loses requests by itself.{answers}",
            "Find the cause of failures without a change; until then the change can't be judged.",
        )


@dataclass(frozen=True, kw_only=True)
class RequestsLost(
    TrialFinding,
    code="requests-lost",
    weight=Weight.LOSS,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """Requests were lost since the change began.

    Attributes:
        lost: Lost requests.
        sent: All requests of the trial.
        classes: Lost requests by outcome, as text.
        statuses: The most frequent HTTP statuses of lost requests, as text.
        first_s: Seconds from the change's beginning to the sent time of the first lost request.
        last_s: The same for the last lost request.
        window_s: Longest time from the start of a repetition to a loss that it may have caused, in seconds.
        change: The kind of the change.
        pods_stayed: True if no pod ended or became unready.
        drops_routes: True if the ingress drops the route of a Service without endpoints; None if it does not.
        by_kind: Lost requests by method and by connection shape, in lower case.
    """

    lost: int
    sent: int
    classes: str
    statuses: str
    first_s: float
    last_s: float
    window_s: float
    change: str
    pods_stayed: bool
    drops_routes: bool | None = None
    by_kind: Mapping[str, int] = field(default_factory=dict, metadata={PREFIX: "lost_"})

    @classmethod
    def check(cls, facts: Facts) -> Iterator[RequestsLost]:
        """Yield a finding if a request was lost since the change began."""
        lost = facts.is_lost & ~facts.is_before
        if not lost.any():
            return
        since = facts.sent_s[lost] - (facts.moments.begin or 0.0)
        yield cls(
            lost=int(lost.sum()),
            sent=facts.identity.sent,
            classes=_counts(losses_by_label(facts.outcome[lost])),
            statuses=_statuses(facts, lost),
            first_s=round(float(np.nanmin(since)), 3),
            last_s=round(float(np.nanmax(since)), 3),
            window_s=round(_longest_after_start(facts, lost), 3),
            change=_reloading(facts.evidence.change).kind,
            pods_stayed=stayed_ready(facts.evidence, facts.moments.begin or 0.0, facts.moments.stop),
            drops_routes=drops_routes(facts.evidence) or None,
            by_kind=_by_kind(facts, lost),
        )

    def sentence(self) -> Sentence:
        """Return number, time and class of the losses, with their usual meaning as advice."""
        signs = {part.split()[0] for part in f"{self.classes}, {self.statuses}".split(", ") if part.split()}
        advice = " ".join(hint for sign, hint in self._hints().items() if sign in signs)
        return Sentence(self._text("the change began"), advice)

    def watch_sentence(self) -> Sentence:
        """Return the same without advice: the usual cause with an ingress need not be the cause here."""
        return Sentence(self._text("traffic began"))

    def _text(self, since: str) -> str:
        by = ", ".join(
            f"{count(self.by_kind.get(key, 0))} {label}"
            for key, label in _KINDS.items()
            if key not in _RARE or self.by_kind.get(key)
        )
        status = f"; HTTP status {self.statuses}" if self.statuses else ""
        return (
            f"{count(self.lost)} of {plural(self.sent, 'request')} ({share(self.lost, self.sent)}) "
            f"{'was' if self.lost == 1 else 'were'} lost, {_when(self.first_s, self.last_s)} after "
            f"{since}: {self.classes}{status}. By kind: {by}."
        )

    def _hints(self) -> dict[str, str]:
        if self.drops_routes:
            return {**_HINTS, **_DROPPED_ROUTES}
        is_reload = facts_of(self.change).reloads_ingress and self.pods_stayed
        return {**_HINTS, "503": _RELOAD_503} if is_reload else _HINTS


@dataclass(frozen=True, kw_only=True)
class AnsweredOutOfTurn(TrialFinding, code="answered-out-of-turn", weight=Weight.NOTE):
    """Some wrong answers were right in themselves, but came from a version that may not answer then.

    Attributes:
        early: Answers of the new version before the change.
        late: Answers of the old version after the change, or of the new one after the undo.
        strayed: Answers to sessions of the other candidate.
        change: The kind of the change.
    """

    early: int
    late: int
    strayed: int
    change: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[AnsweredOutOfTurn]:
        """Yield a finding if there is such an answer."""
        mistimed = facts.mistimed
        if mistimed.wrong.any():
            yield cls(
                early=int(mistimed.early.sum()),
                late=int(mistimed.late.sum()),
                strayed=int((mistimed.strayed & ~mistimed.late & ~mistimed.early).sum()),
                change=facts.evidence.release.kind,
            )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        facts = facts_of(self.change)
        new, old = facts.new, facts.old
        late = f"{new} after the undo" if facts.old_stays else f"{old} after the change, or by {new} after the undo"
        parts = [
            f"{count(self.early)} by {new} before the change" if self.early else "",
            f"{count(self.late)} by {late}" if self.late else "",
            f"{count(self.strayed)} to sessions that belonged to the other candidate" if self.strayed else "",
        ]
        known = "; ".join(part for part in parts if part) or "none is known"
        return Sentence(
            f"Some answers were right in themselves, but came from a version that may not answer then: {known}. They "
            "are among the wrong answers.",
            "Check the routes, and when the ingress applied the change: causes are a rule that matches the public "
            "route too, an old worker that still serves, or a cookie that is not sent back.",
        )


def _reloading(change: ChangeSpec) -> ChangeSpec:
    """Return the part of a change for which the ingress controller loads another configuration, or else the change."""
    return next((part for part in change.parts if part.facts.reloads_ingress), change)


def _by_kind(facts: Facts, lost: Mask) -> dict[str, int]:
    """Return the number of lost requests by method and by shape."""
    rows, plan = facts.evidence.attempts, facts.evidence.traffic
    methods, shapes = sorted(_USUAL.union(plan.methods)), sorted({*DEFAULT_SHAPES, *plan.shapes})
    return {
        **{method.name.lower(): int((rows["method"][lost] == method).sum()) for method in methods},
        **{shape.word: int((rows["shape"][lost] == shape).sum()) for shape in shapes},
    }


def _longest_after_start(facts: Facts, lost: Mask) -> float:
    """Return the longest time from the beginning of a repetition to a loss that it may have caused.

    A slow answer may be the cost of a repetition that began while it was under way.
    """
    starts = np.array(facts.moments.starts or (facts.moments.begin or 0.0,))
    when = facts.sent_s[lost]
    late = delays(facts.streams, facts.stream[lost])
    nearest = np.searchsorted(starts, when if late is None else when + late, side="right") - 1
    return max(0.0, float(np.nanmax(when - starts[np.maximum(nearest, 0)])))


def _statuses(facts: Facts, lost: Mask) -> str:
    """Return the most frequent statuses as text: ``502 x 31, 503 x 4``."""
    status = facts.evidence.attempts["status"][lost & (facts.outcome == Outcome.STATUS)]
    values, counts = np.unique(status, return_counts=True)
    most = sorted(zip(counts.tolist(), values.tolist(), strict=True), reverse=True)[:_STATUSES]
    return ", ".join(f"{value} × {n}" for n, value in most)  # noqa: RUF001 - shown to people


def _counts(losses: dict[str, int]) -> str:
    return ", ".join(f"{label} {n}" for label, n in losses.items())


def _when(first: float, last: float) -> str:
    """Return the period in which lost requests were sent; one in flight when the change began was sent before it."""
    if first > -0.05:
        return between(first, last)
    return f"between {seconds(-first)} before and {seconds(max(0.0, last))}"
