"""The only node takes a pod or leaves it Pending, with the scheduler's message."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.kube.blockers import blockers
from harness.localkube.addresses import take_block
from harness.localkube.api.server import serve_at
from harness.localkube.kubelet.node import Node
from harness.localkube.kubelet.scheduling import unschedulable
from harness.localkube.machinery.client import ApiClient
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import NODES, PODS
from harness.localkube.profiles import Profile
from harness.localkube.settings import NodeSettings

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


def apart(labels: dict[str, str], key: str = "kubernetes.io/hostname", **term: Any) -> Object:
    """Return the affinity of a pod that must not share a node with pods of these labels."""
    terms = [{"topologyKey": key, "labelSelector": {"matchLabels": labels}, **term}]
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def pod_of(app: str, namespace: str = "default", **spec: Any) -> Object:
    """Return a pod of an app."""
    return {"metadata": {"name": app, "namespace": namespace, "labels": {"app": app}}, "spec": spec}


@pytest.mark.parametrize(
    ("pod", "other", "message"),
    [
        (pod_of("a", affinity=apart({"app": "a"})), pod_of("a"), "1 node(s) didn't match pod anti-affinity rules"),
        (
            pod_of("a"),
            pod_of("b", affinity=apart({"app": "a"})),
            "1 node(s) didn't satisfy existing pods anti-affinity rules",
        ),
        (
            pod_of("a", containers=asking({"cpu": 40})),
            pod_of("b", containers=asking({"cpu": 40})),
            "1 Insufficient cpu",
        ),
        (pod_of("a", affinity=apart({"app": "b"})), pod_of("a"), ""),
        (pod_of("a", affinity=apart({"app": "a"})), pod_of("a", "other"), ""),
        (pod_of("a", affinity=apart({"app": "a"}, "topology.kubernetes.io/zone")), pod_of("a"), ""),
        (pod_of("a"), pod_of("b", containers=asking({"cpu": 640})), ""),
    ],
)
def test_the_pods_on_the_node_count(pod: Object, other: Object, message: str) -> None:
    """By anti-affinity in both directions, and by resources; a topology that the node lacks excludes nothing."""
    found = unschedulable(pod, "node", [other])

    assert found.startswith(f"0/1 nodes are available: {message}.") if message else found == ""


def test_a_new_node_takes_pods_at_once(tmp_path: Path) -> None:
    """A node takes pods as soon as it has created its object. If the object existed before, its watch decides."""
    unused: Any = None

    async def scenario() -> list[bool]:
        with take_block() as held:
            settings = NodeSettings(
                name="test", directory=tmp_path, block=held.block, profile="instant", seed=1, ingress="none", nginx=None
            )
            async with serve_at(held.block.node_address, tmp_path) as url, ApiClient(url, "test") as client:
                nodes = [
                    Node(
                        name="node", client=client, settings=settings, profile=Profile.by_name("instant"),
                        rng=random.Random(1), runtime=unused, handlers=unused, stopper=unused, recorder=unused,
                        scheduler=unused,
                    )
                    for _ in range(2)
                ]  # fmt: skip
                await nodes[0].register(10250)
                await client.patch(NODES, "node", None, {"spec": {"unschedulable": True}})
                await nodes[1].register(10250)
                return [node.schedulable.is_set() for node in nodes]

    assert asyncio.run(scenario()) == [True, False]


@pytest.mark.processes
def test_a_pod_gets_the_place_of_one_that_leaves(on_cluster: OnCluster) -> None:
    """Two replicas that must be apart: the second waits until the first is deleted."""

    async def scenario(cluster: Any) -> tuple[str, str]:
        affinity = apart({"app": "apple"})
        await cluster.deploy(spec={"replicas": 2}, pod={"affinity": affinity})

        def pending(pods: list[Object]) -> Object | None:
            conditions = ((each, c) for each in pods for c in each.get("status", {}).get("conditions") or [])
            return next((each for each, c in conditions if c.get("reason") == "Unschedulable"), None)

        waiting: Object = await cluster.until(PODS, pending)
        first: Object = await cluster.ready_pod()
        assert first["metadata"]["name"] != waiting["metadata"]["name"]
        await cluster.client.delete(PODS, first["metadata"]["name"], "default")
        second: Object = await cluster.ready_pod(other_than=first["metadata"]["uid"])
        return first["metadata"]["name"], second["metadata"]["name"]

    first, second = on_cluster(scenario)

    assert first != second
