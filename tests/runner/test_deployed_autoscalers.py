"""Requests begin after an autoscaler has moved a Deployment into its bounds: else its scaling would be judged, too."""

from __future__ import annotations

from typing import Any, cast

import pytest

from harness.errors import WaitTimeoutError
from harness.kube.api import Object
from harness.runner import deploy as module
from harness.runner.deploy import deploy
from harness.testing.fake_api import FakeKube
from harness.testing.fake_workloads import FakeWorkloads

NS = "trial"
LABELS = {"app": "shop"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "shop", "image": "shop:1"}]}}


def a_workload(smallest: int, replicas: int) -> list[dict[str, Any]]:
    """Return a Deployment with an autoscaler."""
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": TEMPLATE}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    bounds = {"minReplicas": smallest, "maxReplicas": 5, "scaleTargetRef": target}
    return [
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "scaler"},
            "spec": bounds,
        },
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": spec},
    ]


class ScaledLater(FakeKube):
    """A cluster whose autoscaler acts after so many reads of the Deployment; never if there are none.

    Attributes:
        reads: Reads that are left.
    """

    def __init__(self, reads: int = 0) -> None:
        super().__init__()
        self.reads = reads
        self.reactions.append(FakeWorkloads(NS))

    def create_namespace(self, name: str) -> None:
        """Create a namespace."""
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "")

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """Return an object, and let the autoscaler act if its time has come."""
        found = super().get(kind, name, namespace)
        if kind == "Deployment" and self.reads:
            self.reads -= 1
            if not self.reads:
                self.patch(kind, name, namespace, {"spec": {"replicas": 3}}, strategy="merge")
        return found


def scale_after(kube: ScaledLater, workload: list[dict[str, Any]]) -> tuple[int, int]:
    """Deploy a workload; return its wanted and its available replicas."""
    deploy(cast(Any, kube), workload, NS, shared=False)
    found = FakeKube.get(kube, "Deployment", "shop", NS)
    return found["spec"]["replicas"], found["status"]["availableReplicas"]


def test_the_deployment_is_scaled_before_the_requests_begin() -> None:
    """The autoscaler acts only after the first rollout is complete; all its pods are awaited."""
    assert scale_after(ScaledLater(reads=4), a_workload(3, replicas=1)) == (3, 3)


@pytest.mark.parametrize("replicas", [3, 5, 0])
def test_a_scale_that_the_autoscaler_leaves_alone_is_not_awaited(replicas: int) -> None:
    """The cluster's autoscaler never acts, and nothing waits for it."""
    assert scale_after(ScaledLater(), a_workload(3, replicas)) == (replicas, replicas)


def test_an_autoscaler_that_is_left_out_is_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared cluster that does not serve its version never gets it."""
    workload = a_workload(3, replicas=1)
    monkeypatch.setattr(module, "AVAILABLE_SECONDS", 60.0)
    monkeypatch.setattr(module, "refuse_cluster_scoped", lambda *_: None)
    monkeypatch.setattr(module, "refuse_taken_routes", lambda *_: None)
    monkeypatch.setattr(module, "not_served", lambda *_: (workload[0],))
    kube = ScaledLater()

    (notice,) = deploy(cast(Any, kube), workload, NS, shared=True)

    assert "HorizontalPodAutoscaler" in notice
    assert FakeKube.get(kube, "Deployment", "shop", NS)["status"]["availableReplicas"] == 1


def test_an_autoscaler_that_does_not_act_ends_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names it."""
    monkeypatch.setattr(module, "AVAILABLE_SECONDS", 0.0)

    with pytest.raises(WaitTimeoutError, match="HorizontalPodAutoscaler scaler to scale Deployment shop"):
        scale_after(ScaledLater(), a_workload(3, replicas=1))
