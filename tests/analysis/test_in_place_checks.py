"""Tests that changes by other clients make a trial of a shared application inconclusive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.evidence import TrialEvidence
from harness.findings.completeness import ChangeNotObserved
from harness.findings.in_place import ChangeWithheld, Interference
from harness.findings.registry import explain
from harness.judging.trial import judge_trial
from harness.model.timeline import Event, EventKind
from harness.model.verdict import Finding, Verdict
from harness.testing.evidence import at, quiet_trial, with_losses


def altered(evidence: TrialEvidence, seconds: float, who: str, fields: str = "spec.replicas") -> TrialEvidence:
    """Return the same trial in which another client alters the Deployment."""
    detail = {"object": "Deployment/apple", "who": who, "fields": fields}
    event = Event(at(seconds), EventKind.TARGET, "apple", "altered", detail)
    return replace(evidence, timeline=(*evidence.timeline, event))


def found(evidence: TrialEvidence, code: str) -> list[Finding]:
    """Return its findings of a code."""
    return [finding for finding in judge_trial(evidence).findings if finding.code is code]


@pytest.mark.parametrize("seconds", [0.5, 1.5, 2.5])
def test_an_altered_object_makes_the_trial_inconclusive(seconds: float) -> None:
    """This holds before, during and after the change."""
    evidence = altered(quiet_trial(), seconds, "kubectl-edit")

    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE
    assert found(evidence, Interference.code)


def test_a_loss_may_then_not_come_from_the_change() -> None:
    """Another client changed the object as well."""
    evidence = altered(with_losses(quiet_trial(), 1.4, 1.6), 1.5, "kubectl-edit")

    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ("kube-controller-manager (scale)", "An autoscaler"),
        ("argocd-controller", "Argo CD"),
        ("kustomize-controller", "Flux"),
        ("kubectl-edit", "kubectl-edit"),
        ("", "A client that the API server does not name"),
    ],
)
def test_the_finding_names_client_and_fields(who: str, name: str) -> None:
    """Known managers have their usual names, and several changes by one manager are one finding."""
    evidence = altered(altered(quiet_trial(), 1.5, who), 1.8, who, "spec.paused")
    (finding,) = found(evidence, Interference.code)
    text = explain(finding).text

    assert text.startswith(name)
    assert "Deployment/apple 2 times" in text
    assert "spec.replicas; spec.paused" in text


def test_each_manager_has_a_finding() -> None:
    """Two managers give two findings."""
    evidence = altered(altered(quiet_trial(), 1.5, "a"), 1.8, "b")

    assert [finding.numbers["who"] for finding in found(evidence, Interference.code)] == ["a", "b"]


def test_a_withheld_change_is_no_failed_change() -> None:
    """One finding explains why there was no change."""
    quiet = quiet_trial()
    kept = tuple(event for event in quiet.timeline if event.kind is not EventKind.CHANGE)
    withheld = Event(at(1.0), EventKind.CHANGE, "rolling-update", "withheld", {"lost": 3})
    evidence = replace(quiet, timeline=(*kept, withheld))

    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE
    assert found(evidence, ChangeWithheld.code)[0].numbers == {"lost": 3}
    assert not found(evidence, ChangeNotObserved.code)
