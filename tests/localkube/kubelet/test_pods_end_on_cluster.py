"""The end of pods on a small cluster: hooks, grace periods, and deletions of owners."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from cluster_report import PATIENCE

from harness.kit.waiting import wait_until
from harness.localkube.kubelet import termination
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import (
    DEPLOYMENTS,
    ENDPOINTSLICES,
    EVENTS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SERVICES,
)

pytestmark = pytest.mark.processes

OnCluster = Callable[..., Any]
READINESS = {
    "httpGet": {"path": "/health", "port": 5678, "httpHeaders": [{"name": "X-Probe", "value": "yes"}]},
    "periodSeconds": 1,
}


#: A shell that ignores SIGTERM and logs it; the application itself would end at the first signal.
IGNORES_SIGTERM = {
    "image": "xds2000/nginx-hostname",
    "command": [
        "bash", "-c", "trap 'echo TERM $EPOCHREALTIME' TERM; echo trapped; while :; do read -t 0.05 <> <(:); done"
    ],
    "args": [],
}  # fmt: skip


def process_of(pod: Object) -> psutil.Process:
    """Return the main process of a pod's only container."""
    return psutil.Process(int(pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]))


def log_of(cluster: Any, pod: Object) -> list[str]:
    """Return the words in the log of a pod's only container."""
    log: Path = cluster.settings.logs / "pods" / f"default_{pod['metadata']['name']}_apple.log"
    return log.read_text().split()


async def trapped_pod(cluster: Any) -> Object:
    """Return a pod that ignores SIGTERM by now; a shell without its trap ends at the first SIGTERM."""
    pod: Object = await cluster.ready_pod()
    trapped = partial(wait_until, lambda: "trapped" in log_of(cluster, pod), timeout=PATIENCE, what="the shell's trap")
    await asyncio.to_thread(trapped)
    return pod


def terminated_at(cluster: Any, pod: Object) -> float:
    """Return the time at which a pod that ignores SIGTERM received it, in seconds since the epoch."""
    words = log_of(cluster, pod)
    return float(words[words.index("TERM") + 1])


def event_with_reason(events: list[Object], wanted: str) -> Object | None:
    """Return the first event with this reason."""
    return next((event for event in events if event["reason"] == wanted), None)


def test_a_terminating_pod_serves_until_its_hook_ends(on_cluster: OnCluster, tmp_path: Path) -> None:
    """While preStop runs, the endpoint is terminating and serving but not ready, and the pod still answers."""
    done = tmp_path / "hook-may-end"

    async def scenario(cluster: Any) -> tuple[Object, str, str]:
        service = {"metadata": {"name": "apple"}, "spec": {"selector": {"app": "apple"}, "ports": [{"port": 5678}]}}
        await cluster.client.create(SERVICES, service, "default")
        # The hook ends after all checks, even on a slow machine.
        hook = ["bash", "-c", f"until [ -e {done} ]; do sleep 0.05; done"]
        await cluster.deploy(
            container={
                "image": "xds2000/nginx-hostname",
                "args": [],
                "env": [{"name": "NGINX_PORT", "value": "5678"}],
                "readinessProbe": READINESS,
                "lifecycle": {"preStop": {"exec": {"command": hook}}},
            },
            pod={"terminationGracePeriodSeconds": 600},
        )
        pod = await cluster.ready_pod()
        name = pod["metadata"]["name"]
        await cluster.client.delete(PODS, name, "default")

        def terminating(slices: list[Object]) -> Object | None:
            endpoints = [e for s in slices for e in s.get("endpoints") or []]
            return next((e["conditions"] for e in endpoints if e["conditions"]["terminating"]), None)

        conditions = await cluster.until(ENDPOINTSLICES, terminating)
        answer = await cluster.ask(pod)
        done.touch()
        await cluster.gone(pod)
        with pytest.raises(aiohttp.ConnectionTimeoutError):
            await cluster.ask(pod)
        return conditions, answer, name

    conditions, answer, name = on_cluster(scenario)

    assert conditions == {"ready": False, "serving": True, "terminating": True}
    assert answer.strip() == name


def test_a_hook_longer_than_the_grace_period_is_abandoned(on_cluster: OnCluster) -> None:
    """SIGTERM follows at the end of the grace period; a container that ignores it is killed 2 s later."""

    async def scenario(cluster: Any) -> tuple[float, float, int]:
        await cluster.deploy(
            container={**IGNORES_SIGTERM, "lifecycle": {"preStop": {"exec": {"command": ["sleep", "60"]}}}},
            pod={"terminationGracePeriodSeconds": 1},
            spec={"replicas": 1},
        )
        pod = await trapped_pod(cluster)
        begin = time.time()
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        uid = pod["metadata"]["uid"]

        def code(pods: list[Object]) -> Object | None:
            statuses = [p["status"]["containerStatuses"][0] for p in pods if p["metadata"]["uid"] == uid]
            return next((s["state"]["terminated"] for s in statuses if "terminated" in s["state"]), None)

        ended = await cluster.until(PODS, code)
        return terminated_at(cluster, pod) - begin, time.time() - begin, ended["exitCode"]

    terminated, killed, code = on_cluster(scenario)

    # Only lower limits: a busy machine is late, but never early.
    assert terminated > 0.9
    assert killed > 2.9
    assert code == 137


def test_an_exec_hook_without_a_shell_fails_and_the_pod_stops_at_once(on_cluster: OnCluster) -> None:
    """http-echo has no shell, so FailedPreStopHook follows without a wait."""

    async def scenario(cluster: Any) -> Any:
        await cluster.deploy(container={"lifecycle": {"preStop": {"exec": {"command": ["sleep", "60"]}}}})
        pod = await cluster.ready_pod()
        # A container without a probe is ready at once. One that has ended by itself has no hook to run.
        await cluster.until_port("connected", pod, 5678)
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        await cluster.gone(pod)
        return await cluster.until(EVENTS, lambda events: event_with_reason(events, "FailedPreStopHook"))

    assert on_cluster(scenario)["involvedObject"]["kind"] == "Pod"


async def forced_end(cluster: Any, pod: Object) -> tuple[float, float]:
    """Delete a pod by force, whose object is then gone; return the seconds until SIGTERM came and its process ended."""
    process, begin = process_of(pod), time.time()
    await cluster.client.delete(PODS, pod["metadata"]["name"], "default", grace=0)
    left, _ = await cluster.client.list(PODS)
    assert pod["metadata"]["uid"] not in {each["metadata"]["uid"] for each in left}
    await asyncio.to_thread(process.wait, PATIENCE)
    return terminated_at(cluster, pod) - begin, time.time() - begin


@pytest.mark.parametrize("hook", [{}, {"lifecycle": {"preStop": {"sleep": {"seconds": 600}}}}], ids=["bare", "hook"])
def test_a_forced_deletion_stops_the_container_within_three_seconds(on_cluster: OnCluster, hook: Object) -> None:
    """The object is gone at once; the hook gets 1 s, then SIGTERM follows, and SIGKILL 2 s later."""

    async def scenario(cluster: Any) -> tuple[float, float]:
        await cluster.deploy(container={**IGNORES_SIGTERM, **hook}, pod={"terminationGracePeriodSeconds": 900})
        return await forced_end(cluster, await trapped_pod(cluster))

    terminated, killed = on_cluster(scenario)

    # The upper limits allow for a busy machine: they are far below the grace period and the hook.
    assert (1.0 if hook else 0.0) <= terminated < 300
    # The shell may handle SIGTERM late, but never early.
    assert (2.9 if hook else 1.9) < killed < 300


def test_a_pod_with_grace_0_gets_sigterm_too(on_cluster: OnCluster) -> None:
    """With ``terminationGracePeriodSeconds: 0``, a deletion without force acts like a forced one."""

    async def scenario(cluster: Any) -> tuple[float, float]:
        await cluster.deploy(container=IGNORES_SIGTERM, pod={"terminationGracePeriodSeconds": 0})
        pod = await trapped_pod(cluster)
        process, begin = process_of(pod), time.time()
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        await cluster.gone(pod)
        await asyncio.to_thread(process.wait, PATIENCE)
        return terminated_at(cluster, pod) - begin, time.time() - begin

    terminated, killed = on_cluster(scenario)

    assert terminated >= 0
    assert killed > 1.9


@pytest.mark.parametrize(("delay", "shortest_grace", "expected"), [("3s", 300, "slow"), ("200s", 2, "cut")])
def test_a_response_in_flight_is_completed_after_a_forced_deletion(
    on_cluster: OnCluster, monkeypatch: pytest.MonkeyPatch, delay: str, shortest_grace: int, expected: str
) -> None:
    """The application gets SIGTERM and finishes; a response is cut off that takes longer than the time to SIGKILL.

    That time is prolonged for the response that must be complete, however busy the machine is.
    """
    monkeypatch.setattr(termination, "SHORTEST_GRACE", shortest_grace)

    async def scenario(cluster: Any) -> str:
        await cluster.deploy(container={"image": "harness/slow-echo:1", "args": ["-text=slow"]})
        pod = await cluster.ready_pod()
        await cluster.until_port("connected", pod, 5678)
        asked = asyncio.create_task(cluster.ask(pod, f"/?delay={delay}"))
        await asyncio.to_thread(_until_connected, process_of(pod), asked.done)
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default", grace=0)
        ended: list[object] = await asyncio.gather(asked, return_exceptions=True)
        end = ended[0]
        # The client retries on a new connection; the result does not matter.
        return "cut" if isinstance(end, aiohttp.ClientError) else str(end).strip()

    assert on_cluster(scenario) == expected


def _until_connected(process: psutil.Process, is_over: Callable[[], bool]) -> None:
    """Wait until a process has an established connection, or until the request on it is over."""

    def connected() -> bool:
        return is_over() or any(each.status == psutil.CONN_ESTABLISHED for each in process.net_connections())

    wait_until(connected, timeout=PATIENCE, what="a connection")


def test_a_forced_deletion_does_not_shorten_one_that_has_begun(on_cluster: OnCluster, tmp_path: Path) -> None:
    """The object is gone, but the container keeps the grace period of its first deletion, and its hook continues."""
    done = tmp_path / "hook-may-end"

    async def scenario(cluster: Any) -> bool:
        hook = ["bash", "-c", f"until [ -e {done} ]; do sleep 0.05; done"]
        await cluster.deploy(
            container={**IGNORES_SIGTERM, "lifecycle": {"preStop": {"exec": {"command": hook}}}},
            pod={"terminationGracePeriodSeconds": 600},
        )
        pod = await trapped_pod(cluster)
        name, process = pod["metadata"]["name"], process_of(pod)
        await cluster.client.delete(PODS, name, "default")
        await cluster.until(EVENTS, lambda events: event_with_reason(events, "Killing"))
        await cluster.client.delete(PODS, name, "default", grace=0)
        await cluster.gone(pod)
        try:
            # Longer than a forced deletion takes from its start to SIGKILL.
            await asyncio.to_thread(process.wait, 4)
        except psutil.TimeoutExpired:
            return True
        return False

    assert on_cluster(scenario)


def test_a_failed_post_start_hook_stops_the_container(on_cluster: OnCluster) -> None:
    """The container gets SIGTERM, and SIGKILL only after the pod's grace period."""

    async def scenario(cluster: Any) -> int:
        # The hook fails after the shell has set its trap.
        trap = "trap 'echo TERM $EPOCHREALTIME; exit 0' TERM; echo READY; while :; do read -t 0.05 <> <(:); done"
        log = cluster.settings.logs / "pods"
        hook = ["bash", "-c", f"until grep -q READY {log}/*; do sleep 0.05; done; exit 1"]
        await cluster.deploy(
            container={
                "image": "xds2000/nginx-hostname",
                "command": ["bash", "-c", trap],
                "args": [],
                "lifecycle": {"postStart": {"exec": {"command": hook}}},
            },
            pod={"terminationGracePeriodSeconds": 600},
        )

        def ended(pods: list[Object]) -> Object | None:
            statuses = [s for p in pods for s in p.get("status", {}).get("containerStatuses") or []]
            return next((s["lastState"]["terminated"] for s in statuses if "terminated" in s["lastState"]), None)

        found = await cluster.until(PODS, ended)
        return int(found["exitCode"])

    assert on_cluster(scenario) == 0


def test_a_failed_post_start_hook_is_an_event_and_restarts_the_container(on_cluster: OnCluster) -> None:
    """The event is FailedPostStartHook."""

    async def scenario(cluster: Any) -> Any:
        await cluster.deploy(container={"lifecycle": {"postStart": {"exec": {"command": ["true"]}}}})
        await cluster.until(EVENTS, lambda events: event_with_reason(events, "FailedPostStartHook"))

        def restarted(pods: list[Object]) -> int:
            statuses = [s for p in pods for s in p.get("status", {}).get("containerStatuses") or []]
            return max((s["restartCount"] for s in statuses), default=0)

        return await cluster.until(PODS, restarted)

    assert on_cluster(scenario) >= 1


def test_deleting_a_namespace_leaves_nothing_in_it(on_cluster: OnCluster) -> None:
    """Deployment, pods and finally the namespace are gone."""

    async def scenario(cluster: Any) -> list[Object]:
        await cluster.client.create(NAMESPACES, {"metadata": {"name": "trial"}})
        manifest = {"apiVersion": "apps/v1", "kind": "Deployment", **_in_namespace("trial")}
        await cluster.client.create(DEPLOYMENTS, manifest, "trial")
        await cluster.ready_pod()
        await cluster.client.delete(NAMESPACES, "trial")
        await cluster.until(NAMESPACES, lambda found: all(each["metadata"]["name"] != "trial" for each in found))
        return [*(await cluster.client.list(PODS))[0], *(await cluster.client.list(REPLICASETS))[0]]

    assert on_cluster(scenario) == []


def _in_namespace(namespace: str) -> Object:
    labels = {"app": "apple"}
    container = {"name": "apple", "image": "hashicorp/http-echo:1.0", "args": ["-text=a"]}
    return {
        "metadata": {"name": "apple", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def test_deleting_a_deployment_deletes_its_pods(on_cluster: OnCluster) -> None:
    """In a background deletion, ReplicaSet and pods follow."""

    async def scenario(cluster: Any) -> list[Object]:
        await cluster.deploy()
        pod = await cluster.ready_pod()
        await cluster.client.delete(DEPLOYMENTS, "apple", "default")
        await cluster.gone(pod)
        sets: list[Object] = (await cluster.client.list(REPLICASETS))[0]
        return sets

    assert on_cluster(scenario) == []


def test_foreground_deletion_keeps_the_owner_until_its_pods_are_gone(on_cluster: OnCluster) -> None:
    """Once the Deployment is gone, its pods are gone too."""

    async def scenario(cluster: Any) -> list[Object]:
        await cluster.deploy()
        await cluster.ready_pod()
        await cluster.client.delete(DEPLOYMENTS, "apple", "default", propagation="Foreground")
        await cluster.until(DEPLOYMENTS, lambda found: not found)
        pods: list[Object] = (await cluster.client.list(PODS))[0]
        return pods

    assert on_cluster(scenario) == []
