"""The real controller and a real nginx with Lua in front of small servers, with only the API server of a cluster."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import pytest
from cluster_report import PATIENCE, cluster_report

from harness.localkube.addresses import AddressBlock, take_block
from harness.localkube.api.server import serve_at
from harness.localkube.ingress.controller import run as run_ingress
from harness.localkube.machinery.client import ApiClient, NotFound
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.resources import ENDPOINTSLICES, EVENTS, INGRESSES, SERVICES
from harness.localkube.nginx.install import NginxInstall, find_or_fetch
from harness.localkube.settings import NodeSettings

#: Timeout of every wait, in seconds.
DEADLINE = PATIENCE
ANNOTATION = "nginx.ingress.kubernetes.io/"


class Answer(NamedTuple):
    """A response; the status is 0 if the connection ended instead."""

    status: int
    body: str = ""


class Connection:
    """A keep-alive connection to the data plane, which never repeats a request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        #: The cookie that the last response set, in lower case.
        self.cookie = ""

    @classmethod
    async def open(cls, address: str, port: int) -> Self:
        """Connect to the data plane."""
        return cls(*await asyncio.open_connection(address, port))

    async def request(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer:
        """Send a request and wait for its response."""
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
        """Wait until the peer has closed the connection; return False at the timeout."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._reader.read(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def is_open(self) -> bool:
        """Return True if the peer is not known to have closed the connection."""
        return not self._reader.at_eof()

    def close(self) -> None:
        """Close this side of the connection."""
        self._writer.close()


class Reply(NamedTuple):
    """A response with its headers (names in lower case), and the certificate of its connection in DER form."""

    status: int
    headers: Mapping[str, str]
    body: str
    certificate: bytes


@dataclass
class Upstream:
    """A small application that answers its name and records requests.

    ``breaks`` makes it close the connection after it has read a request, without a response. ``held`` makes it wait for
    ``release`` before it answers. ``delay`` is the time in seconds that each request takes.
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
        """Return the address and port on which it listens."""
        return (self.address, self.port)

    @property
    def text(self) -> str:
        """Return the address and port on which it listens, as ``ip:port``."""
        return f"{self.address}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
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
    """A running data plane and the API that it watches."""

    client: ApiClient
    settings: NodeSettings
    task: asyncio.Task[None]

    @property
    def block(self) -> AddressBlock:
        """Return the addresses of this cluster."""
        return self.settings.block

    @asynccontextmanager
    async def upstream(self, name: str, number: int, **behaviour: Any) -> AsyncIterator[Upstream]:
        """Run an application at the address of a pod."""
        upstream = Upstream(name, self.block.pod_address(number), **behaviour)
        server = await asyncio.start_server(upstream.serve, *upstream.at)
        try:
            yield upstream
        finally:
            server.close()

    def nowhere(self, number: int) -> tuple[str, int]:
        """Return the address of a pod on which nothing listens: connections are refused."""
        return (self.block.pod_address(number), 5678)

    async def connect(self) -> Connection:
        """Open a new connection."""
        return await Connection.open(self.block.ingress_address, self.settings.entry_port)

    async def get(self, path: str, **options: Any) -> Answer:
        """Send a request on a new connection."""
        connection = await self.connect()
        try:
            return await connection.request(path, **options)
        finally:
            connection.close()

    async def exchange(
        self, path: str = "/", *, host: str = "shop.example", tls: ssl.SSLContext | None = None, **options: Any
    ) -> Reply:
        """Send a request on a new connection, with TLS if a context is given.

        Args:
            path: Target of the request.
            host: ``Host`` header, and the name that TLS asks for.
            tls: Context of the client.
            options: ``method``, ``headers`` and ``body``.
        """
        port = self.settings.entry_port if tls is None else self.settings.tls_port
        secure: dict[str, Any] = {} if tls is None else {"ssl": tls, "server_hostname": host}
        reader, writer = await asyncio.open_connection(self.block.ingress_address, port, **secure)
        body = str(options.get("body", "")).encode()
        fields = {"Host": host, "Connection": "close", "Content-Length": str(len(body)), **options.get("headers", {})}
        lines = [
            f"{options.get('method', 'GET')} {path} HTTP/1.1",
            *(f"{key}: {value}" for key, value in fields.items()),
        ]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        layer = writer.get_extra_info("ssl_object")
        async with asyncio.timeout(DEADLINE):
            head, _, content = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        first, *rest = head.split("\r\n")
        headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in rest)}
        return Reply(int(first.split(" ")[1]), headers, content, layer.getpeercert(binary_form=True) if layer else b"")

    async def shop(
        self,
        annotations: Mapping[str, str] | None = None,
        *,
        name: str = "shop",
        host: str = "shop.example",
        paths: Sequence[str] = ("/",),
        service: str = "shop",
        tls: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Create an Ingress for a host; return once nginx uses it and the old workers have closed."""
        reloads = len(self.sync_log("reload"))
        entries = [
            {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}
            for path in paths
        ]
        full = {ANNOTATION + key: value for key, value in (annotations or {}).items()}
        body = {
            "metadata": {"name": name, "annotations": full},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": host, "http": {"paths": entries}}]}
            | ({"tls": list(tls)} if tls else {}),
        }
        await self.client.create(INGRESSES, body, "default")
        await self.recorded("reload", reloads + 1)

    async def gives(
        self, status: int, path: str = "/", *, answer: str | None = None, times: int = 20, **options: Any
    ) -> Reply:
        """Wait until both workers give this status, as shown by a row of new connections; return the last reply.

        With ``answer`` the body must be this one, too: name it where the state before gives the same status.
        """
        row = 0
        async with asyncio.timeout(DEADLINE):
            while True:
                reply = await self.exchange(path, **options)
                row = row + 1 if reply.status == status and answer in {None, reply.body} else 0
                if row == times:
                    return reply

    async def cookie(self, path: str, name: str) -> str:
        """Return the value of the cookie that a first request receives."""
        connection = await self.connect()
        await connection.request(path)
        connection.close()
        given, _, value = connection.cookie.partition(";")[0].partition("=")
        assert given == name
        return value

    async def answers(self, path: str, status: int, body: str | None = None, *, times: int = 20) -> None:
        """Wait until both workers give this response, as shown by a row of new connections."""
        async with asyncio.timeout(DEADLINE):
            row = 0
            while row < times:
                answer = await self.get(path)
                row = row + 1 if answer.status == status and body in {None, answer.body} else 0

    async def sets_cookies(self, path: str, *, times: int = 20) -> None:
        """Wait until both workers set a cookie on requests without one, as shown by a row of new connections."""
        async with asyncio.timeout(DEADLINE):
            row = 0
            while row < times:
                connection = await self.connect()
                await connection.request(path)
                connection.close()
                row = row + 1 if connection.cookie else 0

    def sync_log(self, what: str) -> list[dict[str, Any]]:
        """Return the controller's log entries of one kind."""
        lines = (self.settings.logs / "ingress-controller.jsonl").read_text().splitlines()
        return [entry for entry in map(json.loads, lines) if entry["what"] == what]

    async def recorded(self, what: str, count: int) -> None:
        """Wait until the controller has logged this number of entries of one kind."""
        await self.until(lambda: len(self.sync_log(what)) >= count)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Check a condition repeatedly until it is true."""
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - another process makes it true
                await asyncio.sleep(0.01)

    async def warned(self) -> None:
        """Wait until the controller has created a Warning Event."""
        async with Informer(self.client, EVENTS) as events:
            await self.until(lambda: any(event["type"] == "Warning" for event in events.items.values()))

    async def published(self, name: str) -> list[Any]:
        """Wait for the addresses in an Ingress's status and return them."""
        async with Informer(self.client, INGRESSES) as ingresses:

            def addresses() -> list[Any]:
                ingress = ingresses.get(name, "default") or {}
                found: list[Any] = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", [])
                return found

            await self.until(lambda: bool(addresses()))
            return addresses()

    def access(self) -> list[dict[str, Any]]:
        """Return the access log so far."""
        text = (self.settings.logs / "access.jsonl").read_text()
        # The last line may be incomplete.
        return [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]

    async def logged(self, attempt: str) -> dict[str, Any]:
        """Wait for the access log's line of one request and return it."""
        async with asyncio.timeout(DEADLINE):
            while True:
                for line in self.access():
                    if line["attempt"] == attempt:
                        return line
                await asyncio.sleep(0.01)

    async def service(
        self, name: str, *endpoints: tuple[str, int], terminating: Sequence[tuple[str, int]] = ()
    ) -> None:
        """Create a Service with these endpoints, or replace its endpoints."""
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

    async def ingress(
        self, name: str, paths: Mapping[str, str], *, rewrite: str = "/", accepted: bool = True, **annotations: str
    ) -> None:
        """Create an Ingress from paths to Services; return once nginx uses it and the old workers have closed."""
        reloads = len(self.sync_log("reload"))
        entries = [
            {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}
            for path, service in paths.items()
        ]
        body = {
            "metadata": {"name": name, "annotations": _annotations(rewrite_target=rewrite, **annotations)},
            "spec": {"ingressClassName": "nginx", "rules": [{"http": {"paths": entries}}]},
        }
        await self.client.create(INGRESSES, body, "default")
        if accepted:
            await self.recorded("reload", reloads + 1)

    async def annotate(self, name: str, **annotations: str) -> None:
        """Change an Ingress's annotations without waiting for nginx."""
        await self.client.patch(INGRESSES, name, "default", {"metadata": {"annotations": _annotations(**annotations)}})


def _annotations(**values: str) -> dict[str, str]:
    return {ANNOTATION + key.replace("_", "-"): value for key, value in values.items()}


def _endpoint(address: str, *, ready: bool) -> dict[str, Any]:
    conditions = {"ready": ready, "serving": True, "terminating": not ready}
    return {"addresses": [address], "conditions": conditions}


class StartPlane(Protocol):
    """A function that starts a data plane for a block of code."""

    def __call__(self, *, profile: str = "instant") -> AbstractAsyncContextManager[Plane]:
        """Run a data plane while the context is open."""


@pytest.fixture(scope="session")
def nginx() -> NginxInstall:
    """Return the nginx that a cluster would use."""
    return find_or_fetch()


@pytest.fixture
def plane(tmp_path: Path, nginx: NginxInstall) -> StartPlane:
    """Return a function that runs the API server and the controller while its context is open."""

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
                except TimeoutError as error:
                    known = await cluster_report(client, tmp_path, [task], INGRESSES, ENDPOINTSLICES)
                    raise AssertionError(f"a wait is over after {DEADLINE} s:\n{known}") from error
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
