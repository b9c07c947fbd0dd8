"""A stand-in speaks the protocol of its client: HTTP/1.1 and HTTP/2, with and without TLS, and gRPC's health checks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded
from tls_parts import careless

from harness.localkube.apps.any_protocol import Protocols, Security
from harness.localkube.apps.grpc_messages import CHECK, SERVING, check_request, frame, unframe
from harness.localkube.apps.http_parser import Request
from harness.localkube.apps.http_server import HttpServer, Response
from harness.localkube.kubelet.grpc_health import UnhealthyError, check_health

#: Timeout of every wait, in seconds.
DEADLINE = 180.0
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a certificate with its key."""
    path = tmp_path_factory.mktemp("certificate") / "pod.pem"
    trustme.CA().issue_cert("pod.example").private_key_and_cert_chain_pem.write_to_path(path)
    return path


@asynccontextmanager
async def serving(
    certificate: Path, security: Security = Security.EITHER, seen: list[Request] | None = None
) -> AsyncIterator[tuple[HttpServer, int]]:
    """Run a server that answers ``shop``; yield it with its port."""

    def answer(request: Request, _peer: str) -> Response:
        if seen is not None:
            seen.append(request)
        return Response(200, b"shop\n")

    server = HttpServer(answer, connect=Protocols(security, certificate).connection)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        server.close_all()


async def ask(port: int, *, tls: bool) -> bytes:
    """Send a request and return everything that is received."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=careless() if tls else None)
    writer.write(REQUEST)
    async with asyncio.timeout(DEADLINE):
        received = await reader.read()
    writer.close()
    return received


class Client:
    """A client of HTTP/2 on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._connection = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._connection.initiate_connection()
        self.ended = False

    async def ask(self, stream: int) -> tuple[str, bytes]:
        """Send a request on a stream; return status and body."""
        headers = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "shop")]
        self._connection.send_headers(stream, headers, end_stream=True)
        self._writer.write(self._connection.data_to_send())
        status, body = "", b""
        async for event in self.events():
            if isinstance(event, ResponseReceived):
                fields = {str(name): str(value) for name, value in event.headers or ()}
                status = fields[":status"]
            elif isinstance(event, DataReceived):
                body += event.data or b""
            elif isinstance(event, StreamEnded):
                break
        return status, body

    async def events(self) -> AsyncIterator[object]:
        """Yield the events of the connection until it is closed."""
        async with asyncio.timeout(DEADLINE):
            while data := await self._reader.read(65536):
                for event in self._connection.receive_data(data):
                    self.ended = self.ended or isinstance(event, ConnectionTerminated)
                    yield event

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


def test_messages_have_frames() -> None:
    """An incomplete or compressed message is refused."""
    assert unframe(frame(SERVING)) == SERVING
    assert check_request("") == b""
    assert check_request("shop") == b"\x0a\x04shop"
    for wrong in (frame(SERVING)[:-1], b"\x01" + frame(SERVING)[1:], b""):
        with pytest.raises(ValueError, match="no complete message"):
            unframe(wrong)
    with pytest.raises(ValueError, match="more than 127"):
        check_request("a" * 128)


@pytest.mark.parametrize(
    ("security", "plain", "secure"),
    [
        (Security.EITHER, b"200 OK", b"200 OK"),
        (Security.REQUIRED, b"400 Bad Request", b"200 OK"),
        (Security.NONE, b"200 OK", None),
    ],
)
def test_tls_is_required_possible_or_refused(
    certificate: Path, security: Security, plain: bytes, secure: bytes | None
) -> None:
    """On a port with TLS, a request without it gets Go's 400; on a port without, a handshake fails."""

    async def scenario() -> None:
        async with serving(certificate, security) as (_, port):
            assert plain in await ask(port, tls=False)
            if secure is None:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await ask(port, tls=True)
            else:
                assert secure in await ask(port, tls=True)

    asyncio.run(scenario())


def test_http2_is_answered_and_its_end_announced(certificate: Path) -> None:
    """Several requests on a connection get the application's answer; at the end GOAWAY comes before the close."""
    seen: list[Request] = []

    async def scenario() -> tuple[list[tuple[str, bytes]], bool]:
        async with serving(certificate, seen=seen) as (server, port):
            client = Client(*await asyncio.open_connection("127.0.0.1", port))
            answers = [await client.ask(stream) for stream in (1, 3)]
            assert await server.shutdown(DEADLINE)
            async for _ in client.events():
                pass
            client.close()
            return answers, client.ended

    answers, ended = asyncio.run(scenario())

    assert answers == [("200", b"shop\n")] * 2
    assert ended
    assert [(each.method, each.target, each.version) for each in seen] == [("GET", "/", "HTTP/2")] * 2


def test_a_health_check_is_answered(certificate: Path) -> None:
    """The kubelet's probe gets SERVING for the server and for a service."""
    seen: list[Request] = []

    async def scenario() -> None:
        async with serving(certificate, seen=seen) as (_, port):
            for service in ("", "shop"):
                await check_health("127.0.0.1", port, service)

    asyncio.run(asyncio.wait_for(scenario(), DEADLINE))

    assert [(each.method, each.target) for each in seen] == [("POST", CHECK)] * 2


def test_a_health_check_fails_without_grpc(certificate: Path) -> None:
    """A server that speaks only HTTP/1.1, or needs TLS, and a closed port are not healthy."""

    async def scenario() -> None:
        async with serving(certificate, Security.REQUIRED) as (_, port):
            with pytest.raises(UnhealthyError, match="error reading server preface"):
                await check_health("127.0.0.1", port, "")
        plain = HttpServer(lambda _request, _peer: Response(200, b""))
        port = await plain.listen("127.0.0.1", 0)
        with pytest.raises(UnhealthyError, match="error reading server preface"):
            await check_health("127.0.0.1", port, "")
        plain.close_all()
        with pytest.raises(ConnectionRefusedError):
            await check_health("127.0.0.1", port, "")

    asyncio.run(asyncio.wait_for(scenario(), DEADLINE))
