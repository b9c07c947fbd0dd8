"""Implement ``hashicorp/http-echo``, which answers a fixed text on every path, in two versions.

``harness/echo`` is the same program with receipts on every cluster (``kind-config/apps/echo``).

On SIGTERM, 1.x closes its listener and gives requests in flight 5 s. 0.2.3 ignores SIGTERM and serves until it is
killed, which makes a rolling update without preStop look lossless.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NoReturn

from harness.localkube.apps.batched_log import BatchedLog
from harness.localkube.apps.http_parser import Request
from harness.localkube.apps.http_server import Answer, HttpServer, Response
from harness.localkube.apps.launch import IGNORE_SIGTERM, Launch, say
from harness.localkube.apps.receipts import ReceiptWriter

_DRAIN_SECONDS = 5.0
_USAGE_EXIT = 127


class _Usage(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def parse_flags(args: Sequence[str], default_text: str) -> argparse.Namespace:
    """Parse ``text``, ``listen`` and ``status_code``; raise ``ValueError`` for unknown flags or a missing text."""
    parser = _Usage(prog="http-echo", add_help=False, allow_abbrev=False)
    parser.add_argument("-text", "--text", default=default_text)
    parser.add_argument("-listen", "--listen", default=":5678")
    parser.add_argument("-status-code", "--status-code", type=int, default=200)
    flags = parser.parse_args(args)
    if not flags.text:
        raise ValueError("Missing -text option!")
    return flags


def main(launch: Launch) -> int:
    """Serve until stopped; return the exit code."""
    return run(launch, lambda answer: answer, _DRAIN_SECONDS)


def run(launch: Launch, wrap: Callable[[Answer], Answer], drain_seconds: float | None) -> int:
    """Serve with other answers or another drain time.

    Args:
        launch: The start of the container.
        wrap: Converts the original's answer function to the one to use.
        drain_seconds: Time for requests in flight after SIGTERM; None for no limit.

    Returns:
        The exit code.
    """
    try:
        flags = parse_flags(launch.args, launch.env.get("ECHO_TEXT", ""))
        address, port = launch.resolve(flags.listen)
    except ValueError as error:
        say(str(error))
        return _USAGE_EXIT
    return asyncio.run(_serve(launch, flags, (address, port), wrap, drain_seconds))


async def _serve(
    launch: Launch,
    flags: argparse.Namespace,
    where: tuple[str, int],
    wrap: Callable[[Answer], Answer],
    drain_seconds: float | None,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if launch.env.get(IGNORE_SIGTERM):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGINT, stop.set)
    with BatchedLog() as log, ReceiptWriter(launch) as receipts:
        server = HttpServer(wrap(_echo(flags, log)), receipts)
        if await _stopped_within(stop, launch.start_delay):
            return 0
        await server.listen(*where)
        say(f"[INFO] server is listening on {flags.listen}")
        await stop.wait()
        say("[INFO] received terminated, starting shutdown...")
        drained = await server.shutdown(drain_seconds)
    say("[INFO] server shutdown" if drained else "[ERR] server shutdown: context deadline exceeded")
    return 0


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for the end of a slow start; return True if the stop signal comes first."""
    if seconds <= 0:
        return stop.is_set()
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False


@lru_cache(maxsize=1)
def _stamp(second: int) -> str:
    """Return the time of a log line; most requests come in the same second as the one before."""
    return time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(second))


def _echo(flags: argparse.Namespace, log: BatchedLog) -> Answer:
    headers = ("X-App-Name: http-echo", "Content-Type: text/plain; charset=utf-8")
    text = Response(flags.status_code, flags.text.encode() + b"\n", headers)
    health = Response(200, b'{"status":"ok"}\n', ("Content-Type: application/json",))

    def answer(request: Request, peer: str) -> Response:
        response = health if request.target.partition("?")[0] == "/health" else text
        now = _stamp(int(time.time()))
        agent = request.headers.get("user-agent", "")
        log.line(
            f'{now} {request.headers.get("host", "")} {peer} "{request.method} {request.target} {request.version}"'
            f' {response.status} {len(response.body)} "{agent}"'
        )
        return response

    return answer


if __name__ == "__main__":
    # In a real container, where every address belongs to the pod.
    sys.exit(main(Launch(tuple(sys.argv[1:]), os.environ, os.environ.get("POD_IP", "0.0.0.0"))))  # noqa: S104 - see above
