"""Deployments and pods on a small cluster, as kubectl shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    EVENTS,
    NODES,
    PODS,
    REPLICASETS,
    SECRETS,
    SERVICES,
)

pytestmark = pytest.mark.processes

OnCluster = Callable[..., Any]
READINESS = {
    "httpGet": {"path": "/health", "port": 5678, "httpHeaders": [{"name": "X-Probe", "value": "yes"}]},
    "periodSeconds": 1,
}


def event_with_reason(events: list[Object], wanted: str) -> Object | None:
    """Return the first event with this reason."""
    return next((event for event in events if event["reason"] == wanted), None)


def complete(deployments: list[Object]) -> bool:
    """Return True if the Deployment's rollout is complete.

    The reason of its condition is not enough: until a rollout progresses, it is that of the rollout before.
    """
    for each in deployments:
        status = each.get("status") or {}
        reasons = {c["type"]: c["reason"] for c in status.get("conditions") or []}
        observed = status.get("observedGeneration") == each["metadata"]["generation"]
        counts = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "availableReplicas")]
        if observed and set(counts) == {each["spec"]["replicas"]}:
            return reasons.get("Progressing") == "NewReplicaSetAvailable"
    return False


def test_a_rollout_replaces_the_old_pod(on_cluster: OnCluster) -> None:
    """The old pod answers until the new one is ready; then only the new one is left and answers."""

    async def scenario(cluster: Any) -> tuple[str, str, str, str]:
        await cluster.deploy(container={"readinessProbe": READINESS})
        old = await cluster.ready_pod()
        before = await cluster.ask(old)
        await cluster.until(DEPLOYMENTS, complete)
        template = {"spec": {"containers": [{"name": "apple", "args": ["-text=apple-v2"]}]}}
        body = {"spec": {"template": template}}
        await cluster.client.patch(DEPLOYMENTS, "apple", "default", body, strategy="strategic")
        new = await cluster.ready_pod(other_than=old["metadata"]["uid"])
        await cluster.gone(old)
        await cluster.until(DEPLOYMENTS, complete)
        return before, await cluster.ask(new), old["status"]["podIP"], new["status"]["podIP"]

    before, after, old_ip, new_ip = on_cluster(scenario)

    assert (before, after) == ("apple-v1\n", "apple-v2\n")
    assert old_ip != new_ip


def test_rolling_back_makes_the_old_replica_set_the_newest(on_cluster: OnCluster) -> None:
    """The template of an earlier revision reuses its ReplicaSet with a higher revision; no new one is created."""

    async def scenario(cluster: Any) -> list[tuple[str, int]]:
        await cluster.deploy()
        await cluster.until(DEPLOYMENTS, complete)
        for text in ("apple-v2", "apple-v1"):
            container = {"name": "apple", "args": [f"-text={text}"]}
            body = {"spec": {"template": {"spec": {"containers": [container]}}}}
            await cluster.client.patch(DEPLOYMENTS, "apple", "default", body, strategy="strategic")
            await cluster.until(DEPLOYMENTS, complete)
        sets, _ = await cluster.client.list(REPLICASETS, "default")
        return sorted(
            (each["metadata"]["annotations"]["deployment.kubernetes.io/revision"], each["spec"]["replicas"])
            for each in sets
        )

    assert on_cluster(scenario) == [("2", 0), ("3", 1)]


def test_a_rollout_that_never_becomes_ready_fails_and_keeps_the_old_pod(on_cluster: OnCluster) -> None:
    """At the deadline the Deployment reports ProgressDeadlineExceeded; the old pod stays ready and answers."""

    async def scenario(cluster: Any) -> tuple[Object, str]:
        await cluster.deploy(spec={"progressDeadlineSeconds": 1})
        old = await cluster.ready_pod()
        await cluster.until(DEPLOYMENTS, complete)
        container = {"name": "apple", "readinessProbe": {"tcpSocket": {"port": 9}, "periodSeconds": 1}}
        body = {"spec": {"template": {"spec": {"containers": [container]}}}}
        await cluster.client.patch(DEPLOYMENTS, "apple", "default", body, strategy="strategic")

        def failed(deployments: list[Object]) -> Object | None:
            # The new pod may be counted later.
            found = (each["status"] for each in deployments if each["status"].get("updatedReplicas"))
            return next((s for s in found if "ProgressDeadlineExceeded" in str(s.get("conditions"))), None)

        status = await cluster.until(DEPLOYMENTS, failed)
        # A container without a probe is ready before its program listens.
        await cluster.until_port("connected", old, 5678)
        return status, await cluster.ask(old)

    status, answer = on_cluster(scenario)

    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (2, 1, 1)
    assert answer == "apple-v1\n"


def test_scaling_down_keeps_the_pod_with_the_highest_deletion_cost(on_cluster: OnCluster) -> None:
    """After scaling from one pod to three and back, the first pod still exists, because its deletion cost is higher."""

    async def scenario(cluster: Any) -> tuple[str, list[str]]:
        await cluster.deploy()
        first = await cluster.ready_pod()
        cost = {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "9"}}}
        await cluster.client.patch(PODS, first["metadata"]["name"], "default", cost)
        for replicas in (3, 1):
            await cluster.client.patch(DEPLOYMENTS, "apple", "default", {"spec": {"replicas": replicas}})
            await cluster.until(PODS, lambda pods, n=replicas: len(pods) == n)
        left, _ = await cluster.client.list(PODS, "default")
        return first["metadata"]["name"], [each["metadata"]["name"] for each in left]

    first, left = on_cluster(scenario)

    assert left == [first]


def test_variables_come_from_a_secret_that_is_created_later(on_cluster: OnCluster) -> None:
    """Until then, the container waits with the kubelet's reason; then it starts with the value, for the first time."""

    async def scenario(cluster: Any) -> tuple[Object, str, int]:
        env = [{"name": "ECHO_TEXT", "valueFrom": {"secretKeyRef": {"name": "words", "key": "text"}}}]
        await cluster.deploy(container={"args": [], "env": env, "readinessProbe": READINESS})

        def waiting(pods: list[Object]) -> Object | None:
            states = [s["state"] for p in pods for s in p.get("status", {}).get("containerStatuses") or []]
            return next((s["waiting"] for s in states if "message" in s.get("waiting", {})), None)

        reason: Object = await cluster.until(PODS, waiting)
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "words"}, "stringData": {"text": "hi"}}
        await cluster.client.create(SECRETS, secret, "default")
        pod = await cluster.ready_pod()
        return reason, await cluster.ask(pod), pod["status"]["containerStatuses"][0]["restartCount"]

    reason, answer, restarts = on_cluster(scenario)

    assert reason == {"reason": "CreateContainerConfigError", "message": 'secret "words" not found'}
    assert (answer, restarts) == ("hi\n", 0)


def test_a_volume_of_a_missing_config_map_keeps_the_container_creating(on_cluster: OnCluster) -> None:
    """The event has the kubelet's words, and the pod starts once the ConfigMap exists."""

    async def scenario(cluster: Any) -> Object:
        await cluster.deploy(pod={"volumes": [{"name": "site", "configMap": {"name": "site"}}]})
        event: Object = await cluster.until(EVENTS, lambda events: event_with_reason(events, "FailedMount"))
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site"}}
        await cluster.client.create(CONFIGMAPS, config, "default")
        await cluster.ready_pod()
        return event

    event = on_cluster(scenario)

    assert event["message"] == 'MountVolume.SetUp failed for volume "site" : configmap "site" not found'


def test_a_cordoned_node_starts_no_pods_until_it_is_uncordoned(on_cluster: OnCluster) -> None:
    """The pod waits with an event FailedScheduling, and runs afterwards."""

    async def scenario(cluster: Any) -> str:
        await cluster.until(NODES, lambda nodes: nodes)
        await cluster.client.patch(NODES, "test", None, {"spec": {"unschedulable": True}})
        await cluster.deploy()
        await cluster.until(EVENTS, lambda events: event_with_reason(events, "FailedScheduling"))
        await cluster.client.patch(NODES, "test", None, {"spec": {"unschedulable": None}})
        return str((await cluster.ready_pod())["spec"]["nodeName"])

    assert on_cluster(scenario) == "test"


def test_recreate_starts_the_new_pod_only_when_the_old_one_is_gone(on_cluster: OnCluster) -> None:
    """With strategy Recreate two pods never exist at the same time."""

    async def scenario(cluster: Any) -> int:
        await cluster.deploy(spec={"strategy": {"type": "Recreate"}})
        old = await cluster.ready_pod()
        most = 0

        def count(pods: list[Object]) -> bool:
            nonlocal most
            most = max(most, len(pods))
            return any(p["metadata"]["uid"] != old["metadata"]["uid"] for p in pods)

        container = {"name": "apple", "args": ["-text=apple-v2"]}
        body = {"spec": {"template": {"spec": {"containers": [container]}}}}
        await cluster.client.patch(DEPLOYMENTS, "apple", "default", body, strategy="strategic")
        await cluster.until(PODS, count)
        return most

    assert on_cluster(scenario) == 1


def test_a_service_has_an_endpoint_once_its_pod_is_ready(on_cluster: OnCluster) -> None:
    """The slice contains the pod's address and the number behind a named target port."""

    async def scenario(cluster: Any) -> tuple[Object, Object]:
        port = {"port": 80, "targetPort": "http"}
        service = {"metadata": {"name": "apple"}, "spec": {"selector": {"app": "apple"}, "ports": [port]}}
        await cluster.client.create(SERVICES, service, "default")
        await cluster.deploy(
            container={"readinessProbe": READINESS, "ports": [{"name": "http", "containerPort": 5678}]}
        )
        ready = await cluster.until(
            ENDPOINTSLICES,
            lambda slices: next(
                (s for s in slices if any(e["conditions"]["ready"] for e in s.get("endpoints") or [])), None
            ),
        )
        return ready, await cluster.ready_pod()

    found, pod = on_cluster(scenario)

    assert found["endpoints"][0]["addresses"] == [pod["status"]["podIP"]]
    assert found["ports"][0]["port"] == 5678
    assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "apple"


def test_a_pod_that_loses_its_label_is_replaced_and_adopted_again(on_cluster: OnCluster) -> None:
    """A released pod is replaced and runs on. With its label back it is adopted, and the surplus pod is deleted."""

    def owner(pod: Object) -> str:
        return next((each["kind"] for each in pod["metadata"].get("ownerReferences") or []), "")

    async def scenario(cluster: Any) -> tuple[str, str, list[str], str]:
        await cluster.deploy()
        old = await cluster.ready_pod()
        name = old["metadata"]["name"]
        await cluster.client.patch(PODS, name, "default", {"metadata": {"labels": {"app": None}}})
        await cluster.ready_pod(other_than=old["metadata"]["uid"])
        await cluster.until(DEPLOYMENTS, lambda found: found[0]["status"].get("availableReplicas") == 1)
        released = await cluster.client.get(PODS, name, "default")
        # A container without a probe is ready before its program listens.
        await cluster.until_port("connected", released, 5678)
        answer = await cluster.ask(released)
        # The age would select the new pod for deletion, but both pods are too young for a difference.
        cost = {"controller.kubernetes.io/pod-deletion-cost": "9"}
        body = {"metadata": {"labels": {"app": "apple"}, "annotations": cost}}
        await cluster.client.patch(PODS, name, "default", body)
        await cluster.until(PODS, lambda pods: len(pods) == 1)
        left, _ = await cluster.client.list(PODS, "default")
        return owner(released), answer, [name, *(each["metadata"]["name"] for each in left)], owner(left[0])

    released_owner, answer, (name, left), adopted_owner = on_cluster(scenario)

    assert (released_owner, answer) == ("", "apple-v1\n")
    assert (left, adopted_owner) == (name, "ReplicaSet")


def test_each_pod_is_reached_at_its_own_number_of_a_named_port(on_cluster: OnCluster) -> None:
    """While a rollout changes the number, there are two slices; afterwards there is one with the new number."""

    def container(number: int) -> Object:
        probe = {"tcpSocket": {"port": "http"}, "periodSeconds": 1}
        ports = [{"name": "http", "containerPort": number}]
        return {"name": "apple", "args": [f"-listen=:{number}"], "ports": ports, "readinessProbe": probe}

    def numbers(slices: list[Object]) -> set[int]:
        served = [s for s in slices if any(e["conditions"]["ready"] for e in s.get("endpoints") or [])]
        return {port["port"] for s in served for port in s["ports"]}

    async def scenario(cluster: Any) -> str:
        spec = {"selector": {"app": "apple"}, "ports": [{"port": 80, "targetPort": "http"}]}
        await cluster.client.create(SERVICES, {"metadata": {"name": "apple"}, "spec": spec}, "default")
        await cluster.deploy(container=container(8080), pod={"terminationGracePeriodSeconds": 600})
        await cluster.until(ENDPOINTSLICES, lambda slices: numbers(slices) == {8080})
        # A strategic patch would keep the old port next to the new one.
        containers = [{**container(9090), "image": "hashicorp/http-echo:1.0"}]
        body = {"spec": {"minReadySeconds": 2, "template": {"spec": {"containers": containers}}}}
        await cluster.client.patch(DEPLOYMENTS, "apple", "default", body)
        await cluster.until(ENDPOINTSLICES, lambda slices: numbers(slices) == {8080, 9090})
        await cluster.until(ENDPOINTSLICES, lambda slices: numbers(slices) == {9090})
        await cluster.until(ENDPOINTSLICES, lambda slices: len(slices) == 1)
        return str(await cluster.probe_port(await cluster.ready_pod(), 9090))

    assert on_cluster(scenario) == "connected"


def test_a_rollout_waits_for_a_readiness_gate(on_cluster: OnCluster) -> None:
    """The new pod is ready only once its gate's condition is True; the old pod stays until then."""

    async def scenario(cluster: Any) -> tuple[Object, int, list[Object]]:
        await cluster.deploy()
        old = await cluster.ready_pod()
        body = {"spec": {"template": {"spec": {"readinessGates": [{"conditionType": "shop/routed"}]}}}}
        await cluster.client.patch(DEPLOYMENTS, "apple", "default", body)

        def waiting(pods: list[Object]) -> Object | None:
            found = [(p, c) for p in pods for c in p.get("status", {}).get("conditions") or []]
            return next((p for p, c in found if c.get("reason") == "ReadinessGatesNotReady"), None)

        new = await cluster.until(PODS, waiting)
        pods = len((await cluster.client.list(PODS, "default"))[0])
        routed = {"status": {"conditions": [{"type": "shop/routed", "status": "True"}]}}
        name = new["metadata"]["name"]
        await cluster.client.patch(PODS, name, "default", routed, strategy="strategic", subresource="status")
        ready = await cluster.ready_pod(other_than=old["metadata"]["uid"])
        await cluster.gone(old)
        return new, pods, ready["status"]["conditions"]

    new, pods, conditions = on_cluster(scenario)

    assert {c["type"]: c["status"] for c in new["status"]["conditions"]}["ContainersReady"] == "True"
    assert pods == 2
    assert [c["status"] for c in conditions if c["type"] == "shop/routed"] == ["True"]
    assert [c for c in conditions if c["type"] == "Ready" and "reason" in c] == []


def test_a_pod_with_an_unknown_image_never_runs(on_cluster: OnCluster) -> None:
    """The pod waits with ImagePullBackOff and can be deleted."""

    async def scenario(cluster: Any) -> str:
        await cluster.deploy(container={"image": "hashicorp/http-echo:0.9"})

        def waiting(pods: list[Object]) -> Object | None:
            states = [s["state"] for p in pods for s in p.get("status", {}).get("containerStatuses") or []]
            return next((s["waiting"] for s in states if "waiting" in s and "message" in s["waiting"]), None)

        found = await cluster.until(PODS, waiting)
        await cluster.client.delete(DEPLOYMENTS, "apple", "default")
        await cluster.until(PODS, lambda pods: not pods)
        return str(found["reason"])

    assert on_cluster(scenario) == "ImagePullBackOff"


def test_a_crashing_container_backs_off(on_cluster: OnCluster) -> None:
    """A container that ends with an error is restarted at once, and then with increasing back-off."""

    async def scenario(cluster: Any) -> Any:
        await cluster.deploy(container={"args": ["-no-such-flag"]})

        def backing_off(pods: list[Object]) -> Object | None:
            statuses = [s for p in pods for s in p.get("status", {}).get("containerStatuses") or []]
            waiting = (s for s in statuses if s["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff")
            return next((s for s in waiting if s["restartCount"] >= 1), None)

        return await cluster.until(PODS, backing_off)

    status = on_cluster(scenario)

    assert status["lastState"]["terminated"]["exitCode"] == 127


def test_a_failing_liveness_probe_restarts_the_container(on_cluster: OnCluster) -> None:
    """The container is killed and restarted in the same pod."""

    async def scenario(cluster: Any) -> Any:
        probe = {"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 1}
        await cluster.deploy(container={"livenessProbe": probe}, pod={"terminationGracePeriodSeconds": 1})

        def restarted(pods: list[Object]) -> int:
            statuses = [s for p in pods for s in p.get("status", {}).get("containerStatuses") or []]
            return max((s["restartCount"] for s in statuses), default=0)

        return await cluster.until(PODS, restarted)

    assert on_cluster(scenario) >= 1


def test_readiness_waits_for_the_startup_probe(on_cluster: OnCluster) -> None:
    """The pod is not ready before its startup probe succeeds, even without a readiness probe."""

    async def scenario(cluster: Any) -> tuple[list[bool], str]:
        seen: list[bool] = []
        probe = {"httpGet": {"port": 5678}, "periodSeconds": 1, "failureThreshold": 10}
        env = [{"name": "START_DELAY", "value": "0.3"}]
        await cluster.deploy(container={"startupProbe": probe, "env": env})

        def note(pods: list[Object]) -> bool:
            statuses = [s for p in pods for s in p.get("status", {}).get("containerStatuses") or []]
            seen.extend(s["ready"] for s in statuses if "running" in s["state"])
            return any(seen)

        await cluster.until(PODS, note)
        return seen, await cluster.ask(await cluster.ready_pod())

    seen, answer = on_cluster(scenario)

    assert seen[0] is False
    assert answer == "apple-v1\n"
