"""The HTTP server inside our applications: keep-alive, cheap, and with two exact ways to stop.

How a server stops decides which requests are lost, so both ways follow the originals: Go's ``http.Server.Shutdown``
(listener closed at once, idle connections too, what is in flight may finish) and nginx's fast shutdown (everything
closed at once).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from harness.localkube.apps.http_parser import BadRequestError, Parser, Request

_BACKLOG = 4096
_NEW_SECONDS = 5.0
_POLL_SECONDS = 0.5
_PHRASES: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        status: HTTP status code.
        body: All of it.
        headers: Further header lines, each ``Name: value``.
        delay: Seconds until it is sent.
    """

    status: int
    body: bytes
    headers: tuple[str, ...] = ("Content-Type: text/plain; charset=utf-8",)
    delay: float = 0.0

    def encode(self, *, keep_alive: bool, head_only: bool) -> bytes:
        """The bytes on the wire."""
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Unknown')}", *self.headers]
        lines.append(f"Content-Length: {len(self.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        head = "\r\n".join(lines) + "\r\n\r\n"
        return head.encode("latin-1") + (b"" if head_only else self.body)


#: What the application does with a request; called in the event loop, must not block.
Answer = Callable[[Request, str], Response]


class Connection(asyncio.Protocol):
    """One client's connection; requests are answered one after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._parser = Parser()
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._answering = False
        self._made = asyncio.get_running_loop().time()
        self.used = False

    @property
    def idle(self) -> bool:
        """Whether it is between two requests; as in Go, one without any request yet is new for 5 s and idle then."""
        if not self.used:
            return asyncio.get_running_loop().time() - self._made > _NEW_SECONDS
        return not self._answering and self._parser.idle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        address = transport.get_extra_info("peername")
        self._peer = f"{address[0]}:{address[1]}" if address else ""
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        del exc
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self.used = True
        self._parser.feed(data)
        self._work()

    def close(self) -> None:
        """Close it; what was already written is still sent."""
        if self._transport is not None:
            self._transport.close()

    def _work(self) -> None:
        if self._answering or self._transport is None:
            return
        try:
            for request in self._parser.requests():
                if not self._take(request):
                    return
        except BadRequestError:
            self._transport.write(Response(400, b"").encode(keep_alive=False, head_only=False))
            self.close()
            return
        if self._parser.expects_continue:
            self._parser.expects_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take(self, request: Request) -> bool:
        """Answer a request; False where no other may be taken now."""
        self._parser.expects_continue = False
        response = self._server.answer(request, self._peer)
        if response.delay <= 0:
            return self._send(request, response)
        self._answering = True
        asyncio.get_running_loop().call_later(response.delay, self._send_late, request, response)
        return False

    def _send_late(self, request: Request, response: Response) -> None:
        self._answering = False
        if self._send(request, response):
            self._work()

    def _send(self, request: Request, response: Response) -> bool:
        assert self._transport is not None
        if self._transport.is_closing():
            return False
        keep_alive = request.keep_alive and not self._server.stopping
        self._transport.write(response.encode(keep_alive=keep_alive, head_only=request.method == "HEAD"))
        if not keep_alive:
            self.close()
        return keep_alive


@dataclass(slots=True)
class Server:
    """Serves one address until it is told to stop.

    Attributes:
        answer: What the application does with a request, given the client's address too.
        connections: Those that are open.
        stopping: Set once a shutdown has begun; answers then end their connections.
    """

    answer: Answer
    connections: set[Connection] = field(default_factory=set)
    stopping: bool = False
    _listener: asyncio.Server | None = None
    _empty: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, address: str, port: int) -> int:
        """Open the listener; returns the port, for those who asked for 0."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), address, port, backlog=_BACKLOG)
        number: int = self._listener.sockets[0].getsockname()[1]
        return number

    def forget(self, connection: Connection) -> None:
        """Called by a connection that has ended."""
        self.connections.discard(connection)
        if self.stopping and not self.connections:
            self._empty.set()

    def close_all(self) -> None:
        """Close listener and connections at once, whatever they carry (nginx's fast shutdown)."""
        self._stop_listening()
        for connection in tuple(self.connections):
            connection.close()

    async def shutdown(self, seconds: float | None) -> bool:
        """Close the listener and what is idle; let requests in flight finish for a while (Go's Shutdown).

        A new connection that has not carried a request yet may still send one until it is 5 s old, as in Go.

        Args:
            seconds: How long to wait for them; None for as long as it takes.

        Returns:
            Whether all connections ended by themselves.
        """
        self._stop_listening()
        try:
            async with asyncio.timeout(seconds):
                while self.connections:
                    self._close_idle()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_POLL_SECONDS):
                            await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _close_idle(self) -> None:
        for connection in tuple(self.connections):
            if connection.idle:
                connection.close()

    def _stop_listening(self) -> None:
        self.stopping = True
        if self._listener is not None:
            self._listener.close()
