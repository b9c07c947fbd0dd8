"""Start and stop the API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from harness.localkube.api.handlers import RequestHandlers
from harness.localkube.api.log_times import LogTimes
from harness.localkube.api.pod_classes import built_in_classes
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import RequestInfo
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.resources import NAMESPACES, PRIORITYCLASSES
from harness.localkube.settings import NodeSettings
from harness.localkube.system.programs import INGRESS_NGINX

#: Namespaces that exist from the start.
_NAMESPACES = ("default", "kube-system", INGRESS_NGINX.address.namespace)
#: Keep idle connections open: a request sent during a close would fail although the server works.
_KEEPALIVE_SECONDS = 3600.0
#: Watches do not end by themselves, so the shutdown does not wait for them.
_SHUTDOWN_SECONDS = 0.05


@asynccontextmanager
async def serve(settings: NodeSettings) -> AsyncIterator[str]:
    """Serve a cluster's API at its node address while the context is open; yield its base URL."""
    async with serve_at(settings.block.node_address, settings.logs / "pods", ingress=settings.ingress) as url:
        yield url


@asynccontextmanager
async def serve_at(
    address: str, pod_logs: Path, storage: Storage | None = None, *, ingress: str = "ingress-nginx"
) -> AsyncIterator[str]:
    """Serve an API on any free port of an address; yield its base URL.

    Args:
        address: IP address to bind.
        pod_logs: The folder of the pods' log files.
        storage: Initial objects; by default those of an empty cluster.
        ingress: The ingress controller, as named in an Experiment.
    """
    storage = storage or Storage()
    registry = Registry(storage)
    for name in _NAMESPACES:
        if storage.get(NAMESPACES, ("", name)) is None:
            registry.create(RequestInfo(NAMESPACES), {"metadata": {"name": name}})
    for each in built_in_classes():
        if storage.get(PRIORITYCLASSES, ("", each["metadata"]["name"])) is None:
            registry.create(RequestInfo(PRIORITYCLASSES), each)
    log_times = LogTimes(pod_logs)
    handlers = RequestHandlers(storage, pod_logs, log_times, ingress)
    server = web.Server(
        handlers.handle, handler_cancellation=True, access_log=None, keepalive_timeout=_KEEPALIVE_SECONDS
    )
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    looking = asyncio.create_task(log_times.run(), name="times of log lines")
    try:
        await web.TCPSite(runner, address, 0).start()
        port = runner.addresses[0][1]
        yield f"http://{address}:{port}"
    finally:
        looking.cancel()
        await runner.cleanup()
