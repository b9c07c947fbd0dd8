"""Findings about a change of an application that others manage as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.analysis.facts import Facts
from harness.analysis.moments import Seconds
from harness.findings.finding_type import Sentence, TrialFinding
from harness.model.events import ChangeEvent, Withheld, of_type, read
from harness.model.timeline import Event, EventKind
from harness.model.verdict import Weight
from harness.wording import plural, seconds

#: Field managers with the name that users know.
_KNOWN = {
    "kube-controller-manager (scale)": "an autoscaler (kube-controller-manager, by the scale subresource)",
    "argocd-controller": "Argo CD (argocd-controller)",
    "argocd-application-controller": "Argo CD (argocd-application-controller)",
    "kustomize-controller": "Flux (kustomize-controller)",
    "helm-controller": "Flux (helm-controller)",
}


@dataclass(frozen=True, kw_only=True)
class Interference(TrialFinding, code="interference", weight=Weight.INSTRUMENT):
    """Another client altered an object of the trial, so it may have caused or prevented losses."""

    object: str
    who: str
    fields: str
    count: int
    first_s: float
    begun: bool

    @classmethod
    def check(cls, facts: Facts) -> Iterator[Interference]:
        """Yield a finding for each object and each manager that altered it."""
        seconds_of, begin = Seconds(facts.evidence.origin_ns), facts.moments.begin or 0.0
        groups: dict[tuple[str, str], list[Event]] = {}
        for event in facts.evidence.timeline:
            if event.kind is EventKind.TARGET and event.what == "altered":
                groups.setdefault((str(event.detail["object"]), str(event.detail["who"])), []).append(event)
        for (altered, who), found in groups.items():
            yield cls(
                object=altered,
                who=who,
                fields="; ".join(dict.fromkeys(str(event.detail["fields"]) for event in found)),
                count=len(found),
                first_s=round(seconds_of(found[0].at) - begin, 3),
                begun=facts.moments.begin is not None,
            )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        at = self.first_s
        when = (
            f"{seconds(abs(at))} {'after' if at >= 0 else 'before'} the change began"
            if self.begun
            else "during the trial"
        )
        times = "" if self.count == 1 else f" {plural(self.count, 'time')}, first"
        return Sentence(
            f"{_name(self.who)} altered {self.object}{times} {when}: {self.fields}. So losses, or their "
            "absence, may not be due to the change alone.",
            "Make sure that nothing else changes the object during the run (suspend the autoscaler or the "
            "synchronisation), and run again.",
        )


@dataclass(frozen=True, kw_only=True)
class ChangeWithheld(TrialFinding, code="change-withheld", weight=Weight.EVIDENCE):
    """The change was withheld because requests were lost without it."""

    lost: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ChangeWithheld]:
        """Yield a finding if the timeline says that the change was withheld."""
        for moment in of_type(read(facts.evidence.timeline), ChangeEvent.WITHHELD, Withheld):
            yield cls(lost=moment.detail.lost or 0)
            return

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The change was not made: {plural(self.lost, 'request was', 'requests were')} lost without it, so "
            "its effect could not have been judged.",
            "Find the cause of losses without a change, and run again.",
        )


def _name(managers: str) -> str:
    """Return field managers under the names that users know."""
    if not managers:
        return "A client that the API server does not name"
    named = " and ".join(_KNOWN.get(name, name) for name in managers.split(", "))
    return named[:1].upper() + named[1:] if named.startswith("an ") else named
