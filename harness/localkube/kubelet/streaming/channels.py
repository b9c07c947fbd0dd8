"""Carry standard input, output and error over one WebSocket: ``v4.channel.k8s.io`` and ``v5.channel.k8s.io``.

Each message begins with the number of its channel. Version 5 adds a message by which the client ends a channel.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import IntEnum

from aiohttp import WSMsgType, web

from harness.localkube.machinery.objects import Object

#: The protocols, the preferred one first.
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


class ExecChannel(IntEnum):
    """The number of a channel."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    RESULT = 3
    RESIZE = 4
    CLOSE = 255


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A message of the client.

    Attributes:
        channel: Its channel.
        data: The message without the number of its channel.
    """

    channel: int
    data: bytes

    @property
    def ends_input(self) -> bool:
        """Return True if the client sends no more input."""
        return self.channel == ExecChannel.CLOSE and self.data[:1] == bytes([ExecChannel.STDIN])


async def messages(socket: web.WebSocketResponse) -> AsyncIterator[ClientMessage]:
    """Yield the client's messages until it closes the socket."""
    async for message in socket:
        if message.type is WSMsgType.BINARY and message.data:
            yield ClientMessage(message.data[0], message.data[1:])


async def send(socket: web.WebSocketResponse, channel: ExecChannel, data: bytes) -> None:
    """Send data to the client on a channel."""
    await socket.send_bytes(bytes([channel]) + data)


def exited(code: int) -> Object:
    """Return the ``Status`` for the exit code of a program."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failed(message: str) -> Object:
    """Return the ``Status`` for a program that did not start."""
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {message}",
        "reason": "InternalError",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }


async def send_result(socket: web.WebSocketResponse, status: Object) -> None:
    """Send the result, after which nothing follows."""
    await send(socket, ExecChannel.RESULT, json.dumps(status).encode())
    await socket.close()
