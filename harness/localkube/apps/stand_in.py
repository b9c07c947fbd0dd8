"""A program that replaces an image that the embedded cluster does not have.

No image is pulled, so the program of an unknown image cannot run. Its pods still affect requests: by the time at which
they listen, the results of their probes, and the way they stop. The stand-in copies only this behaviour. It listens,
answers its identity, and stops as configured.
"""

from __future__ import annotations

import asyncio
import signal
from importlib import import_module
from pathlib import Path

from harness.localkube.apps.any_protocol import Protocols, Security
from harness.localkube.apps.http_parser import Request
from harness.localkube.apps.http_server import Answer, HttpServer, Response
from harness.localkube.apps.launch import Launch, say
from harness.localkube.apps.orders import Orders, StopMode
from harness.localkube.apps.receipts import ReceiptWriter


def main(launch: Launch) -> int:
    """Serve until SIGTERM; return the exit code."""
    with ReceiptWriter(launch) as receipts:
        return asyncio.run(_serve(Orders.decode(launch.args[0]), launch.address, receipts))


async def _serve(orders: Orders, address: str, receipts: ReceiptWriter) -> int:
    stop = asyncio.Event()
    if orders.ending is StopMode.IGNORES_SIGTERM:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if orders.grpc:
        import_module("harness.localkube.apps.http2")  # Now, so that the first probe need not wait for it.
    if await _stopped_within(stop, orders.ready):
        return 0
    servers = [
        HttpServer(_identify(orders.identity), receipts, _protocols(orders, port).connection) for port in orders.ports
    ]
    for server, port in zip(servers, orders.ports, strict=True):
        try:
            await server.listen(address, port)
        except OSError as error:
            say(f"stand-in: listen on {address}:{port}: {error.strerror}")
            return 1
        say(f"stand-in: listening on port {port}")
    await stop.wait()
    say("stand-in: SIGTERM received")
    return await _stop(orders, servers)


def _protocols(orders: Orders, port: int) -> Protocols:
    if port in orders.secure:
        return Protocols(Security.REQUIRED, Path(orders.certificate))
    is_plain = port in orders.plain or not orders.certificate
    return Protocols(Security.NONE if is_plain else Security.EITHER, Path(orders.certificate))


async def _stop(orders: Orders, servers: list[HttpServer]) -> int:
    if orders.ending is StopMode.CLOSES_AT_ONCE:
        for server in servers:
            server.close_all()
        return 0
    await asyncio.gather(*(server.shutdown(None) for server in servers))
    if orders.ending is StopMode.EXITS_LATE:
        await asyncio.sleep(orders.late)
    return 0


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for the end of the start; return True if SIGTERM comes first."""
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False


def _identify(identity: str) -> Answer:
    """Answer every request with the identity, so that a route can be checked by status or by this text."""
    response = Response(200, identity.encode() + b"\n", ("Content-Type: text/plain; charset=utf-8",))

    def answer(request: Request, peer: str) -> Response:
        del request, peer
        return response

    return answer
