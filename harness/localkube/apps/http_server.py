"""A cheap HTTP server for our applications, with keep-alive and two exact ways to stop.

The way a server stops decides which requests are lost, so both ways copy the originals. Go's ``http.Server.Shutdown``
closes the listener and idle connections at once, and lets requests in flight finish. nginx's fast shutdown closes
everything at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from harness.localkube.apps.http_parser import BadRequestError, Parser, Request
from harness.localkube.apps.receipts import HEADER, ReceiptWriter

_BACKLOG = 4096
_NEW_SECONDS = 5.0
_POLL_SECONDS = 0.5
_PHRASES: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Response:
    """A response to a request.

    Attributes:
        status: HTTP status code.
        body: The complete body.
        headers: More header lines, each ``Name: value``.
        delay: Seconds before it is sent.
    """

    status: int
    body: bytes
    headers: tuple[str, ...] = ("Content-Type: text/plain; charset=utf-8",)
    delay: float = 0.0

    def encode(self, *, keep_alive: bool, head_only: bool) -> bytes:
        """Return the bytes to send."""
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Unknown')}", *self.headers]
        lines.append(f"Content-Length: {len(self.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        head = "\r\n".join(lines) + "\r\n\r\n"
        return head.encode("latin-1") + (b"" if head_only else self.body)


#: The application's function that answers a request; it runs in the event loop and must not block.
Answer = Callable[[Request, str], Response]


class HttpConnection(asyncio.Protocol):
    """A connection of one client; its requests are answered one after the other."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._parser = Parser()
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._answering = False
        self._made = asyncio.get_running_loop().time()
        self.used = False

    @property
    def idle(self) -> bool:
        """Return True if no request is in progress.

        As in Go, a connection without any request counts as new for 5 s and as idle after that.
        """
        if not self.used:
            return asyncio.get_running_loop().time() - self._made > _NEW_SECONDS
        return not self._answering and self._parser.idle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection (asyncio callback)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        address = transport.get_extra_info("peername")
        self._peer = f"{address[0]}:{address[1]}" if address else ""
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection (asyncio callback)."""
        del exc
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        """Parse the data and answer complete requests (asyncio callback)."""
        self.used = True
        self._parser.feed(data)
        self._work()

    def close(self) -> None:
        """Close the connection after the written data has been sent."""
        if self._transport is not None:
            self._transport.close()

    @property
    def _closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def _work(self) -> None:
        if self._answering or self._transport is None:
            return
        try:
            for request in self._parser.requests():
                if not self._take(request):
                    return
        except BadRequestError:
            self._write(Response(400, b"").encode(keep_alive=False, head_only=False))
            self.close()
            return
        if self._parser.expects_continue:
            self._parser.expects_continue = False
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take(self, request: Request) -> bool:
        """Answer a request; return False if the next one must wait or the connection closes."""
        self._parser.expects_continue = False
        self._server.record_read(request)
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
        if self._closing:
            return False
        keep_alive = request.keep_alive and not self._server.stopping
        self._write(response.encode(keep_alive=keep_alive, head_only=request.method == "HEAD"))
        if not self._closing:
            self._server.record_answer(request, response)
        if not keep_alive:
            self.close()
        return keep_alive


@dataclass(slots=True)
class HttpServer:
    """A server on one address, until it is stopped.

    Attributes:
        answer: The application's function that answers a request; it also receives the client's address.
        receipts: The application's receipts; None to write none.
        connect: Returns a new connection of the server.
        connections: The open connections.
        stopping: True once a shutdown has begun; each response then closes its connection.
    """

    answer: Answer
    receipts: ReceiptWriter | None = None
    connect: Callable[[HttpServer], HttpConnection] = HttpConnection
    connections: set[HttpConnection] = field(default_factory=set)
    stopping: bool = False
    _listener: asyncio.Server | None = None
    _empty: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, address: str, port: int) -> int:
        """Open the listener; return the port, which matters if 0 was requested."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: self.connect(self), address, port, backlog=_BACKLOG)
        number: int = self._listener.sockets[0].getsockname()[1]
        return number

    def record_read(self, request: Request) -> None:
        """Write the receipt of a request that has an id."""
        attempt = request.headers.get(HEADER)
        if attempt and self.receipts is not None:
            self.receipts.read(attempt)

    def record_answer(self, request: Request, response: Response) -> None:
        """Write the receipt of the answer to a request that has an id."""
        attempt = request.headers.get(HEADER)
        if attempt and self.receipts is not None:
            self.receipts.answered(attempt, response.status)

    def forget(self, connection: HttpConnection) -> None:
        """Remove a connection that has ended."""
        self.connections.discard(connection)
        if self.stopping and not self.connections:
            self._empty.set()

    def close_all(self) -> None:
        """Close listener and connections at once, even during a response (nginx's fast shutdown)."""
        self._stop_listening()
        for connection in tuple(self.connections):
            connection.close()

    async def shutdown(self, seconds: float | None) -> bool:
        """Close the listener and idle connections, and let requests in flight finish (Go's Shutdown).

        A new connection that has not carried a request yet may still send one until it is 5 s old, as in Go.

        Args:
            seconds: Time limit for the requests in flight; None for no limit.

        Returns:
            True if all connections ended within the time limit.
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
