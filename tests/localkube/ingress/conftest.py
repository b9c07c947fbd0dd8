"""A real nginx with Lua under the real controller, in front of tiny servers; Kubernetes is the API server alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import pytest

from harness.localkube.addresses import AddressBlock, take_block
from harness.localkube.api.server import serve_at
from harness.localkube.ingress.controller import run as run_ingress
from harness.localkube.machinery.client import ApiClient, NotFound
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.resources import ENDPOINTSLICES, EVENTS, INGRESSES, SERVICES
from harness.localkube.nginx.install import NginxInstall, find_or_fetch
from harness.localkube.settings import NodeSettings

#: How long anything awaited may take on a busy machine, seconds.
DEADLINE = 60.0
ANNOTATION = "nginx.ingress.kubernetes.io/"


class Answer(NamedTuple):
    """A response; status 0 if the connection ended instead."""

    status: int
    body: str = ""


class Connection:
    """One kept-alive connection to the data plane, which never sends anything twice."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        #: What the last answer set, in small letters.
        self.cookie = ""

    @classmethod
    async def open(cls, address: str, port: int) -> Self:
        """Connect."""
        return cls(*await asyncio.open_connection(address, port))

    async def request(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer:
        """Send a request and wait for its answer."""
        fields = {"Host": "test", "Content-Length": str(len(body))} | dict(headers or {})
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        async with asyncio.timeout(DEADLINE):
            return await self._answer()

    async def _answer(self) -> Answer:
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
            self.cookie = head.partition("set-cookie: ")[2].partition("\r\n")[0]
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return Answer(0)
        status = int(head.split(" ", 2)[1])
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
        return Answer(status, (await self._reader.readexactly(length)).decode())

    async def closed_by_peer(self) -> bool:
        """Wait until the other side has closed; False at the deadline."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._reader.read(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def is_open(self) -> bool:
        """Whether the other side has not closed yet, as far as is known."""
        return not self._reader.at_eof()

    def close(self) -> None:
        """Close our side."""
        self._writer.close()


@dataclass
class Upstream:
    """A tiny application: answers its name, and keeps what it was asked.

    ``breaks`` makes it close the connection once it has read a request, without an answer; ``held`` makes it wait for
    ``release`` before it answers; ``delay`` is how many seconds it works on each request.
    """

    name: str
    address: str
    port: int = 5678
    breaks: bool = False
    held: bool = False
    delay: float = 0.0
    requests: list[str] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def at(self) -> tuple[str, int]:
        """Where it listens."""
        return (self.address, self.port)

    @property
    def text(self) -> str:
        """Where it listens, as ``ip:port``."""
        return f"{self.address}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                await reader.readexactly(int(length or 0))
                self.requests.append(head)
                if self.breaks:
                    break
                if self.held:
                    await self.release.wait()
                await asyncio.sleep(self.delay)
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.name)}\r\n\r\n{self.name}".encode())
        writer.close()


@dataclass
class Plane:
    """A running data plane and the API it follows."""

    client: ApiClient
    settings: NodeSettings
    task: asyncio.Task[None]

    @property
    def block(self) -> AddressBlock:
        """The addresses of this cluster."""
        return self.settings.block

    @asynccontextmanager
    async def upstream(self, name: str, number: int, **behaviour: Any) -> AsyncIterator[Upstream]:
        """An application at the address of a pod."""
        upstream = Upstream(name, self.block.pod_address(number), **behaviour)
        server = await asyncio.start_server(upstream.serve, *upstream.at)
        try:
            yield upstream
        finally:
            server.close()

    def nowhere(self, number: int) -> tuple[str, int]:
        """The address of a pod at which nobody listens: connections are refused."""
        return (self.block.pod_address(number), 5678)

    async def connect(self) -> Connection:
        """A new connection."""
        return await Connection.open(self.block.ingress_address, self.settings.entry_port)

    async def get(self, path: str, **options: Any) -> Answer:
        """A request on a connection of its own."""
        connection = await self.connect()
        try:
            return await connection.request(path, **options)
        finally:
            connection.close()

    async def cookie(self, path: str, name: str) -> str:
        """The value of a cookie that a first request is given."""
        connection = await self.connect()
        await connection.request(path)
        connection.close()
        given, _, value = connection.cookie.partition(";")[0].partition("=")
        assert given == name
        return value

    async def answers(self, path: str, status: int, body: str | None = None, *, times: int = 20) -> None:
        """Wait until both workers give this answer, as far as a row of new connections can tell."""
        async with asyncio.timeout(DEADLINE):
            row = 0
            while row < times:
                answer = await self.get(path)
                row = row + 1 if answer.status == status and body in {None, answer.body} else 0

    async def gives_sessions(self, path: str, *, times: int = 20) -> None:
        """Wait until both workers give a cookie to who comes without one, as far as a row of connections can tell."""
        async with asyncio.timeout(DEADLINE):
            row = 0
            while row < times:
                connection = await self.connect()
                await connection.request(path)
                connection.close()
                row = row + 1 if connection.cookie else 0

    def sync_log(self, what: str) -> list[dict[str, Any]]:
        """What the controller recorded of one kind."""
        lines = (self.settings.logs / "ingress-controller.jsonl").read_text().splitlines()
        return [entry for entry in map(json.loads, lines) if entry["what"] == what]

    async def recorded(self, what: str, count: int) -> None:
        """Wait until the controller has recorded so many of one kind."""
        await self.until(lambda: len(self.sync_log(what)) >= count)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Look again and again until a condition holds."""
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - it comes true in another process
                await asyncio.sleep(0.01)

    async def warned(self) -> None:
        """Wait until the controller has complained in an Event."""
        async with Informer(self.client, EVENTS) as events:
            await self.until(lambda: any(event["type"] == "Warning" for event in events.items.values()))

    async def published(self, name: str) -> list[Any]:
        """The addresses in an Ingress's status, once there are any."""
        async with Informer(self.client, INGRESSES) as ingresses:

            def addresses() -> list[Any]:
                ingress = ingresses.get(name, "default") or {}
                found: list[Any] = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", [])
                return found

            await self.until(lambda: bool(addresses()))
            return addresses()

    def access(self) -> list[dict[str, Any]]:
        """The access log so far."""
        text = (self.settings.logs / "access.jsonl").read_text()
        # The last line may be half written.
        return [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]

    async def logged(self, attempt: str) -> dict[str, Any]:
        """The access log's line of one request, once it is there."""
        async with asyncio.timeout(DEADLINE):
            while True:
                for line in self.access():
                    if line["attempt"] == attempt:
                        return line
                await asyncio.sleep(0.01)

    async def service(
        self, name: str, *endpoints: tuple[str, int], terminating: Sequence[tuple[str, int]] = ()
    ) -> None:
        """A Service with its endpoints; made, or changed to have these."""
        ready = [_endpoint(address, ready=True) for address, _ in endpoints]
        ready += [_endpoint(address, ready=False) for address, _ in terminating]
        port = (*endpoints, *terminating, ("", 80))[0][1]
        body = {
            "addressType": "IPv4",
            "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "", "port": port, "protocol": "TCP"}],
            "endpoints": ready,
        }
        try:
            await self.client.patch(ENDPOINTSLICES, f"{name}-1", "default", body)
        except NotFound:
            spec = {"selector": {"app": name}, "ports": [{"port": 80, "protocol": "TCP"}]}
            await self.client.create(SERVICES, {"metadata": {"name": name}, "spec": spec}, "default")
            await self.client.create(ENDPOINTSLICES, body, "default")

    async def ingress(self, name: str, paths: Mapping[str, str], *, rewrite: str = "/", accepted: bool = True) -> None:
        """An Ingress from paths to Services; returns once nginx serves by it and the old workers accept no more."""
        reloads = len(self.sync_log("reload"))
        entries = [
            {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}
            for path, service in paths.items()
        ]
        body = {
            "metadata": {"name": name, "annotations": {ANNOTATION + "rewrite-target": rewrite}},
            "spec": {"ingressClassName": "nginx", "rules": [{"http": {"paths": entries}}]},
        }
        await self.client.create(INGRESSES, body, "default")
        if accepted:
            await self.recorded("reload", reloads + 1)

    async def annotate(self, name: str, **annotations: str) -> None:
        """Change an Ingress's annotations; returns at once."""
        notes = {ANNOTATION + key.replace("_", "-"): value for key, value in annotations.items()}
        await self.client.patch(INGRESSES, name, "default", {"metadata": {"annotations": notes}})


def _endpoint(address: str, *, ready: bool) -> dict[str, Any]:
    conditions = {"ready": ready, "serving": True, "terminating": not ready}
    return {"addresses": [address], "conditions": conditions}


class StartPlane(Protocol):
    """Starts a data plane for a block of code."""

    def __call__(self, *, profile: str = "instant") -> AbstractAsyncContextManager[Plane]:
        """A running data plane."""


@pytest.fixture(scope="session")
def nginx() -> NginxInstall:
    """The nginx that the product would use."""
    return find_or_fetch()


@pytest.fixture
def plane(tmp_path: Path, nginx: NginxInstall) -> StartPlane:
    """Starts the API server and the controller; both are gone when its block is left."""

    @asynccontextmanager
    async def start(*, profile: str = "instant") -> AsyncIterator[Plane]:
        with take_block() as held:
            settings = NodeSettings(
                name="test", directory=tmp_path, block=held.block, profile=profile, seed=1, ingress="ingress-nginx",
                nginx=nginx,
            )  # fmt: skip
            url_of = serve_at(held.block.node_address, settings.logs / "pods")
            async with url_of as url, ApiClient(url, "test") as client:
                task, ready = _start(client, settings)
                try:
                    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
                    if task.done():
                        await task
                    yield Plane(client, settings, task)
                finally:
                    ready.cancel()
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    return start


def _start(client: ApiClient, settings: NodeSettings) -> tuple[asyncio.Task[None], asyncio.Task[bool]]:
    ready = asyncio.Event()
    task = asyncio.create_task(run_ingress(client, settings, ready=ready.set))
    return task, asyncio.create_task(ready.wait())
