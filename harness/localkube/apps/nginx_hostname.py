"""``xds2000/nginx-hostname``: answers its host name, the pod's name, on port 80, and stops as nginx does.

SIGTERM and SIGINT are nginx's fast shutdown: listener and connections are closed at once, whatever they carry. SIGQUIT
is its graceful one: the listener is closed, requests in flight finish.
"""

from __future__ import annotations

import asyncio
import signal

from harness.localkube.apps.http_parser import Request
from harness.localkube.apps.launch import Launch, say
from harness.localkube.apps.serving import Response, Server

#: Another port than 80, for tests that may not use that one.
PORT = "NGINX_PORT"


def main(launch: Launch) -> int:
    """Serve until told to stop; returns the exit code."""
    return asyncio.run(_serve(launch))


async def _serve(launch: Launch) -> int:
    loop = asyncio.get_running_loop()
    told: asyncio.Future[signal.Signals] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, _tell, told, number)
    response = Response(
        200, launch.env.get("HOSTNAME", "").encode() + b"\n", ("Server: nginx", "Content-Type: text/plain")
    )

    def answer(request: Request, peer: str) -> Response:
        del request, peer
        return response

    server = Server(answer)
    port = int(launch.env.get(PORT) or 80)
    try:
        await server.listen(launch.address, port)
    except OSError as error:
        say(f"nginx: [emerg] bind() to {launch.address}:{port} failed ({error.strerror})")
        return 1
    if await told is signal.SIGQUIT:
        await server.shutdown(None)
    else:
        server.close_all()
    return 0


def _tell(told: asyncio.Future[signal.Signals], number: signal.Signals) -> None:
    if not told.done():
        told.set_result(number)
