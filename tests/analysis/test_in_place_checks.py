"""An application that others manage as well: what they alter meanwhile spoils the answer, whatever it was."""

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
    """The same trial, in which somebody alters the Deployment."""
    detail = {"object": "Deployment/apple", "who": who, "fields": fields}
    event = Event(at(seconds), EventKind.TARGET, "apple", "altered", detail)
    return replace(evidence, timeline=(*evidence.timeline, event))


def found(evidence: TrialEvidence, code: str) -> list[Finding]:
    """Its findings of a code."""
    return [finding for finding in judge_trial(evidence).findings if finding.code is code]


@pytest.mark.parametrize("seconds", [0.5, 1.5, 2.5])
def test_whoever_alters_the_object_makes_the_trial_inconclusive(seconds: float) -> None:
    """Before, during and after the change."""
    evidence = altered(quiet_trial(), seconds, "kubectl-edit")

    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE
    assert found(evidence, Interference.code)


def test_a_loss_is_then_not_the_changes() -> None:
    """It can't be put down to the change, which was not alone."""
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
def test_it_is_said_who_it_was_and_what(who: str, name: str) -> None:
    """By the name that people know it by; several times by the same are one finding."""
    evidence = altered(altered(quiet_trial(), 1.5, who), 1.8, who, "spec.paused")
    (finding,) = found(evidence, Interference.code)
    text = explain(finding).text

    assert text.startswith(name)
    assert "Deployment/apple 2 times" in text
    assert "spec.replicas; spec.paused" in text


def test_each_who_interferes_is_named() -> None:
    """Two managers are two findings."""
    evidence = altered(altered(quiet_trial(), 1.5, "a"), 1.8, "b")

    assert [finding.numbers["who"] for finding in found(evidence, Interference.code)] == ["a", "b"]


def test_a_change_that_was_withheld_is_no_change_that_failed() -> None:
    """One finding says why there was none."""
    quiet = quiet_trial()
    kept = tuple(event for event in quiet.timeline if event.kind is not EventKind.CHANGE)
    withheld = Event(at(1.0), EventKind.CHANGE, "rolling-update", "withheld", {"lost": 3})
    evidence = replace(quiet, timeline=(*kept, withheld))

    assert judge_trial(evidence).verdict is Verdict.INCONCLUSIVE
    assert found(evidence, ChangeWithheld.code)[0].numbers == {"lost": 3}
    assert not found(evidence, ChangeNotObserved.code)
