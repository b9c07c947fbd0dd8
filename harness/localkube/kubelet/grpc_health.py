"""Ask a container for its health by gRPC (``grpc.health.v1`` over HTTP/2 without TLS), as the kubelet's probes do.

Imported for the first probe of this kind, because most clusters have none and need not wait for HTTP/2.
"""

from __future__ import annotations

import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import ProtocolError

from harness.localkube.apps.grpc_messages import CHECK, CONTENT_TYPE, SERVING, check_request, frame, unframe

_AGENT = "kube-probe/1.34"
_CHUNK = 65536


class UnhealthyError(Exception):
    """The container does not serve, or does not speak gRPC."""


async def check_health(address: str, port: int, service: str) -> None:
    """Check the health of a service; return if it is serving.

    Args:
        address: The pod's address.
        port: The port of its gRPC server.
        service: Name of the service; empty for the whole server.

    Raises:
        OSError: The connection failed.
        UnhealthyError: The service is not serving, or the server does not speak gRPC.
    """
    reader, writer = await asyncio.open_connection(address, port)
    try:
        answer = _Answer(f"{address}:{port}")
        writer.write(answer.request(service))
        while not answer.complete:
            data = await reader.read(_CHUNK)
            if not data:
                raise UnhealthyError("error reading server preface: EOF")
            writer.write(answer.receive(data))
    finally:
        writer.close()
    answer.check()


class _Answer:
    """The answer to a health check.

    Args:
        authority: Address and port of the server.
    """

    def __init__(self, authority: str) -> None:
        self._connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._authority = authority
        self._headers: dict[str, str] = {}
        self._body = b""
        self.complete = False

    def request(self, service: str) -> bytes:
        """Return the bytes of the request."""
        self._connection.initiate_connection()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", CHECK),
            (":authority", self._authority),
            ("content-type", CONTENT_TYPE),
            ("user-agent", _AGENT),
            ("te", "trailers"),
        ]
        try:
            message = frame(check_request(service))
        except ValueError as error:
            raise UnhealthyError(str(error)) from error
        self._connection.send_headers(1, headers)
        self._connection.send_data(1, message, end_stream=True)
        return self._connection.data_to_send()

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the server, and return those to send."""
        try:
            events = self._connection.receive_data(data)
        except ProtocolError as error:
            raise UnhealthyError(f"error reading server preface: {error}") from error
        for event in events:
            if isinstance(event, ResponseReceived | TrailersReceived):
                self._headers |= {str(name): str(value) for name, value in event.headers}
            elif isinstance(event, DataReceived):
                self._body += event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded | StreamReset):
                self.complete = True
            elif isinstance(event, ConnectionTerminated):
                raise UnhealthyError("the server ended the connection")
        return self._connection.data_to_send()

    def check(self) -> None:
        """Raise unless the answer says that the service is serving."""
        if self._headers.get("grpc-status") != "0":
            code = self._headers.get("grpc-status", "unknown")
            raise UnhealthyError(f"service unhealthy (gRPC status {code}, HTTP status {self._headers.get(':status')})")
        try:
            message = unframe(self._body)
        except ValueError as error:
            raise UnhealthyError(f"error: health rpc probe failed: {error}") from error
        if message != SERVING:
            raise UnhealthyError("service unhealthy (responded with another status than SERVING)")
