"""Sidecars start before the other containers, count for readiness, and end after them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from cluster_report import PATIENCE

from harness.kit.waiting import wait_until
from harness.kube.pods import serving_containers
from harness.localkube.controllers.endpoints import slices_of
from harness.localkube.kubelet.status import INITIALIZING, ContainerState, pod_status
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import PODS

OnCluster = Callable[..., Any]
ECHO: Object = {"name": "proxy", "image": "hashicorp/http-echo:1.0", "ports": [{"name": "side", "containerPort": 5678}]}
APP: Object = {"name": "apple", "image": "registry.example/app:1", "ports": [{"containerPort": 5679}]}
SIDECAR: Object = {**ECHO, "restartPolicy": "Always"}


def pod_with(*, init: tuple[Object, ...] = (), containers: tuple[Object, ...] = (APP,)) -> Object:
    """Return a pod."""
    return {"metadata": {"name": "a"}, "spec": {"initContainers": list(init), "containers": list(containers)}}


def state(name: str, *, ready: bool = True, sidecar: bool = False, running: bool = True) -> ContainerState:
    """Return the state of a container."""
    shown: Object = {"running": {}} if running else {"terminated": {"exitCode": 0}}
    return ContainerState(name, "i", state=shown, ready=ready, started=running, container_id="x", sidecar=sidecar)


def conditions(init: ContainerState) -> dict[str, str]:
    """Return the conditions of a pod with this init container, whose other container is ready."""
    status = pod_status(pod_with(), [state("apple")], address="a", host="h", deleting=False, init=[init])
    return {each["type"]: each["status"] for each in status["conditions"]}


def test_the_readiness_of_a_sidecar_counts() -> None:
    """That of a finished init container does not."""
    assert conditions(state("proxy", sidecar=True))["Ready"] == "True"
    assert conditions(state("proxy", ready=False, sidecar=True))["Ready"] == "False"
    assert conditions(state("init", ready=False, running=False))["Ready"] == "True"


def test_a_pod_is_initialized_once_its_sidecars_have_started() -> None:
    """An init container without a restart policy has to succeed for that."""
    failed = replace(state("init", running=False), state={"terminated": {"exitCode": 1}})

    assert conditions(state("proxy", sidecar=True))["Initialized"] == "True"
    assert conditions(state("init"))["Initialized"] == "False"
    assert conditions(state("init", running=False))["Initialized"] == "True"
    assert conditions(failed)["Initialized"] == "False"


@pytest.mark.parametrize(("init", "expected"), [((SIDECAR,), 5678), ((ECHO,), None)])
def test_a_service_reaches_the_named_port_of_a_sidecar(init: tuple[Object, ...], expected: int | None) -> None:
    """Not that of an init container that ends."""
    spec = {"selector": {"app": "a"}, "ports": [{"name": "web", "port": 80, "targetPort": "side"}]}
    metadata = {"name": "a", "namespace": "n", "uid": "u"}
    service: Object = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    pod = pod_with(init=init)
    pod["metadata"] |= {"namespace": "n", "uid": "p", "labels": {"app": "a"}}
    pod["status"] = {"podIP": "127.0.0.9", "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}

    numbers = {port["port"] for piece in slices_of(service, [pod]) for port in piece["ports"] or ()}

    assert numbers == ({expected} if expected else set())


def test_sidecars_come_before_the_other_containers() -> None:
    """Init containers that end are no part of the pod's serving containers."""
    pod = pod_with(init=({"name": "migrate", "image": "m"}, SIDECAR))

    assert [each["name"] for each in serving_containers(pod)] == ["proxy", "apple"]


#: A container that logs SIGTERM and ignores it.
STAYS: Object = {
    "name": "apple",
    "image": "xds2000/nginx-hostname",
    "command": ["bash", "-c", "trap 'echo TERM' TERM; echo trapped; while :; do read -t 0.05 <> <(:); done"],
}


def patched(role: str) -> Object:
    """Return the pod's spec with the proxy as a sidecar or as a container like the other."""
    containers = {"initContainers": [SIDECAR], "containers": [STAYS]}
    return {
        **(containers if role == "sidecar" else {"containers": [STAYS, ECHO]}),
        "terminationGracePeriodSeconds": 3600,
    }


@pytest.mark.processes
@pytest.mark.parametrize(("role", "expected"), [("sidecar", "connected"), ("container", "refused")])
def test_a_sidecar_serves_until_the_other_containers_have_ended(
    on_cluster: OnCluster, role: str, expected: str
) -> None:
    """The app has SIGTERM and goes on until it is killed; the same proxy as a plain container ends before that."""

    async def scenario(cluster: Any) -> str:
        await cluster.deploy(spec={"template": {"metadata": {"labels": {"app": "apple"}}, "spec": patched(role)}})
        pod = await cluster.ready_pod()
        log: Path = cluster.settings.logs / "pods" / f"default_{pod['metadata']['name']}_apple.log"
        await cluster.until_port("connected", pod, 5678)
        await _until_word("trapped", log)
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        await _until_word("TERM", log)
        if expected == "refused":
            await cluster.until_port("refused", pod, 5678)
        found: str = await cluster.probe_port(pod, 5678)
        psutil.Process(int(pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2])).kill()
        await cluster.gone(pod)
        return found

    assert on_cluster(scenario) == expected


async def _until_word(word: str, log: Path) -> None:
    """Wait until a log has a word."""
    found = partial(wait_until, lambda: word in log.read_text().split(), timeout=PATIENCE, what=f"{word} in a log")
    await asyncio.to_thread(found)


@pytest.mark.processes
def test_containers_start_after_the_sidecar_has_started(on_cluster: OnCluster) -> None:
    """Its startup probe fails, so the container after it waits; it starts once the probe succeeds."""

    async def scenario(cluster: Any) -> tuple[Object, Object]:
        probe = {"tcpSocket": {"port": 5678}, "periodSeconds": 1, "failureThreshold": 60}
        slow = {**SIDECAR, "startupProbe": probe, "env": [{"name": "START_DELAY", "value": "4"}]}
        await cluster.deploy(pod={"initContainers": [slow], "containers": [APP]})

        def sidecar_runs(pods: list[Object]) -> Object | None:
            found = (each["status"] for each in pods if each.get("status", {}).get("initContainerStatuses"))
            return next((s for s in found if "running" in s["initContainerStatuses"][0]["state"]), None)

        early: Object = await cluster.until(PODS, sidecar_runs)
        return early, (await cluster.ready_pod())["status"]

    early, ready = on_cluster(scenario)

    assert early["initContainerStatuses"][0]["started"] is False
    assert "waiting" in early["containerStatuses"][0]["state"]
    assert ready["initContainerStatuses"][0]["started"] is True
    assert "running" in ready["initContainerStatuses"][0]["state"]


@pytest.mark.parametrize(("policy", "expected"), [("Never", "Failed"), ("Always", "Pending")])
def test_a_failed_init_container_ends_a_pod_that_is_never_restarted(policy: str, expected: str) -> None:
    """With any other restart policy, the init container is run again."""
    pod = {**pod_with(), "spec": {**pod_with()["spec"], "restartPolicy": policy}}
    failed = ContainerState("init", "i", state={"terminated": {"exitCode": 1}}, container_id="x")
    waiting = ContainerState("apple", "i", state=INITIALIZING)

    assert pod_status(pod, [waiting], address="a", host="h", deleting=False, init=[failed])["phase"] == expected
