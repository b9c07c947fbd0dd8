"""Serve the streams of this node's pods to the API server, which passes them on to clients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from aiohttp import web

from harness.localkube.kubelet.handlers import RunningContainer
from harness.localkube.kubelet.runtime import Runtime
from harness.localkube.machinery.objects import Key

#: Seconds that open streams have to end when the node stops.
_SHUTDOWN_SECONDS = 0.05


class Pod(Protocol):
    """A pod of the node."""

    @property
    def key(self) -> Key:
        """Return its namespace and name."""

    @property
    def address(self) -> str:
        """Return its IP address; empty before it has one."""

    def container(self, name: str) -> RunningContainer | None:
        """Return a container by name; None if none of that name runs."""


class StreamServer:
    """The kubelet's server, on any free port.

    Args:
        find: Returns a pod of this node by namespace and name.
        runtime: Runtime of the containers.
        folder: The folder of the files that executed programs may write; it is made when needed.
    """

    def __init__(self, find: Callable[[str, str], Pod | None], runtime: Runtime, folder: Path) -> None:
        self._find = find
        self._runtime = runtime
        self._folder = folder
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=_SHUTDOWN_SECONDS)

    async def start(self, address: str) -> int:
        """Serve at an address; return the port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, address, 0).start()
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Stop serving, and end all streams."""
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer ``/exec/NAMESPACE/POD/CONTAINER`` and ``/portForward/NAMESPACE/POD``, always by a WebSocket."""
        match request.path.strip("/").split("/"):
            case ["exec", namespace, name, container]:
                return await self._exec(request, namespace, name, container)
            case ["portForward", namespace, name]:
                return await self._forward(request, namespace, name)
        return web.Response(status=404)

    async def _exec(self, request: web.BaseRequest, namespace: str, name: str, container: str) -> web.StreamResponse:
        # Imported on first use: the start of a cluster does not need it.
        from harness.localkube.kubelet.streaming import channels, execution  # noqa: PLC0415 - see above

        socket = web.WebSocketResponse(protocols=channels.PROTOCOLS, max_msg_size=0)
        await socket.prepare(request)
        pod = self._find(namespace, name)
        target = None if pod is None else pod.container(container)
        if target is None:
            why = f'unable to upgrade connection: container not found ("{container}")'
            await channels.send_result(socket, channels.failed(why))
            return socket
        query = request.query
        options = execution.ExecOptions(
            query.getall("command", []), query.get("stdin") == "true", query.get("tty") == "true"
        )
        await execution.serve(socket, self._runtime, target, options, self._folder / f"{namespace}_{name}")
        return socket

    async def _forward(self, request: web.BaseRequest, namespace: str, name: str) -> web.StreamResponse:
        # Imported on first use: the start of a cluster does not need it.
        from harness.localkube.kubelet.streaming import forwarding  # noqa: PLC0415 - see above

        socket = web.WebSocketResponse(protocols=(forwarding.PROTOCOL,), max_msg_size=0)
        await socket.prepare(request)
        pod = self._find(namespace, name)
        await forwarding.Forwarder(socket, "" if pod is None else pod.address, name).run()
        return socket
