"""Findings about changes on an application that others manage as well."""

from __future__ import annotations

from harness.model.verdict import FindingCode
from harness.report.findings.given import Given, Sentence, Teller
from harness.report.words import plural, seconds

#: Field managers that people know by another name.
_KNOWN = {
    "kube-controller-manager (scale)": "an autoscaler (kube-controller-manager, by the scale subresource)",
    "argocd-controller": "Argo CD (argocd-controller)",
    "argocd-application-controller": "Argo CD (argocd-application-controller)",
    "kustomize-controller": "Flux (kustomize-controller)",
    "helm-controller": "Flux (helm-controller)",
}


def _who(managers: str) -> str:
    """Names of field managers for people."""
    if not managers:
        return "Somebody whom the API server does not name"
    named = " and ".join(_KNOWN.get(name, name) for name in managers.split(", "))
    return named[:1].upper() + named[1:] if named.startswith("an ") else named


def _interference(given: Given) -> Sentence:
    at = given.float("first_s")
    when = (
        f"{seconds(abs(at))} {'after' if at >= 0 else 'before'} the change began" if given.has("begun") else "meanwhile"
    )
    times = "" if given.int("count") == 1 else f" {plural(given.int('count'), 'time')}, first"
    return Sentence(
        f"{_who(given.text('who'))} altered {given.text('object')}{times} {when}: {given.text('fields')}. What was "
        "lost, or was not, can't be put down to the change alone.",
        "Let nobody else change the object meanwhile (suspend the autoscaler or the synchronisation), and run again.",
    )


def _withheld(given: Given) -> Sentence:
    return Sentence(
        f"The change was not made: {plural(given.int('lost'), 'request was', 'requests were')} lost without it, so "
        "that nothing could have been learned from it.",
        "Find out what loses requests when nothing is changed, and run again.",
    )


#: The sentence of each finding.
SENTENCES: dict[FindingCode, Teller] = {
    FindingCode.INTERFERENCE: _interference,
    FindingCode.CHANGE_WITHHELD: _withheld,
}
