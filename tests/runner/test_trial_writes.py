"""Tests that a change writes into the trial's namespace, and into the controller's only if the harness owns it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.changes.context import ChangeContext
from harness.clusters.context.kubeconfig import KubeContext
from harness.clusters.context.live import LiveCluster
from harness.clusters.context.provider import ContextCluster
from harness.controller_objects import ControllerAddress
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.kube.errors import ScopeError
from harness.model.changes import NoChange
from harness.model.controllers import controller_facts
from harness.model.experiment import Cell, Configuration
from harness.observe.scope import Scope
from harness.runner.admission import Admission
from harness.runner.in_place.trial import InPlaceTrial, LiveApplication
from harness.runner.progress import SilentProgress
from harness.runner.trial import Trial, TrialSetting
from harness.runner.trial_order import TrialJob
from harness.store.rundir import TrialDirectory
from harness.testing.fake_api import FakeKube

CONTROLLER = controller_facts("ingress-nginx").address
assert CONTROLLER is not None
NAMESPACES = ("trial", "ingress-nginx", "theirs")
PATCH = {"metadata": {"labels": {"seen": "yes"}}}


def change_context(
    trial: Trial, kube: FakeKube, controller: ControllerAddress | None = None, *, is_own: bool = False
) -> ChangeContext:
    """Return what a change of a trial may use, on a user's cluster or on one of the harness's own."""
    child, observer = (
        SimpleNamespace(answered=None, lost=None),
        SimpleNamespace(ingress_seen=None, quiet=None, revision=None),
    )
    cluster = SimpleNamespace(
        controller=controller, ingress_signals=frozenset(), is_own=is_own, kubeconfig=Path("kubeconfig")
    )
    parts = SimpleNamespace(child=child, observer=observer, cluster=cluster, timeline=None, entry=None)
    return trial._change_context(cast(Any, kube), cast(Any, parts), "trial")


def writable(trial: Trial, controller: ControllerAddress | None) -> list[str]:
    """Return the namespaces into which the change of a trial can write."""
    kube = FakeKube()
    for namespace in NAMESPACES:
        kube.put({"kind": "Service", "metadata": {"name": "apple"}, "spec": {}}, namespace)
    context = change_context(trial, kube, controller)
    found = []
    for namespace in NAMESPACES:
        try:
            context.kube.patch("Service", "apple", namespace, PATCH)
            found.append(namespace)
        except ScopeError:
            assert "labels" not in kube.get("Service", "apple", namespace)["metadata"]
    return found


@pytest.fixture
def parts(tmp_path: Path) -> tuple[TrialJob, TrialSetting]:
    """Return a trial's job and setting."""
    cell = Cell(Configuration((("lifecycle", "bare"),), ()), NoChange(name="none"))
    experiment = SimpleNamespace(ingress="ingress-nginx")
    admission = Admission([], None, starting=1)
    setting = TrialSetting(cast(Any, experiment), cast(Any, None), ("127.0.0.1", 1), SilentProgress(), admission)
    return TrialJob("bare--none", cell, 1, TrialDirectory(tmp_path)), setting


def test_a_trial_writes_into_its_own_namespace(parts: tuple[TrialJob, TrialSetting]) -> None:
    """With a user's ingress controller it writes nowhere else."""
    assert writable(Trial(*parts), None) == ["trial"]


def test_a_controller_of_the_harness_may_be_restarted(parts: tuple[TrialJob, TrialSetting]) -> None:
    """Only its namespace may be written to as well."""
    assert writable(Trial(*parts), CONTROLLER) == ["trial", "ingress-nginx"]


def test_a_trial_in_place_writes_into_the_applications_namespace(parts: tuple[TrialJob, TrialSetting]) -> None:
    """Its patches are also recognised as its own."""
    live = LiveApplication("trial", Scope({}, frozenset()), {}, 0.0)

    assert writable(InPlaceTrial(*parts, live), None) == ["trial"]


@pytest.mark.parametrize("is_own", [True, False])
def test_a_node_is_cordoned_only_on_a_cluster_of_the_harness(
    parts: tuple[TrialJob, TrialSetting], is_own: bool
) -> None:
    """Nodes belong to no namespace: a drain of a user's cluster would stop the pods of others."""
    kube = FakeKube()
    kube.put({"kind": "Node", "metadata": {"name": "node"}, "spec": {}}, "")
    context = change_context(Trial(*parts), kube, is_own=is_own)

    try:
        context.kube.patch("Node", "node", "", {"spec": {"unschedulable": True}})
    except ScopeError:
        assert not is_own
    assert kube.get("Node", "node", "")["spec"].get("unschedulable", False) is is_own
    assert (context.kubeconfig is not None) is is_own


def test_a_users_controller_is_never_given_to_a_change() -> None:
    """This holds for a run on a context and for one in place, although its log is read."""
    target = KubeContext("staging", "staging", "https://127.0.0.1:6443", {})
    on_a_context = ContextCluster(target, Path("kubeconfig"), None, INGRESS_CONTROLLERS["ingress-nginx"])
    in_place = LiveCluster("staging", Path("kubeconfig"), cast(Any, None), {}, frozenset({"reload"}))

    assert (on_a_context.controller, in_place.controller) == (None, None)
