"""Each rule explains the losses that were made for it, and is one complete type."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Self

import built_to_lose
import lossy_scenes
import pytest
import yaml

from harness import causes
from harness.analysis.facts import Facts
from harness.causes.attribution import Attribution, CauseFinder, causes_of
from harness.causes.cause_type import CauseType
from harness.causes.context import LossContext
from harness.causes.loss import Loss, losses_of
from harness.causes.registry import GROUPS, TYPES, explained, type_of, types_in
from harness.causes.remedies import command, patch_text
from harness.errors import EvidenceError
from harness.findings.finding_type import Sentence
from harness.judging import trial as judged_trial
from harness.judging.trial import judge_trial
from harness.model.attempt import Outcome
from harness.model.causes import Cause, Certainty
from harness.model.coded_types import by_code
from harness.model.timeline import EventKind
from harness.model.verdict import Verdict
from harness.testing.evidence import quiet_trial, with_event, with_losses

FORM = re.compile(r"[a-z]+(-[a-z]+)*")
#: Modules of the layer that define no causes.
OTHERS = {"attribution", "cause_type", "loss", "pods", "registry", "remedies", "context", "request_trace"}


@pytest.mark.parametrize("code", lossy_scenes.SCENES)
def test_a_rule_explains_the_losses_made_for_it(code: str) -> None:
    """All losses of the context have this cause and no other."""
    facts = Facts.of(lossy_scenes.SCENES[code]())

    assert facts.is_lost.any()
    assert {cause.code for cause in causes_of(facts)} == {code}


@pytest.mark.parametrize("code", lossy_scenes.SCENES)
def test_a_rule_explains_only_losses_with_the_signs_that_it_needs(code: str) -> None:
    """Rules that are not asked, because a sign is missing, would not have explained the loss."""
    facts = Facts.of(lossy_scenes.SCENES[code]())
    context = LossContext(facts)
    finder = CauseFinder(context)

    for loss in losses_of(facts, context):
        signs = finder.signs_of(loss)
        assert [kind.code for kind in TYPES.values() if kind.explains(loss, context) and kind.needs not in signs] == []


def test_a_node_that_is_unwell_long_after_a_loss_is_not_named() -> None:
    """The cause names the nodes around its losses."""
    later = with_event(lossy_scenes.node_unwell(), 20.0, EventKind.NODE, "MemoryPressure", subject="node-2")
    (cause,) = causes_of(Facts.of(later))

    assert cause.numbers["nodes"] == "node-1"


def test_the_place_of_an_idle_timeout_is_the_application() -> None:
    """A setting of one controller says nothing to the users of another."""
    (cause,) = causes_of(Facts.of(lossy_scenes.SCENES["upstream-idle-timeout"]()))

    assert (cause.object, cause.field) == ("Deployment/apple", "")


def test_every_rule_has_losses_that_it_explains() -> None:
    """A new cause needs a context, or a cell of the golden evidence."""
    golden = {code for table in built_to_lose.GOLDEN.values() for codes in table.values() for code in codes}

    assert set(TYPES) - golden - set(lossy_scenes.SCENES) == {"unexplained"}


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_every_cause_is_complete(kind: type[CauseType]) -> None:
    """It has a code, a certainty, a docstring and a sentence, even for numbers that are missing."""
    sentence = kind.read({}).sentence()

    assert FORM.fullmatch(kind.code)
    assert kind.certainty in Certainty
    assert isinstance(sentence, Sentence)
    assert sentence.text
    assert sentence.advice


def test_every_module_of_causes_is_a_group() -> None:
    """A new file must be in ``GROUPS``, else its rules would never be asked."""
    modules = {module.name for module in pkgutil.iter_modules(causes.__path__)}

    assert modules == {group.__name__.rpartition(".")[2] for group in GROUPS} | OTHERS


def test_what_no_rule_explains_comes_first() -> None:
    """Two causes: the unexplained one is at the top although it has fewer losses."""
    found = lossy_scenes.lost(lossy_scenes.prestop_too_short(), 2.6, 2.62, status=418)

    assert [cause.code for cause in causes_of(Facts.of(found))] == ["unexplained", "prestop-too-short"]


def test_a_lossless_trial_has_no_cause() -> None:
    """Nothing lost, nothing to explain."""
    assert causes_of(Facts.of(quiet_trial())) == ()


def test_a_loss_before_the_change_has_no_cause() -> None:
    """The change cannot have caused it, and a finding says so already."""
    assert causes_of(Facts.of(with_losses(quiet_trial(), 0.2, 0.4))) == ()


@pytest.mark.parametrize(
    ("code", "field", "number"),
    [
        ("prestop-too-short", "spec.template.spec.containers[apple].lifecycle.preStop.sleep.seconds", 6),
        ("grace-cuts-hook", "spec.template.spec.containers[apple].lifecycle.preStop.sleep.seconds", 6),
        ("recreate-strategy", "spec.strategy.type", "RollingUpdate"),
        ("all-unavailable", "spec.strategy.rollingUpdate.maxUnavailable", 0),
        ("ready-too-early", "spec.template.spec.containers[apple].readinessProbe", 5678),
    ],
)
def test_a_remedy_is_a_patch_with_its_number(code: str, field: str, number: object) -> None:
    """The patch is YAML for kubectl, and the command applies it."""
    (cause,) = causes_of(Facts.of(lossy_scenes.SCENES[code]()))
    (remedy,) = cause.remedies

    assert (remedy.object, remedy.field) == ("Deployment/apple", field)
    assert yaml.safe_load(patch_text(remedy)) == remedy.patch
    assert f"{number}" in patch_text(remedy)
    assert command(remedy).startswith("kubectl patch deployment apple --type strategic --patch '{")
    assert "+" in remedy.diff


def test_the_number_of_a_sleep_has_its_derivation() -> None:
    """Sync, timer, stop and margin, and what this run needed."""
    (cause,) = causes_of(Facts.of(lossy_scenes.prestop_too_short()))

    assert (
        "preStop sleep 6 s: ingress-nginx syncs at most every 3.3 s + 1 s timer + 0.6 s stop" in explained(cause).advice
    )
    assert "1.4 s were needed in this run" in explained(cause).advice


def test_a_grace_period_is_raised_when_the_sleep_needs_it() -> None:
    """A sleep of 6 s in a grace period of 1 s would be cut again."""
    (cause,) = causes_of(Facts.of(lossy_scenes.grace_cuts_hook()))

    assert cause.remedies[0].patch["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 11


def test_retries_at_the_proxy_only_hide() -> None:
    """A remedy that hides losses says so."""
    (cause,) = causes_of(Facts.of(lossy_scenes.upstream_to_dying_pod()))

    assert [remedy.hides for remedy in cause.remedies] == [True]


@pytest.mark.parametrize("code", ["force-deleted", "pod-closed-kept-connection", "selector-without-pods"])
def test_where_no_field_helps_the_cause_says_so(code: str) -> None:
    """No patch, and a sentence about what would help."""
    (cause,) = causes_of(Facts.of(lossy_scenes.SCENES[code]()))

    assert cause.remedies == ()
    assert re.search(r"No (other )?field helps", explained(cause).advice)


def test_a_rule_that_raises_leaves_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial stays lossy, and its losses are unexplained, with the reason."""

    def broken(*_: object) -> Attribution:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(judged_trial, "attribute", broken)
    verdict = judge_trial(lossy_scenes.prestop_too_short())
    (cause,) = verdict.causes

    assert verdict.verdict is Verdict.LOSSY
    assert (cause.code, cause.lost) == ("unexplained", verdict.identity.lost_total)
    assert "ZeroDivisionError: division by zero" in explained(cause).text


def test_the_kept_failures_have_their_cause_and_pod() -> None:
    """A table of failures can say why each was lost, and for whom it was meant."""
    kept = judge_trial(lossy_scenes.prestop_too_short()).failed.kept

    assert {(each.cause, each.upstream) for each in kept} == {("prestop-too-short", lossy_scenes.OLD)}


def test_an_unknown_cause_is_refused() -> None:
    """A verdict of a newer version is not explained by guessing."""
    with pytest.raises(EvidenceError, match="There is no cause 'invented'"):
        type_of(Cause("invented", Certainty.CERTAIN, 1))


def test_two_causes_with_one_code_are_refused() -> None:
    """Each stored cause has one meaning."""
    kind = next(iter(TYPES.values()))

    with pytest.raises(TypeError, match="has the code of another cause"):
        by_code([kind, kind], "cause")


def test_an_incomplete_cause_is_refused() -> None:
    """A cause without a sentence fails at import, not in a report."""

    @dataclass(frozen=True, kw_only=True)
    class Speechless(CauseType, code="speechless", certainty=Certainty.POSSIBLE):
        @classmethod
        def explains(cls, loss: Loss, context: LossContext) -> bool:
            """Return True."""
            return bool(loss and context)

        @classmethod
        def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
            """Return it."""
            del subject, losses, context
            return cls()

    module = ModuleType(Speechless.__module__)
    vars(module)["Speechless"] = Speechless
    with pytest.raises(TypeError, match="Speechless lacks sentence"):
        list(types_in(module))


def test_losses_of_a_guessed_pod_need_no_log() -> None:
    """Without tries the pod that ended last is the one."""
    found = lossy_scenes.prestop_too_short()
    unlogged = replace(found, paths=replace(found.paths, tries={}, is_logged=False))

    assert {cause.code for cause in causes_of(Facts.of(unlogged))} == {"prestop-too-short"}

    # On the embedded cluster each connection's peer is known; behind an ingress controller, it is the controller.
    peers = dict.fromkeys(found.attempts["connection"].tolist(), "127.16.0.2:8080")
    known = replace(unlogged, paths=replace(unlogged.paths, peers=peers))
    assert {cause.code for cause in causes_of(Facts.of(known))} == {"prestop-too-short"}


@pytest.mark.parametrize(("grace", "has_remedy"), [(30, True), (0, False)])
def test_more_pods_are_no_remedy_for_a_deletion_by_force(grace: int, *, has_remedy: bool) -> None:
    """With two replicas a killed pod still gets requests, so the proof of that remedy would fail."""
    found = lossy_scenes.trial(lossy_scenes.DELETE)
    old, new = (lossy_scenes.OLD, lossy_scenes.OLD_IP), ("apple-66f9d8c7b5-b7k4m", lossy_scenes.NEW_IP)
    found = lossy_scenes.pod(found, *old, terminating=1.05, gone=1.05 if grace == 0 else 1.4, grace=grace)
    found = lossy_scenes.pod(lossy_scenes.endpoints(found, 1.06), *new, created=1.1, ready=1.9)
    found = lossy_scenes.lost(lossy_scenes.endpoints(found, 1.91, ready=new[1]), 1.2, 1.8, status=503)
    (cause,) = causes_of(Facts.of(found))

    assert cause.code == "only-pod-deleted"
    assert [remedy.field for remedy in cause.remedies] == (["spec.replicas"] if has_remedy else [])
    assert ("by force" in explained(cause).text) is not has_remedy


@pytest.mark.parametrize(("grace", "has_remedy"), [(30, True), (0, False)])
def test_more_pods_are_no_remedy_for_a_dropped_route_after_a_deletion_by_force(grace: int, *, has_remedy: bool) -> None:
    """The proof with two replicas behind Traefik lost 43 requests, in 2 of 9 transitions."""
    found = lossy_scenes.trial(lossy_scenes.DELETE)
    found = replace(found, paths=replace(found.paths, controller="traefik"))
    old, new = (lossy_scenes.OLD, lossy_scenes.OLD_IP), ("apple-66f9d8c7b5-b7k4m", lossy_scenes.NEW_IP)
    found = lossy_scenes.pod(found, *old, terminating=1.05, gone=1.05 if grace == 0 else 1.4, grace=grace)
    found = lossy_scenes.pod(lossy_scenes.endpoints(found, 1.06), *new, created=1.1, ready=1.9)
    found = with_losses(lossy_scenes.endpoints(found, 1.91, ready=new[1]), 1.2, 1.8, Outcome.WRONG_ANSWER)
    (cause,) = causes_of(Facts.of(found))

    assert cause.code == "route-fell-through"
    assert [remedy.field for remedy in cause.remedies] == (["spec.replicas"] if has_remedy else [])
    assert ("by force" in explained(cause).text) is not has_remedy
