"""The only node takes a pod or leaves it Pending, with the scheduler's message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.kube.blockers import blockers
from harness.localkube.kubelet.scheduling import unschedulable
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import PODS

OnCluster = Callable[..., Any]
SELECTOR = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."


def requiring(*expressions: Object) -> Object:
    """Return an affinity that requires all of these of a node."""
    terms = [{"matchExpressions": list(expressions)}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def expression(key: str, operator: str, *values: str) -> Object:
    """Return one requirement."""
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def asking(*amounts: dict[str, Any], part: str = "requests") -> list[Object]:
    """Return containers that ask for resources."""
    return [{"name": "a", "resources": {part: each}} for each in amounts]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}},
        {"nodeSelector": {"kubernetes.io/hostname": "node"}},
        {"affinity": requiring(expression("kubernetes.io/os", "In", "linux", "windows"))},
        {"affinity": requiring(expression("gpu", "DoesNotExist"), expression("kubernetes.io/arch", "Exists"))},
        {"affinity": requiring(expression("kubernetes.io/arch", "NotIn", "arm64"))},
        {"containers": asking({"cpu": "500m", "memory": "1Gi"}, {"cpu": 60})},
    ],
)
def test_a_pod_that_fits_is_scheduled(spec: Object) -> None:
    """By labels, affinities and resources of the node."""
    assert unschedulable({"spec": spec}, "node") == ""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, SELECTOR),
        ({"nodeSelector": {"kubernetes.io/arch": "arm64"}}, SELECTOR),
        ({"affinity": requiring(expression("disk", "In", "ssd"))}, SELECTOR),
        ({"affinity": requiring(expression("kubernetes.io/os", "NotIn", "linux"))}, SELECTOR),
        ({"affinity": requiring(expression("kubernetes.io/os", "Gt", "1"))}, SELECTOR),
        ({"containers": asking({"cpu": 40}, {"cpu": "25000m"})}, "0/1 nodes are available: 1 Insufficient cpu."),
        (
            {"containers": asking({"nvidia.com/gpu": 1}, part="limits")},
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        ),
    ],
)
def test_a_pod_that_does_not_fit_is_refused_in_the_scheduler_s_words(spec: Object, message: str) -> None:
    """The requests of all containers count together."""
    assert unschedulable({"spec": spec}, "node").startswith(message)


@pytest.mark.processes
def test_a_pod_that_does_not_fit_stays_pending(on_cluster: OnCluster) -> None:
    """Its condition has the message, by which a rollout fails within seconds. It can be deleted."""

    async def scenario(cluster: Any) -> Object:
        await cluster.deploy(pod={"nodeSelector": {"disk": "ssd"}})

        def pending(pods: list[Object]) -> Object | None:
            found = (each for each in pods if each.get("status", {}).get("conditions"))
            return next(found, None)

        pod: Object = await cluster.until(PODS, pending)
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        await cluster.gone(pod)
        return pod

    pod = on_cluster(scenario)

    assert pod["status"]["phase"] == "Pending"
    assert "nodeName" not in pod["spec"]
    (found,) = blockers([pod], [])
    assert "cannot be scheduled: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity" in found.sentence
