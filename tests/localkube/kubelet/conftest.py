"""A small cluster for tests: API server, controllers and kubelet in one event loop, without an ingress."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from cluster_report import PATIENCE, cluster_report, shown

from harness.localkube import profiles
from harness.localkube.addresses import take_block
from harness.localkube.api.server import serve
from harness.localkube.commands import LocalCommand
from harness.localkube.controllers.manager import run_controllers
from harness.localkube.kubelet import run_kubelet
from harness.localkube.machinery.client import ApiClient
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import DEPLOYMENTS, PODS, Resource
from harness.localkube.settings import NodeSettings

T = TypeVar("T")

#: Connect timeout of requests, in seconds.
_CONNECT_SECONDS = 3
#: Connect timeout of bare connections, in seconds. On loopback the kernel answers at once or never.
_NO_ANSWER_SECONDS = 0.5


class LocalCluster:
    """The operations of a test on its cluster."""

    def __init__(
        self,
        client: ApiClient,
        settings: NodeSettings,
        http: aiohttp.ClientSession,
        components: Sequence[asyncio.Task[None]],
    ) -> None:
        self.client = client
        self.settings = settings
        self._http = http
        self._components = components

    async def until(
        self, resource: Resource, condition: Callable[[list[Object]], T | None], *, seconds: float = PATIENCE
    ) -> T:
        """Return the first true result of a condition, which sees every state of the resource, however short.

        Raises:
            AssertionError: It is still false after these seconds, or a component has ended; with what was seen last.
        """
        async with Informer(self.client, resource) as informer:
            result: asyncio.Future[T] = asyncio.get_running_loop().create_future()

            def look(*_: object) -> None:
                try:
                    if not result.done() and (found := condition(list(informer.items.values()))):
                        result.set_result(found)
                except Exception as error:  # noqa: BLE001 - the informer would only log it
                    result.set_exception(error)

            look()
            informer.subscribe(look)
            either: set[asyncio.Future[Any]] = {result, *self._components}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return result.result()
            known = "\n".join(f"  {shown(each)}" for each in informer.items.values())
            all_of_it = await cluster_report(self.client, self.settings.directory, self._components, resource)
            raise AssertionError(
                f"the condition on {resource.plural} is false after {seconds} s; the watch saw:\n{known}\n{all_of_it}"
            )

    async def ready_pod(self, *, other_than: str = "") -> Object:
        """Return a pod that is ready and does not have the uid ``other_than``; its program may not listen yet."""
        return await self.until(PODS, lambda pods: next((p for p in pods if _ready(p, other_than)), None))

    async def gone(self, pod: Object) -> None:
        """Wait until a pod's object is gone."""
        uid = pod["metadata"]["uid"]
        await self.until(PODS, lambda pods: all(each["metadata"]["uid"] != uid for each in pods))

    async def deploy(self, **changes: Any) -> Object:
        """Create the Deployment ``apple`` of one http-echo pod; see ``deployment``."""
        return await self.client.create(DEPLOYMENTS, deployment(**changes), "default")

    async def probe_port(self, pod: Object, port: int = 5678) -> str:
        """Return the result of a new connection to a pod: ``connected``, ``refused`` or ``no answer``."""
        return await asyncio.to_thread(probe_port, pod["status"]["podIP"], port)

    async def until_port(self, expected: str, pod: Object, *ports: int, seconds: float = PATIENCE) -> None:
        """Wait until new connections to all these ports of a pod have this result (see ``probe_port``).

        Raises:
            AssertionError: They have another after these seconds; with what the cluster was like.
        """
        for port in ports:
            try:
                await asyncio.to_thread(_until_port, expected, pod["status"]["podIP"], port, seconds)
            except AssertionError as error:
                everything = await cluster_report(self.client, self.settings.directory, self._components)
                raise AssertionError(f"{error}\n{everything}") from None

    async def ask(self, pod: Object, path: str = "/", port: int = 5678) -> str:
        """Return a pod's response to a request on a new connection."""
        url = f"http://{pod['status']['podIP']}:{port}{path}"
        async with self._http.get(url) as response:
            return await response.text()

    async def until_answer(self, expected: str, pod: Object, path: str, seconds: float = PATIENCE) -> None:
        """Wait until a pod gives this response to a path."""
        async with asyncio.timeout(seconds):
            while await self.ask(pod, path) != expected:
                pass

    async def put(self, pod: Object, path: str, port: int = 5678) -> int:
        """Return the status of a pod's response to a PUT on a new connection."""
        async with self._http.put(f"http://{pod['status']['podIP']}:{port}{path}") as response:
            return response.status


def probe_port(address: str, port: int) -> str:
    """Return the result of a new connection: ``connected``, ``refused`` or ``no answer``."""
    try:
        socket.create_connection((address, port), timeout=_NO_ANSWER_SECONDS).close()
    except TimeoutError:
        return "no answer"
    except ConnectionRefusedError:
        return "refused"
    return "connected"


def _until_port(expected: str, address: str, port: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (found := probe_port(address, port)) != expected:
        assert time.monotonic() < end, f"{address}:{port} is {found} after {seconds} s, not {expected}"
        time.sleep(0.01)


def _ready(pod: Object, other_than: str) -> bool:
    conditions = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions") or []}
    fresh = pod["metadata"]["uid"] != other_than and "deletionTimestamp" not in pod["metadata"]
    return fresh and conditions.get("Ready") == "True"


def deployment(
    *,
    container: Object | None = None,
    spec: Object | None = None,
    pod: Object | None = None,
    annotations: Object | None = None,
) -> Object:
    """Build a Deployment ``apple``; the arguments override fields of its container, its spec and its pods' spec."""
    labels = {"app": "apple", "version": "apple-v1"}
    one = {"name": "apple", "image": "hashicorp/http-echo:1.0", "args": ["-text=apple-v1"], **(container or {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "apple", "namespace": "default"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "apple"}},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations or {}},
                "spec": {"containers": [one], **(pod or {})},
            },
            **(spec or {}),
        },
    }


@pytest.fixture
def stays_down(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a profile whose first restart is immediate and whose second never happens during a test."""
    profile = dataclasses.replace(profiles.PROFILES["instant"], crash_backoff=3600, longest_backoff=3600)
    monkeypatch.setattr(profiles, "PROFILES", {**profiles.PROFILES, "stays-down": profile})
    return "stays-down"


@pytest.fixture
def port_prober() -> Callable[[str, int], str]:
    """Return the function ``probe_port``."""
    return probe_port


#: Runs a scenario on a new cluster with a profile, and returns its result.
OnCluster = Callable[[Callable[[LocalCluster], Awaitable[T]]], T]


@asynccontextmanager
async def running(settings: NodeSettings) -> AsyncIterator[LocalCluster]:
    """Run a cluster while the context is open."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        serve(settings) as url,
        ApiClient(url, "test") as client,
        aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS)
        ) as http,
    ):
        components = [
            asyncio.create_task(run_controllers(client, settings), name="the controllers"),
            asyncio.create_task(run_kubelet(client, settings), name="the kubelet"),
        ]
        try:
            yield LocalCluster(client, settings, http, components)
        except TimeoutError as error:
            known = await cluster_report(client, settings.directory, components)
            raise AssertionError(f"a wait is over:\n{known}") from error
        finally:
            for component in components:
                component.cancel()
            ends = await asyncio.gather(*components, return_exceptions=True)
        assert [end for end in ends if not isinstance(end, asyncio.CancelledError)] == []


@pytest.fixture
def on_cluster(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that runs a scenario on a cluster, by default without delays."""

    def run(
        scenario: Callable[[LocalCluster], Awaitable[T]],
        profile: str = "instant",
        commands: tuple[LocalCommand, ...] = (),
    ) -> T:
        async def main(settings: NodeSettings) -> T:
            async with running(settings) as cluster:
                return await scenario(cluster)

        with take_block() as held:
            settings = NodeSettings(
                name="test",
                directory=tmp_path,
                block=held.block,
                profile=profile,
                seed=1,
                ingress="none",
                nginx=None,
                commands={each.id: each for each in commands},
            )
            return asyncio.run(main(settings))

    return run
