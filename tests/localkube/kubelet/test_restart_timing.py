"""A crashed container: the times at which the crash is found, the container is restarted, and its back-off ends."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from cluster_report import PATIENCE

from harness.localkube import profiles
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import EVENTS, PODS

pytestmark = pytest.mark.processes

OnCluster = Callable[..., Any]


@pytest.fixture
def relisting(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a profile without delays, except for relists once a second and a back-off of 3 s."""
    profile = dataclasses.replace(
        profiles.PROFILES["instant"], relist=1.0, crash_backoff=3, longest_backoff=100, resync=profiles.Delay(1)
    )
    monkeypatch.setattr(profiles, "PROFILES", {**profiles.PROFILES, "relisting": profile})
    return "relisting"


def status_of(pods: list[Object]) -> Object:
    """Return the status of the only container; empty without one."""
    found = [each for pod in pods for each in pod.get("status", {}).get("containerStatuses") or []]
    return found[0] if found else {}


async def kill(status: Object) -> float:
    """Kill a container's process, and wait for its end; return a time right before it."""
    process, before = psutil.Process(int(status["containerID"].rpartition("/")[2])), time.monotonic()
    process.kill()
    await asyncio.to_thread(process.wait, PATIENCE)
    return before


class Lateness:
    """The time by which this process ran late, and by which it may therefore have seen a change late.

    Attributes:
        seconds: The sum so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    async def measure(self) -> None:
        """Add to it until cancelled."""
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            self.seconds += max(0.0, time.monotonic() - due)


async def next_state(cluster: Any, wanted: Callable[[Object], bool]) -> tuple[float, Object]:
    """Wait for a container's status; return it with the time."""
    found = await cluster.until(PODS, lambda pods: status if wanted(status := status_of(pods)) else None)
    return time.monotonic(), found


def is_running(restarts: int) -> Callable[[Object], bool]:
    """Return a condition: the container runs after this number of restarts."""
    return lambda status: "running" in status.get("state", {}) and status["restartCount"] == restarts


def test_a_crash_is_found_at_a_relist_and_the_restart_at_the_next(on_cluster: OnCluster, relisting: str) -> None:
    """The dead container counts as ready for up to a second, and then as not ready for a second."""
    late = Lateness()

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
            measuring = asyncio.create_task(late.measure())
            killed = await kill(status)
            await next_state(cluster, is_running(1))
            async with asyncio.timeout(PATIENCE):
                await again.wait()
            measuring.cancel()
        return killed, seen

    killed, seen = on_cluster(scenario, profile=relisting)
    (found, ready), (again, ready_again) = seen[-2:]

    assert (ready, ready_again) == (False, True)
    # The restart is a second after the find. If this process was late, it sees the two sooner after each other. If the
    # kubelet was later than a second, it wrote both at once, and the restart is at least a second after the kill.
    assert again - max(found, killed) > 0.5 - late.seconds


def test_the_second_crash_backs_off_with_the_kubelets_messages(on_cluster: OnCluster, relisting: str) -> None:
    """The container runs again no sooner than the back-off after its end."""

    async def scenario(cluster: Any) -> tuple[float, float, Object, Object, Object]:
        await cluster.deploy()
        _, status = await next_state(cluster, is_running(0))
        await kill(status)
        _, status = await next_state(cluster, is_running(1))
        killed = await kill(status)
        _, waiting = await next_state(cluster, lambda found: "waiting" in found["state"])
        again, _ = await next_state(cluster, is_running(2))
        event = await cluster.until(EVENTS, lambda events: next((e for e in events if e["reason"] == "BackOff"), None))
        return killed, again, waiting, event, (await cluster.ready_pod())["metadata"]

    killed, again, waiting, event, pod = on_cluster(scenario, profile=relisting)
    name = f"{pod['name']}_default({pod['uid']})"

    assert again - killed >= 3
    assert waiting["state"]["waiting"] == {
        "reason": "CrashLoopBackOff",
        "message": f"back-off 3s restarting failed container=apple pod={name}",
    }
    assert waiting["lastState"]["terminated"]["exitCode"] == 137
    assert event["message"] == f"Back-off restarting failed container apple in pod {name}"
