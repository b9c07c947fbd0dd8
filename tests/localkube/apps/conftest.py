"""Start applications as the kubelet does: through a real fork server, each on its own address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from harness.kit.waiting import wait_until
from harness.localkube.addresses import take_block
from harness.localkube.kubelet.runtime import Process, Runtime

T = TypeVar("T")


class Bench:
    """Starts applications and talks to them over plain sockets."""

    def __init__(self, runtime: Runtime, address: str, folder: Path) -> None:
        self.runtime = runtime
        self.address = address
        self.log = folder / "app.log"
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self, app: str = "http-echo", args: tuple[str, ...] = ("-text=hi",), **env: str) -> Process:
        """Start an application."""
        return await self.runtime.start(
            app=app, args=args, env={"PATH": "/usr/bin:/bin", **env}, address=self.address, log=self.log
        )

    async def connect(self, port: int = 5678) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect once the application listens."""
        await self.until(lambda: not self.refused(port), "a listener")
        stream = await asyncio.open_connection(self.address, port)
        self._writers.append(stream[1])
        return stream

    async def ask(
        self,
        stream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        request: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ) -> tuple[bytes, bytes]:
        """Return (head, body) of the response to a request on a connection."""
        reader, writer = stream
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        return head, await reader.readexactly(size)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition that must be polled."""
        await asyncio.to_thread(wait_until, condition, timeout=180, what=what, interval=0.002)

    def close(self) -> None:
        """Close the connections."""
        for writer in self._writers:
            writer.close()

    def refused(self, port: int = 5678) -> bool:
        """Return True if a new connection is refused now."""
        with socket.socket() as client:
            return client.connect_ex((self.address, port)) != 0


@pytest.fixture
def on_bench(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that runs a scenario with a fork server."""

    def run(scenario: Callable[[Bench], Awaitable[T]]) -> T:
        async def main() -> T:
            with take_block() as held:
                async with Runtime(tmp_path / "containers.log") as runtime, asyncio.timeout(180):
                    bench = Bench(runtime, held.block.pod_address(1), tmp_path)
                    try:
                        return await scenario(bench)
                    finally:
                        bench.close()

        return asyncio.run(main())

    return run
