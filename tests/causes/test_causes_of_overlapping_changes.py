"""The losses of one of two changes that overlap keep the cause that they have when it is made alone."""

from __future__ import annotations

from dataclasses import replace

import lossy_scenes
import pytest

from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts
from harness.causes.attribution import causes_of
from harness.causes.context import LossContext
from harness.model.causes import Happening
from harness.model.changes import ChangeSpec, ControllerRestart, Restart, SelectorPatch
from harness.model.timeline import EventKind
from harness.testing.evidence import with_event

#: A patch of a Service that none of the scenes is about.
ELSEWHERE = SelectorPatch(name="elsewhere", service="pear-service", selector={"version": "v2"})
PEARS = Restart(name="pears", deployment="pear")
CONTROLLER = ControllerRestart(name="controller")
#: Scenes with a change whose cause another change must not take away.
KEPT = (
    "ready-too-early",
    "recreate-strategy",
    "all-unavailable",
    "no-ready-endpoint",
    "force-deleted",
    "stopped-in-flight",
    "grace-cuts-hook",
    "prestop-too-short",
)


def with_second(evidence: TrialEvidence, second: ChangeSpec) -> TrialEvidence:
    """Return the evidence of the same trial with a second change while its own is in progress."""
    found = replace(evidence, change=replace(second, during=evidence.change))
    for seconds, what, n in ((1.01, "begin", 0), (1.02, "applied", 1), (1.9, "observed", 1), (1.95, "end", 0)):
        found = with_event(found, seconds, EventKind.CHANGE, what, subject=second.name, n=n)
    return found


def with_first(evidence: TrialEvidence, first: ChangeSpec) -> TrialEvidence:
    """Return the evidence of the same trial while another change is in progress."""
    found = replace(evidence, change=replace(evidence.change, during=first))
    for seconds, what, n in ((0.9, "begin", 0), (0.95, "applied", 1), (2.0, "observed", 1), (2.1, "end", 0)):
        found = with_event(found, seconds, EventKind.CHANGE, what, subject=first.name, n=n)
    return found


def codes(evidence: TrialEvidence) -> set[str]:
    """Return the codes of the causes of a trial."""
    return {cause.code for cause in causes_of(Facts.of(evidence))}


@pytest.mark.parametrize("code", KEPT)
def test_a_patch_of_another_service_takes_no_loss(code: str) -> None:
    """The selector of a Service that lost nothing explains nothing."""
    assert codes(with_second(lossy_scenes.SCENES[code](), ELSEWHERE)) == {code}


@pytest.mark.parametrize("code", ["selector-without-pods", "old-version-removed-at-switch"])
def test_a_restart_elsewhere_takes_no_loss_of_the_selector(code: str) -> None:
    """The Service's own patch explains its losses, whichever change came first."""
    assert codes(with_first(lossy_scenes.SCENES[code](), PEARS)) == {code}
    assert codes(with_second(lossy_scenes.SCENES[code](), PEARS)) == {code}


def test_a_restart_of_the_controller_takes_no_loss_of_an_ended_pod() -> None:
    """The requests were sent to a pod that ended: its own cause remains."""
    assert codes(with_second(lossy_scenes.SCENES["prestop-too-short"](), CONTROLLER)) == {"prestop-too-short"}


def test_a_restart_of_the_controller_explains_losses_without_a_pod() -> None:
    """A pod ended for the other change, but these requests reached none, while the controller was replaced."""
    scene = lossy_scenes.stopping(lossy_scenes.trial(replicas=2), lossy_scenes.OLD, 1.1, gone=1.7)
    scene = lossy_scenes.lost(scene, 1.3, 1.5, status=500)

    assert codes(with_second(scene, CONTROLLER)) == {"controller-restarted"}


def test_the_events_of_a_loss_name_their_change() -> None:
    """A reader has to know which of the two was made when."""
    context = LossContext(Facts.of(with_second(lossy_scenes.SCENES["prestop-too-short"](), ELSEWHERE)))
    made = [moment.subject for moment in context.common_moments if moment.what is Happening.CHANGE_APPLIED]

    assert made == ["rolling-update", "elsewhere"]


def test_the_event_of_a_single_change_needs_no_name() -> None:
    """There is only one, and stored traces have none."""
    context = LossContext(Facts.of(lossy_scenes.SCENES["prestop-too-short"]()))

    assert {m.subject for m in context.common_moments if m.what is Happening.CHANGE_APPLIED} == {""}
