"""The kubelet: runs pods as processes, each on its own loopback address, and reports their status to the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Only for types: a provider imports ``images`` before anything starts, and must not load an HTTP client for it.
    from harness.localkube.kubelet.container_server import ContainerServer
    from harness.localkube.machinery.client import ApiClient
    from harness.localkube.settings import NodeSettings


async def run_kubelet(client: ApiClient, settings: NodeSettings, server: ContainerServer | None = None) -> None:
    """Register the node and run its pods until cancelled; kill every container before it returns.

    Args:
        client: The API server.
        settings: The cluster's settings.
        server: The fork server that makes containers; None starts one.
    """
    from harness.localkube.kubelet.agent import run  # noqa: PLC0415 - as above

    await run(client, settings, server)
