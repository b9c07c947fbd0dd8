"""Pass the streams of pods on between clients and the kubelet: exec and port-forward, over a WebSocket.

kubectl tries a WebSocket first, and falls back to SPDY if it gets none. A refusal therefore reaches the user by the
second request, so both requests are checked in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from harness.localkube.api import errors
from harness.localkube.api.logs import container_of
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import NODES

#: The subprotocols of each stream, as the kubelet has them.
_PROTOCOLS: Mapping[str, tuple[str, ...]] = {
    "exec": ("v5.channel.k8s.io", "v4.channel.k8s.io"),
    "portforward": ("SPDY/3.1+portforward.k8s.io",),
}
#: The subresources that are served as streams.
STREAMS = frozenset(_PROTOCOLS)


async def serve(request: web.BaseRequest, storage: Storage, pod: Object, subresource: str) -> web.StreamResponse:
    """Connect a client with a pod until either closes the stream.

    Raises:
        StatusError: The stream cannot be opened: 400 for wrong options or a protocol that is not served.
    """
    path = _path(request, pod, subresource)
    address = _kubelet(storage, pod)
    offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    chosen = next((each for each in _PROTOCOLS[subresource] if each in offered), None)
    if request.headers.get("Upgrade", "").lower() != "websocket" or chosen is None:
        known = " or ".join(_PROTOCOLS[subresource])
        raise errors.bad_request(
            f"the embedded cluster serves pods/{subresource} over a WebSocket of {known}: use kubectl 1.31 or later"
        )
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://{address}{path}", protocols=(chosen,), max_msg_size=0) as kubelet,
    ):
        client = web.WebSocketResponse(protocols=(chosen,), max_msg_size=0)
        await client.prepare(request)
        await _relay(client, kubelet)
    return client


def _path(request: web.BaseRequest, pod: Object, subresource: str) -> str:
    """Return the kubelet's path for a request.

    Raises:
        StatusError: 400 for wrong options.
    """
    metadata, query = pod["metadata"], request.query
    if subresource == "portforward":
        return f"/portForward/{metadata['namespace']}/{metadata['name']}"
    container = container_of(pod, query.get("container", ""))
    command = query.getall("command", [])
    if not command:
        raise errors.bad_request("you must specify at least one command for the container")
    flags = [(name, "true") for name in ("stdin", "stdout", "stderr", "tty") if query.get(name) in {"true", "1"}]
    if not flags:
        raise errors.bad_request("you must specify at least 1 of stdin, stdout, stderr")
    options = urlencode([*(("command", word) for word in command), *flags])
    return f"/exec/{metadata['namespace']}/{metadata['name']}/{container}?{options}"


def _kubelet(storage: Storage, pod: Object) -> str:
    """Return address and port of the kubelet that runs a pod.

    Raises:
        StatusError: 400 for a pod without a node, 500 if its node has no kubelet.
    """
    name = pod["spec"].get("nodeName", "")
    if not name:
        raise errors.bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    status = (storage.get(NODES, ("", name)) or {}).get("status", {})
    port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port")
    addresses = [each["address"] for each in status.get("addresses", ()) if each["type"] == "InternalIP"]
    if not port or not addresses:
        raise errors.server_error(f"node {name} has no kubelet")
    return f"{addresses[0]}:{port}"


async def _relay(client: web.WebSocketResponse, kubelet: aiohttp.ClientWebSocketResponse) -> None:
    """Pass messages in both directions until either side closes; then close the other one."""

    async def upwards() -> None:
        async for message in client:
            if message.type is WSMsgType.BINARY:
                await kubelet.send_bytes(message.data)

    async def downwards() -> None:
        async for message in kubelet:
            if message.type is WSMsgType.BINARY:
                await client.send_bytes(message.data)

    tasks = [asyncio.create_task(upwards()), asyncio.create_task(downwards())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.close()
