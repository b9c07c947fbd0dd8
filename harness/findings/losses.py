"""Findings about what was lost: before the change, which then is not its cause, and since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.analysis.facts import Facts, Mask, delays, losses_by_label
from harness.analysis.workload import drops_routes, stayed_ready
from harness.findings.finding_type import PREFIX, Sentence, Subject, TrialFinding
from harness.model.attempt import Method, Outcome
from harness.model.changes import facts_of
from harness.model.shapes import DEFAULT_SHAPES, SHAPES
from harness.model.verdict import Weight
from harness.wording import between, count, plural, seconds, share

#: Statuses that are named one by one; more say nothing further.
_STATUSES = 4
#: Methods that are always counted; others where they were sent.
_USUAL = frozenset({Method.GET, Method.POST})

#: What a class or a status of losses usually means, and what helps.
_HINTS = {
    "502": "A 502 says that the ingress still sent requests to a pod that no longer answers: a preStop sleep that "
    "outlasts the ingress controller's delay keeps the pod serving until then.",
    "503": "A 503 says that the Service had no ready endpoint: another ready pod (a second replica, maxUnavailable 0, "
    "a readiness probe) has to be there before this one goes.",
    "504": "A 504 says that the pod did not answer the ingress in time: it was not ready yet, or it hung.",
    "reset": "A reset says that whoever held the connection went away without closing it.",
    "closed": "A connection that is closed unannounced costs the client that is about to use it a request: see the "
    "connections cut.",
    "refused": "A refused connection says that nobody listened: the ingress itself was away; or, where traffic goes "
    "straight to a Service, kube-proxy sent it to a pod that was gone, or knew of no pod to send it to.",
}

#: The same for a 503 that no missing pod explains.
_RELOAD_503 = (
    "A 503 although pods were ready and none went: the reload took the backend away while old nginx workers still used "
    "it. Keep what the Ingress named before (its Service and its pods) until those workers are gone, or patch the "
    "Service's selector instead, which reloads nothing."
)

#: What means something else, or something at all, behind Traefik.
_DROPPED_ROUTES = {
    "404": "A 404 says that no rule matched: Traefik drops the route of a Service without endpoints. A ready pod has "
    "to stand behind the Service all the time: overlap, then narrow.",
    "wrong-answer": "A wrong answer says that another application or version answered. Behind Traefik an empty Service "
    "looks like that: its route is dropped, and a rule that matches more takes its requests. A ready pod has to stand "
    "behind the Service all the time: overlap, then narrow.",
}

#: The kinds that losses are counted by, and those of them that are shown only where they were sent.
_KINDS = {
    "get": "GET", "post": "POST", "head": "HEAD", "put": "PUT", "delete": "DELETE",
    **{shape.word: facts.lost for shape, facts in SHAPES.items()},
}  # fmt: skip
_RARE = frozenset({"head", "put", "delete", *(shape.word for shape, facts in SHAPES.items() if not facts.is_usual)})


@dataclass(frozen=True, kw_only=True)
class LossBeforeChange(TrialFinding, code="loss-before-change", weight=Weight.INSTRUMENT):
    """Something was lost that the change can't have caused: the environment or the harness loses requests."""

    lost: int
    classes: str
    early_answers: int
    begun: bool

    @classmethod
    def check(cls, facts: Facts) -> Iterator[LossBeforeChange]:
        """Yield it where a request was lost that was over when the change began."""
        lost = facts.is_lost & facts.is_before
        if lost.any():
            yield cls(
                lost=int(lost.sum()),
                classes=_counts(losses_by_label(facts.outcome[lost])),
                early_answers=int((facts.out_of_turn.early & lost).sum()),
                begun=facts.moments.begin is not None,
            )

    def sentence(self) -> Sentence:
        """Return it for people."""
        lost, early = plural(self.lost, "request was", "requests were"), self.early_answers
        answers = f" {plural(early, 'answer')} came from the new version before there was one." if early else ""
        if not self.begun:
            return Sentence(
                f"{lost} lost ({self.classes}), and no change is on record that could have cost them.",
                "See why the change never began, or why there is no record of it.",
            )
        return Sentence(
            f"{lost} lost before the change began ({self.classes}): the environment loses requests by itself.{answers}",
            "Find out what fails without any change; until then nothing can be said of the change.",
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
        classes: Lost requests by outcome, in words.
        statuses: The most frequent HTTP statuses of lost requests, in words.
        first_s: Seconds from the change's begin to when the first lost request left.
        last_s: The same of the last one.
        window_s: Longest time from the begin of a repetition to a loss that it may have caused, in seconds.
        change: The kind of the change.
        pods_stayed: No pod went, and none became unready.
        drops_routes: True where the ingress drops the route of an empty Service; None elsewhere.
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
        """Yield it where a request was lost since the change began."""
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
            change=facts.evidence.change.kind,
            pods_stayed=stayed_ready(facts.evidence, facts.moments.begin or 0.0, facts.moments.stop),
            drops_routes=drops_routes(facts.evidence) or None,
            by_kind=_by_kind(facts, lost),
        )

    def sentence(self) -> Sentence:
        """Return how many, when, as what, and what that usually means."""
        signs = {part.split()[0] for part in f"{self.classes}, {self.statuses}".split(", ") if part.split()}
        advice = " ".join(hint for sign, hint in self._hints().items() if sign in signs)
        return Sentence(self._text("the change began"), advice)

    def watch_sentence(self) -> Sentence:
        """Return it without advice: the usual cause behind an ingress need not be the cause here."""
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
    """Some wrong answers were right in themselves, but came from a version that was not to answer at that time.

    Attributes:
        early: Answers of the new version before its turn.
        late: Answers of the old version after its turn, or of the new one after the way back.
        strayed: Answers to sessions that belonged to the other candidate.
        change: The kind of the change.
    """

    early: int
    late: int
    strayed: int
    change: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[AnsweredOutOfTurn]:
        """Yield it where there is such an answer."""
        out = facts.out_of_turn
        if out.wrong.any():
            yield cls(
                early=int(out.early.sum()),
                late=int(out.late.sum()),
                strayed=int((out.strayed & ~out.late & ~out.early).sum()),
                change=facts.evidence.change.kind,
            )

    def sentence(self) -> Sentence:
        """Return it for people."""
        facts = facts_of(self.change)
        new, old = facts.new, facts.old
        back = f"{new} after the way back" if facts.old_stays else f"{old} any more, or by {new} after the way back"
        parts = [
            f"{count(self.early)} by {new} before it was its turn" if self.early else "",
            f"{count(self.late)} that should not have been by {back}" if self.late else "",
            f"{count(self.strayed)} to sessions that belonged to the other candidate" if self.strayed else "",
        ]
        known = "; ".join(part for part in parts if part) or "none is known"
        return Sentence(
            f"Answers that were good in themselves, but not from whom the route promises at that time: {known}. They "
            "are among the wrong answers.",
            "Look at the routes and at when the ingress took the change over: a rule that matches the public route "
            "too, an old worker that still serves, or a cookie that is not sent back.",
        )


def _by_kind(facts: Facts, lost: Mask) -> dict[str, int]:
    """Return lost requests by method and by shape."""
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
    """Return ``502 x 31, 503 x 4``."""
    status = facts.evidence.attempts["status"][lost & (facts.outcome == Outcome.STATUS)]
    values, counts = np.unique(status, return_counts=True)
    most = sorted(zip(counts.tolist(), values.tolist(), strict=True), reverse=True)[:_STATUSES]
    return ", ".join(f"{value} × {n}" for n, value in most)  # noqa: RUF001 - shown to people


def _counts(losses: dict[str, int]) -> str:
    return ", ".join(f"{label} {n}" for label, n in losses.items())


def _when(first: float, last: float) -> str:
    """Return when lost requests left; one that was under way when the change began left before it."""
    if first > -0.05:
        return between(first, last)
    return f"between {seconds(-first)} before and {seconds(max(0.0, last))}"
