"""Implement ``xds2000/nginx-hostname``: it answers the pod's name on port 80 and stops as nginx does.

SIGTERM and SIGINT are nginx's fast shutdown, which closes listener and connections at once, even during a response.
SIGQUIT is its graceful shutdown, which closes the listener and finishes the requests in flight.
"""

from __future__ import annotations

import asyncio
import signal

from harness.localkube.apps.http_parser import Request
from harness.localkube.apps.http_server import HttpServer, Response
from harness.localkube.apps.launch import Launch, say
from harness.localkube.apps.receipts import ReceiptWriter

#: Environment variable with another port than 80, for tests that may not use that port.
PORT = "NGINX_PORT"


def main(launch: Launch) -> int:
    """Serve until stopped; return the exit code."""
    return asyncio.run(_serve(launch))


async def _serve(launch: Launch) -> int:
    loop = asyncio.get_running_loop()
    received: asyncio.Future[signal.Signals] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, _receive, received, number)
    response = Response(
        200, launch.env.get("HOSTNAME", "").encode() + b"\n", ("Server: nginx", "Content-Type: text/plain")
    )

    def answer(request: Request, peer: str) -> Response:
        del request, peer
        return response

    port = int(launch.env.get(PORT) or 80)
    with ReceiptWriter(launch) as receipts:
        server = HttpServer(answer, receipts)
        try:
            await server.listen(launch.address, port)
        except OSError as error:
            say(f"nginx: [emerg] bind() to {launch.address}:{port} failed ({error.strerror})")
            return 1
        if await received is signal.SIGQUIT:
            await server.shutdown(None)
        else:
            server.close_all()
    return 0


def _receive(received: asyncio.Future[signal.Signals], number: signal.Signals) -> None:
    if not received.done():
        received.set_result(number)
