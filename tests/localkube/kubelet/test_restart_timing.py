"""A container that crashed: when that is found, when it runs again, and how long it is kept back."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from harness.localkube import profiles
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import EVENTS, PODS

pytestmark = pytest.mark.processes

OnCluster = Callable[..., Any]


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> str:
    """A profile without delays, whose kubelet looks once a second and backs off for 3 s."""
    profile = dataclasses.replace(
        profiles.PROFILES["instant"], relist=1.0, crash_backoff=3, longest_backoff=100, resync=profiles.Delay(1)
    )
    monkeypatch.setattr(profiles, "PROFILES", {**profiles.PROFILES, "looking": profile})
    return "looking"


def status_of(pods: list[Object]) -> Object:
    """The status of the only container; empty without one."""
    found = [each for pod in pods for each in pod.get("status", {}).get("containerStatuses") or []]
    return found[0] if found else {}


async def kill(status: Object) -> float:
    """Kill a container's process; return the time when it was gone."""
    process = psutil.Process(int(status["containerID"].rpartition("/")[2]))
    process.kill()
    await asyncio.to_thread(process.wait, 60)
    return time.monotonic()


async def next_state(cluster: Any, wanted: Callable[[Object], bool]) -> tuple[float, Object]:
    """Wait for a container's status; return the time too."""
    found = await cluster.until(PODS, lambda pods: status if wanted(status := status_of(pods)) else None)
    return time.monotonic(), found


def is_running(restarts: int) -> Callable[[Object], bool]:
    """Whether a container runs after so many restarts."""
    return lambda status: "running" in status.get("state", {}) and status["restartCount"] == restarts


def test_a_crash_is_found_at_a_look_and_the_restart_at_the_next(on_cluster: OnCluster, looking: str) -> None:
    """The dead container passes for one that is ready for up to a second, then it is not, for a second."""

    async def scenario(cluster: Any) -> tuple[float, list[tuple[float, bool]]]:
        await cluster.deploy()
        seen: list[tuple[float, bool]] = []
        again = asyncio.Event()
        async with Informer(cluster.client, PODS) as pods:

            def note(_kind: str, _old: Object | None, pod: Object) -> None:
                ready = bool(status_of([pod]).get("ready"))
                if not seen or seen[-1][1] != ready:
                    seen.append((time.monotonic(), ready))
                if ready and status_of([pod])["restartCount"]:
                    again.set()

            pods.subscribe(note)
            _, status = await next_state(cluster, is_running(0))
            killed = await kill(status)
            await next_state(cluster, is_running(1))
            async with asyncio.timeout(60):
                await again.wait()
        return killed, seen

    killed, seen = on_cluster(scenario, profile=looking)
    (found, ready), (again, ready_again) = [each for each in seen if each[0] > killed]

    assert (ready, ready_again) == (False, True)
    assert found - killed > 0
    assert again - found > 0.8


def test_the_second_crash_backs_off_and_says_so(on_cluster: OnCluster, looking: str) -> None:
    """No sooner than the back-off after its end it runs again; its words are the kubelet's."""

    async def scenario(cluster: Any) -> tuple[float, float, Object, Object, Object]:
        await cluster.deploy()
        _, status = await next_state(cluster, is_running(0))
        await kill(status)
        _, status = await next_state(cluster, is_running(1))
        killed = await kill(status)
        _, waiting = await next_state(cluster, lambda found: "waiting" in found["state"])
        again, _ = await next_state(cluster, is_running(2))
        told = await cluster.until(EVENTS, lambda events: next((e for e in events if e["reason"] == "BackOff"), None))
        return killed, again, waiting, told, (await cluster.ready_pod())["metadata"]

    killed, again, waiting, told, pod = on_cluster(scenario, profile=looking)
    name = f"{pod['name']}_default({pod['uid']})"

    assert again - killed >= 3
    assert waiting["state"]["waiting"] == {
        "reason": "CrashLoopBackOff",
        "message": f"back-off 3s restarting failed container=apple pod={name}",
    }
    assert waiting["lastState"]["terminated"]["exitCode"] == 137
    assert told["message"] == f"Back-off restarting failed container apple in pod {name}"
