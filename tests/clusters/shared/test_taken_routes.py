"""On a shared cluster, another application may have the routes of the workload; then its answers would be judged."""

from __future__ import annotations

from typing import Any, cast

import pytest

from harness.clusters.shared.taken_routes import refuse_taken_routes
from harness.errors import HarnessError
from harness.runner.deploy import deploy
from harness.testing.fake_api import FakeKube

CANARY = {"nginx.ingress.kubernetes.io/canary": "true"}


def ingress(path: str = "/apple", host: str = "", kind: str = "nginx", **annotations: str) -> dict[str, Any]:
    """Return an Ingress with one rule."""
    rule = {"http": {"paths": [{"path": path, "pathType": "Prefix"}]}} | ({"host": host} if host else {})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "fruit", "annotations": annotations},
        "spec": {"ingressClassName": kind, "rules": [rule]},
    }


def test_a_route_of_another_namespace_is_refused_before_anything_is_applied() -> None:
    """The message names its Ingress; the namespace of the trial is not created."""
    kube = FakeKube()
    kube.put(ingress(), "production")

    with pytest.raises(HarnessError, match=r"Ingress fruit in namespace production already routes /apple"):
        deploy(cast(Any, kube), [ingress()], "trial", shared=True)
    assert kube.list("Namespace", "") == []


@pytest.mark.parametrize(("mine", "theirs"), [("nginx", ""), ("", "nginx"), ("", "")])
def test_an_ingress_without_a_class_is_anybodys(mine: str, theirs: str) -> None:
    """ingress-nginx as on kind serves it, and so does the controller of the default class."""
    kube = FakeKube()
    kube.put(ingress(kind=theirs), "production")

    with pytest.raises(HarnessError, match="already routes /apple"):
        refuse_taken_routes(kube, [ingress(kind=mine)], "trial")


@pytest.mark.parametrize(
    "other",
    [
        ingress("/banana"),
        ingress(host="shop.example"),
        ingress(kind="internal"),
        ingress(**CANARY),
    ],
    ids=["path", "host", "class", "canary"],
)
def test_other_routes_do_not_matter(other: dict[str, Any]) -> None:
    """The controller tells them apart; a canary adds to an Ingress of its own namespace."""
    kube = FakeKube()
    kube.put(other, "production")

    refuse_taken_routes(kube, [ingress()], "trial")
    assert len(kube.list("Ingress", "")) == 1


def test_the_namespace_of_the_trial_is_its_own() -> None:
    """An Ingress that is there already belongs to the workload."""
    kube = FakeKube()
    kube.put(ingress(), "trial")

    refuse_taken_routes(kube, [ingress()], "trial")
    refuse_taken_routes(kube, [], "trial")
    assert len(kube.list("Ingress", "")) == 1
