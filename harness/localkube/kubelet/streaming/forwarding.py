"""Forward connections to the ports of a pod: `kubectl port-forward`.

The client opens two streams for each connection: one for its bytes, and one on which an error is reported.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from aiohttp import WSMsgType, web

from harness.localkube.kubelet.streaming.spdy import SpdyConnection, SpdyError, SpdyStream

#: The subprotocol: SPDY in the messages of a WebSocket.
PROTOCOL = "SPDY/3.1+portforward.k8s.io"
_CHUNK = 64 * 1024


class Forwarder:
    """Connects the streams of one client with a pod.

    Args:
        socket: The client.
        address: The pod's address.
        name: The pod's name, for errors.
    """

    def __init__(self, socket: web.WebSocketResponse, address: str, name: str) -> None:
        self._socket = socket
        self._address = address
        self._name = name
        self._errors: dict[str, SpdyStream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Forward until the client closes the socket."""
        connection = SpdyConnection(self._socket.send_bytes, self._opened)
        try:
            async for message in self._socket:
                if message.type is WSMsgType.BINARY:
                    await connection.feed(message.data)
        except SpdyError:
            await self._socket.close()
        finally:
            connection.end()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _opened(self, stream: SpdyStream) -> None:
        number = stream.headers.get("requestid", "")
        if stream.headers.get("streamtype") == "error":
            self._errors[number] = stream
            return
        task = asyncio.create_task(self._forward(stream, self._errors.pop(number, None)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, data: SpdyStream, errors: SpdyStream | None) -> None:
        port = port_of(data.headers)
        try:
            reader, writer = await asyncio.open_connection(self._address, port)
        except (OSError, OverflowError) as error:
            if errors is not None:
                await errors.write(self._refusal(port, error).encode())
        else:
            try:
                await _copy_both(data, reader, writer)
            finally:
                writer.close()
        for stream in (data, errors):
            if stream is not None:
                await stream.close()

    def _refusal(self, port: int, error: OSError | OverflowError) -> str:
        why = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
        where = f"localhost:{port} inside namespace: dial tcp4 127.0.0.1:{port}"
        return (
            f"error forwarding port {port} to pod {self._name}, uid : failed to execute portforward in network "
            f"namespace: failed to connect to {where}: connect: {why}"
        )


def port_of(headers: Mapping[str, str]) -> int:
    """Return the port that the headers of a stream name; 0 if they name none."""
    text = headers.get("port", "")
    return int(text) if text.isdigit() else 0


async def _copy_both(stream: SpdyStream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy in both directions until the pod has sent all."""

    async def upwards() -> None:
        while chunk := await stream.received.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    sending = asyncio.create_task(upwards())
    try:
        while chunk := await reader.read(_CHUNK):
            await stream.write(chunk)
    except ConnectionError:
        return  # Either side has reset its connection; the other one is closed next.
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
