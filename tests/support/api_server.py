"""The embedded cluster's API server without controllers, in a thread of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.kit.waiting import wait_until
from harness.localkube.api.server import serve_at
from harness.localkube.kubeconfig import write_kubeconfig


@contextmanager
def api_server(folder: Path, address: str, name: str = "test") -> Iterator[Path]:
    """Serve an API. Yield its kubeconfig, with a context of the given name."""
    url: list[str] = []
    stop = threading.Event()

    async def serve() -> None:
        async with serve_at(address, folder) as base:
            url.append(base)
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="api server")
    thread.start()
    try:
        wait_until(lambda: url, timeout=60, what="the API server")
        write_kubeconfig(folder / "kubeconfig", name, url[0])
        yield folder / "kubeconfig"
    finally:
        stop.set()
        thread.join()
