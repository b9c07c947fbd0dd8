"""Remedies outlast what decides: the hook that really runs, the longest answer, and what another remedy needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lossy_scenes
import pytest
from lossy_scenes import DELETE, NEW, NEW_IP, OLD, OLD_IP

from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts
from harness.causes.attribution import causes_of
from harness.causes.registry import explained
from harness.causes.remedies import applied, covers, remedy
from harness.kube.nested import at
from harness.model.causes import Cause, RemedyPatch
from harness.model.experiment import Manifest
from harness.model.shapes import Shape
from harness.model.timeline import EventKind
from harness.testing.evidence import NS, PLAN, with_event

#: A pod of the same template as ``OLD``.
NEXT = f"{OLD.rpartition('-')[0]}-t5h9c"


def _deployment(evidence: TrialEvidence) -> Manifest:
    return next(each for each in evidence.manifests if each["kind"] == "Deployment")


def _only_cause(evidence: TrialEvidence) -> Cause:
    (cause,) = causes_of(Facts.of(evidence))
    return cause


def _pod_of(found: Manifest) -> Manifest:
    spec: Manifest = at(found, "spec", "template", "spec")
    return spec


def _after(evidence: TrialEvidence) -> Manifest:
    """Return the pod template's spec with the remedy of the only cause."""
    return _pod_of(applied(_deployment(evidence), _only_cause(evidence).remedies[:1]))


def _sleep_of(pod: Manifest) -> int | None:
    found: int | None = at(pod["containers"][0], "lifecycle", "preStop", "sleep", "seconds")
    return found


def _only_pod_deleted(*, fails_hook: bool = False, **workload: Any) -> TrialEvidence:
    """Return a trial in which the only pod is deleted, and the next one is ready later."""
    found = lossy_scenes.trial(DELETE, **workload)
    found = lossy_scenes.pod(found, OLD, OLD_IP, terminating=1.05, gone=1.5)
    found = with_event(found, 1.05, EventKind.KUBELET, "Killing", subject=OLD)
    if fails_hook:
        found = with_event(found, 1.06, EventKind.KUBELET, "FailedPreStopHook", subject=OLD)
    found = lossy_scenes.pod(lossy_scenes.endpoints(found, 1.06), NEXT, NEW_IP, created=1.06, ready=1.9)
    return lossy_scenes.lost(lossy_scenes.endpoints(found, 1.91, ready=NEW_IP), 1.2, 1.8, status=503)


def test_a_second_pod_needs_no_sleep_if_the_first_serves_on() -> None:
    """A hook of 8 s within a grace period of 30 s outlasts the controller."""
    found = _only_pod_deleted(hook={"exec": {"command": ["sleep", "8"]}})

    assert _only_cause(found).remedies[0].patch == {"spec": {"replicas": 2}}


@pytest.mark.parametrize("workload", [{"fails_hook": True}, {"grace": 2}, {"grace": 1}, {"grace": 0}], ids=str)
def test_a_second_pod_needs_a_sleep_if_the_hook_ends_early(workload: dict[str, Any]) -> None:
    """A hook of 8 s does not keep a pod so long if it fails, or if the grace period is over before."""
    pod = _after(_only_pod_deleted(hook={"exec": {"command": ["sleep", "8"]}}, **workload))

    assert _sleep_of(pod) == 6
    assert pod["containers"][0]["lifecycle"]["preStop"].keys() == {"sleep"}
    assert pod.get("terminationGracePeriodSeconds", 30) > 6 + 1


def test_a_sleep_leaves_time_for_the_longest_answer() -> None:
    """Answers of 9 s that begin at the end of a sleep of 6 s need 15 s and the time to stop."""
    plan = replace(PLAN, shapes=(Shape.NEW, Shape.SLOW), slow=9.0)
    found = lossy_scenes.trial(plan=plan, hook={"exec": {"command": ["sh", "-c", "sleep 0.5"]}}, grace=8)
    found = lossy_scenes.pod(found, NEW, NEW_IP, created=1.02, ready=1.05)
    found = lossy_scenes.stopping(lossy_scenes.endpoints(found, 1.06, ready=NEW_IP), OLD, 1.1, gone=1.7)
    pod = _after(lossy_scenes.lost(found, 1.65, 2.5, OLD_IP))

    assert (_sleep_of(pod), pod["terminationGracePeriodSeconds"]) == (6, 17)


def _killed(hook: Manifest, after: float) -> TrialEvidence:
    """Return a trial in which a pod is killed some time after its deletion, and requests ended 0.05 s later."""
    found = lossy_scenes.trial(lossy_scenes.RESTART, hook=hook, grace=2)
    found = lossy_scenes.pod(found, NEW, NEW_IP, created=-3.0, ready=-2.0)
    found = lossy_scenes.stopping(lossy_scenes.endpoints(found, 0.9, ready=NEW_IP), OLD, 1.0, gone=1.1 + after, grace=2)
    found = lossy_scenes.lost(found, 1.85, 1.95, OLD_IP, connected=True)
    rows = found.attempts
    lost = (rows["planned"] >= 1.85 * NS) & (rows["planned"] < 1.95 * NS)
    rows["done"][lost] = round((1.05 + after) * NS)
    return found


@pytest.mark.parametrize(
    ("hook", "killed", "answer", "grace"),
    [({"sleep": {"seconds": 1}}, 2.0, 1.2, 4), ({"exec": {"command": ["drain-and-wait"]}}, 4.0, 3.2, 7)],
    ids=["of 1 s", "of unknown duration"],
)
def test_a_grace_period_outlasts_answers_whose_length_nobody_stated(
    hook: Manifest, killed: float, answer: float, grace: int
) -> None:
    """The answers took at least so long; a hook of unknown duration may have taken all of the grace period."""
    cause = _only_cause(_killed(hook, killed))

    assert cause.code == "killed-in-flight"
    assert cause.numbers["answer_s"] == pytest.approx(answer, abs=0.01)
    assert cause.numbers["grace"] == grace
    assert f"Grace period {grace} s" in explained(cause).advice


def _asking(sleep: int, grace: int) -> RemedyPatch:
    spec = {"containers": [{"name": "apple", "lifecycle": {"preStop": {"exec": None, "sleep": {"seconds": sleep}}}}]}
    patch = {"spec": {"template": {"spec": {**spec, "terminationGracePeriodSeconds": grace}}}}
    return remedy(lossy_scenes.workload()[0], "spec", patch)


@pytest.mark.parametrize("turned", [False, True])
def test_the_larger_number_serves_both_causes(turned: bool) -> None:
    """Neither the order of two remedies nor the number of losses behind them decides."""
    remedies = [_asking(6, 17), _asking(15, 11)]
    deployment = lossy_scenes.workload(hook={"exec": {"command": ["sleep", "8"]}})[0]
    pod = _pod_of(applied(deployment, reversed(remedies) if turned else remedies))

    assert pod["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 15}}}
    assert pod["containers"][0]["image"] == "i"
    assert pod["terminationGracePeriodSeconds"] == 17


def test_remedies_of_two_containers_are_both_applied() -> None:
    """Containers of a patch are merged by their names."""
    other = {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "j"}]}}}}
    deployment = lossy_scenes.workload()[0]
    pod = _pod_of(applied(deployment, [_asking(6, 11), remedy(deployment, "spec", other)]))

    assert {each["name"]: _sleep_of({"containers": [each]}) for each in pod["containers"]} == {
        "apple": 6,
        "sidecar": None,
    }


def test_a_remedy_of_another_object_is_not_applied() -> None:
    """Only the object that a remedy names changes."""
    deployment = lossy_scenes.workload()[0]

    assert applied(deployment, [replace(_asking(6, 11), object="Deployment/banana")]) == deployment


@pytest.mark.parametrize(
    ("one", "other", "covered"),
    [((6, 11), (6, 11), True), ((7, 12), (6, 11), True), ((6, 11), (7, 12), False), ((6, 17), (15, 11), False)],
)
def test_a_remedy_covers_another_with_smaller_numbers(
    one: tuple[int, int], other: tuple[int, int], covered: bool
) -> None:
    """Two remedies of which each has a larger number cover neither."""
    assert covers(_asking(*one), _asking(*other)) is covered


def test_a_remedy_does_not_cover_that_of_another_object() -> None:
    """The same patch of two Deployments is two remedies."""
    assert not covers(_asking(6, 11), replace(_asking(6, 11), object="Deployment/banana"))
