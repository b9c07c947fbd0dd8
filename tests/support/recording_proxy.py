"""A proxy of an API server that records every write, and finds those outside of a run's namespaces."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web
from command_line import PATIENCE

from harness.kit.waiting import wait_until

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_NAMESPACES = "/api/v1/namespaces"
#: A question what the user may do; the API server stores nothing for it.
_QUESTION = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
#: Headers that are about one connection, not about the request.
_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length"})


@dataclass(frozen=True)
class Write:
    """A request that could change something."""

    method: str
    path: str

    @property
    def namespace(self) -> str:
        """Return the namespace that it affects; empty if it affects the cluster."""
        inside = re.match(r"/(?:api/v1|apis/[^/]+/[^/]+)/namespaces/([^/]+)/", self.path)
        return inside[1] if inside else ""


@dataclass
class Recorded:
    """The record of the requests through the proxy.

    Attributes:
        writes: Every request that could change something, in order.
        made: The namespaces that were created.
    """

    writes: list[Write] = field(default_factory=list)
    made: set[str] = field(default_factory=set)

    def outside(self, *allowed: str) -> list[Write]:
        """Return the writes outside of the namespaces created here, except allowed ones."""
        mine = self.made | set(allowed)
        creation = Write("POST", _NAMESPACES)
        deletions = {Write("DELETE", f"{_NAMESPACES}/{name}") for name in self.made}
        return [
            write
            for write in self.writes
            if write.namespace not in mine
            and write != creation
            and write not in deletions
            and write != Write("POST", _QUESTION)
        ]

    def clear(self) -> None:
        """Forget all records."""
        self.writes.clear()
        self.made.clear()

    def note(self, method: str, path: str, body: bytes) -> None:
        """Record a request."""
        if method in _READS:
            return
        self.writes.append(Write(method, path))
        if (method, path) == ("POST", _NAMESPACES):
            self.made.add(json.loads(body)["metadata"]["name"])


@contextmanager
def recording(kubeconfig: Path, folder: Path) -> Iterator[tuple[Path, Recorded]]:
    """Proxy the API server of a kubeconfig. Yield a kubeconfig for the proxy, and the record."""
    content = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    (cluster,) = content["clusters"]
    recorded, urls, stop = Recorded(), list[str](), threading.Event()
    upstream = cluster["cluster"]["server"]
    thread = threading.Thread(target=lambda: asyncio.run(_serve(upstream, recorded, urls, stop)), name="recording")
    thread.start()
    try:
        wait_until(lambda: urls, timeout=PATIENCE, what="the recording proxy")
        cluster["cluster"]["server"] = urls[0]
        path = folder / "recorded-kubeconfig"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        yield path, recorded
    finally:
        stop.set()
        thread.join()


async def _serve(upstream: str, recorded: Recorded, urls: list[str], stop: threading.Event) -> None:
    async with aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout()) as session:

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            body = await request.read()
            recorded.note(request.method, request.path, body)
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
            url = f"{upstream}{request.raw_path}"
            async with session.request(request.method, url, headers=headers, data=body) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                with suppress(ConnectionError, aiohttp.ClientError):  # a watch that either side has ended
                    async for chunk in answer.content.iter_any():
                        await response.write(chunk)
                    await response.write_eof()
                return response

        runner = web.ServerRunner(web.Server(handle), shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        # Its thread runs before the tests of the fixture begin, each of which must leave no thread of its own.
        stopped = asyncio.get_running_loop().run_in_executor(None, stop.wait)
        urls.append(site.name)
        await stopped
        await runner.cleanup()
