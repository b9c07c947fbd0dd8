"""Traefik with the local API server: its configuration, its routes and its log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import web
from cluster_report import PATIENCE, cluster_report

from harness.clusters.local.logs import collect_logs
from harness.errors import BringUpError
from harness.localkube.addresses import free_port, take_block
from harness.localkube.api.server import serve_at
from harness.localkube.machinery.client import ApiClient
from harness.localkube.machinery.resources import (
    CUSTOM_KINDS,
    ENDPOINTSLICES,
    INGRESSCLASSES,
    INGRESSES,
    SERVICES,
)
from harness.localkube.settings import NodeSettings
from harness.localkube.traefik.controller import run as run_traefik

pytestmark = pytest.mark.processes

PORT = {"port": 80}
NAMESPACE = "default"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def service(name: str) -> dict[str, Any]:
    """Build a Service without a selector, whose endpoints are created separately."""
    return {"metadata": {"name": name}, "spec": {"ports": [PORT]}}


def endpoints(name: str, address: str, port: int) -> dict[str, Any]:
    """Build a slice with the only ready endpoint of a Service."""
    return {
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True, "serving": True, "terminating": False}}],
    }


def ingress(name: str, path: str, service_name: str, class_name: str, **annotations: str) -> dict[str, Any]:
    """Build an Ingress with one path."""
    backend = {"service": {"name": service_name, "port": {"number": 80}}}
    rule = {"http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}
    return {
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"ingressClassName": class_name, "rules": [rule]},
    }


class Plane:
    """A running Traefik with two applications, ``apple`` and ``banana``, that answer their name and the path."""

    def __init__(
        self, client: ApiClient, settings: NodeSettings, http: aiohttp.ClientSession, task: asyncio.Task[None]
    ) -> None:
        self.client = client
        self.settings = settings
        self.task = task
        self._http = http

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a response."""
        url = f"http://{self.settings.block.ingress_address}:{self.settings.entry_port}{path}"
        async with self._http.get(url, headers={"X-Request-Id": "run-0-7"}) as response:
            return response.status, await response.text()

    async def get_when(self, path: str, wanted: str) -> tuple[int, str]:
        """Wait until the body begins with ``wanted`` and return the response."""
        while True:
            with suppress(aiohttp.ClientConnectorError):
                status, body = await self.get(path)
                if body.startswith(wanted):
                    return status, body
            await asyncio.sleep(0.05)

    async def configured(self, **routers: int) -> list[dict[str, Any]]:
        """Wait until the log shows this number of routers for each provider, and return its entries."""
        while True:
            logged = read_lines(self.settings.logs / "ingress-controller.jsonl")
            details = [entry["detail"] for entry in logged if entry["what"] == "configured"]
            if {detail["provider"]: detail["routers"] for detail in details}.items() >= routers.items():
                return logged
            await asyncio.sleep(0.05)


@asynccontextmanager
async def plane(tmp_path: Path, controller: str) -> AsyncIterator[Plane]:
    """Run the API server, two applications and Traefik while the context is open."""
    with take_block() as held:
        block = held.block
        settings = NodeSettings(
            name="test", directory=tmp_path, block=block, profile="instant", seed=1, ingress=controller, nginx=None,
            entry_port=free_port(block.ingress_address, 8080),
        )  # fmt: skip
        async with (
            serve_at(block.node_address, settings.logs / "pods") as url,
            ApiClient(url, "test") as client,
            aiohttp.ClientSession() as http,
            application("apple", block.pod_address(1)),
            application("banana", block.pod_address(2)),
        ):
            for number, name in enumerate(("apple", "banana"), 1):
                await client.create(SERVICES, service(name), NAMESPACE)
                await client.create(ENDPOINTSLICES, endpoints(name, block.pod_address(number), 5678), NAMESPACE)
            task = asyncio.create_task(run_traefik(client, settings, log=settings.logs / "pods" / "traefik.log"))
            try:
                async with asyncio.timeout(PATIENCE):
                    yield Plane(client, settings, http, task)
            except TimeoutError as error:
                known = await cluster_report(client, tmp_path, [task], INGRESSES, ENDPOINTSLICES)
                raise AssertionError(f"the test is not over after {PATIENCE} s:\n{known}") from error
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError, BringUpError):
                    await task


@asynccontextmanager
async def application(name: str, address: str) -> AsyncIterator[None]:
    """Run an application that answers its name and the requested path."""

    async def handle(request: web.BaseRequest) -> web.Response:
        return web.Response(text=f"{name} {request.path}")

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, address, 5678).start()
    try:
        yield
    finally:
        await runner.cleanup()


def test_ingresses_and_ingress_routes_are_served(tmp_path: Path) -> None:
    """Traefik creates its class, routes an Ingress, prefers an IngressRoute of higher priority, and logs both."""

    async def run() -> tuple[Any, ...]:
        async with plane(tmp_path, "traefik") as here:
            await here.client.create(INGRESSES, ingress("fruit", "/fruit", "apple", "traefik"), NAMESPACE)
            first = await here.get_when("/fruit", "apple")
            kinds = {resource.kind: resource for resource in CUSTOM_KINDS}
            route = {"match": "PathPrefix(`/fruit`)", "kind": "Rule", "priority": 1000}
            route |= {"services": [{"name": "split", "kind": "TraefikService"}]}
            split = {"weighted": {"services": [{"name": "banana", "port": 80, "weight": 1}]}}
            await here.client.create(kinds["TraefikService"], {"metadata": {"name": "split"}, "spec": split}, NAMESPACE)
            await here.client.create(
                kinds["IngressRoute"], {"metadata": {"name": "fruit"}, "spec": {"routes": [route]}}, NAMESPACE
            )
            second = await here.get_when("/fruit", "banana")
            nginx = await here.client.get(INGRESSCLASSES, "traefik")
            logged = await here.configured(kubernetes=1, kubernetescrd=1)
            return first, second, logged, nginx["spec"]["controller"], await here.get("/other")

    first, second, logged, controller, other = asyncio.run(run())

    assert (first, second, other[0]) == ((200, "apple /fruit"), (200, "banana /fruit"), 404)
    assert controller == "traefik.io/ingress-controller"
    assert all(entry["monotonic_ns"] > 0 and entry["exact_ns"] > 0 for entry in logged)


def test_access_log_becomes_evidence(tmp_path: Path) -> None:
    """The evidence names attempt, server and status as in every other access log."""

    async def run() -> None:
        async with plane(tmp_path, "traefik") as here:
            await here.client.create(INGRESSES, ingress("fruit", "/fruit", "apple", "traefik"), NAMESPACE)
            await here.get_when("/fruit", "apple")

    asyncio.run(run())
    collect_logs(tmp_path / "logs", tmp_path / "evidence", "traefik")
    lines = read_lines(tmp_path / "evidence" / "access.jsonl")

    assert [lines[-1][name] for name in ("attempt", "status", "upstream_status", "uri")] == [
        "run-0-7", 200, "200", "/fruit",
    ]  # fmt: skip
    assert lines[-1]["upstream_addr"].endswith(".1.1:5678")
    assert (tmp_path / "evidence" / "logs" / "traefik.log").exists()
    assert {line["level"] for line in read_lines(tmp_path / "logs" / "pods" / "traefik.log")} >= {"debug", "info"}


def test_traefik_nginx_reads_annotations_of_ingress_nginx(tmp_path: Path) -> None:
    """The class is that of ingress-nginx, and its rewrite takes effect."""
    rewrite = {"nginx.ingress.kubernetes.io/rewrite-target": "/"}

    async def run() -> tuple[int, str]:
        async with plane(tmp_path, "traefik-nginx") as here:
            await here.client.create(INGRESSES, ingress("fruit", "/fruit", "apple", "nginx", **rewrite), NAMESPACE)
            return await here.get_when("/fruit", "apple")

    assert asyncio.run(run()) == (200, "apple /")


def test_the_end_of_traefik_is_an_error(tmp_path: Path) -> None:
    """A cluster without its ingress would produce wrong verdicts; the error contains Traefik's output."""

    async def run() -> None:
        async with plane(tmp_path, "traefik") as here:
            await here.get_when("/", "404")
            [traefik] = [child for child in psutil.Process().children() if child.name() == "traefik"]
            traefik.kill()
            await here.task

    with pytest.raises(BringUpError) as raised:
        asyncio.run(run())

    assert "Traefik ended by itself with code -9" in raised.value.message
    [*_, last] = (tmp_path / "logs" / "traefik.log").read_text(encoding="utf-8").splitlines()
    assert last in raised.value.detail
