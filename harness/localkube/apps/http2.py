"""Serve HTTP/2 on one connection, with the answers of an HTTP application and with gRPC's health protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from harness.localkube.apps.grpc_messages import CHECK, CONTENT_TYPE, SERVING, frame
from harness.localkube.apps.http_parser import BadRequestError, Request
from harness.localkube.apps.http_server import Response


@dataclass(slots=True)
class Http2Session:
    """The server's side of a connection; ``receive`` its bytes, and send what it returns.

    Attributes:
        answer: Returns the response to a request.
    """

    answer: Callable[[Request], Response]
    _connection: H2Connection = field(
        default_factory=lambda: H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    )
    _requests: dict[int, Request] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Return True if no request is in progress."""
        return not self._requests

    def begin(self) -> bytes:
        """Return the first bytes to send."""
        self._connection.initiate_connection()
        return self._connection.data_to_send()

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the client, and return those to send.

        Raises:
            BadRequestError: They are not HTTP/2, or the client has ended the connection.
        """
        try:
            for event in self._connection.receive_data(data):
                self._take(event)
        except ProtocolError as error:
            raise BadRequestError(str(error)) from error
        return self._connection.data_to_send()

    def end(self) -> bytes:
        """Return the bytes that tell the client to send no more requests on this connection."""
        try:
            self._connection.close_connection(ErrorCodes.NO_ERROR)
        except ProtocolError:
            return b""  # It has ended already.
        return self._connection.data_to_send()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(stream), headers=list(headers)):
                fields = {str(name): str(value) for name, value in headers}
                method, target = fields.pop(":method", ""), fields.pop(":path", "")
                self._requests[stream] = Request(method, target, "HTTP/2", fields)
            case DataReceived(stream_id=int(stream), flow_controlled_length=int(length)):
                self._connection.acknowledge_received_data(length, stream)
            case StreamEnded(stream_id=int(stream)):
                self._send(stream, self._requests.pop(stream))
            case StreamReset(stream_id=int(stream)):
                self._requests.pop(stream, None)
            case ConnectionTerminated():
                raise BadRequestError("the client ended the connection")
            case _:
                pass

    def _send(self, stream: int, request: Request) -> None:
        response = self.answer(request)
        kind = request.headers.get("content-type", "")
        if kind.startswith(CONTENT_TYPE):
            self._send_grpc(stream, request)
            return
        headers = [(":status", str(response.status)), ("content-length", str(len(response.body)))]
        headers += [(name.lower(), value) for name, _, value in (line.partition(": ") for line in response.headers)]
        head_only = request.method == "HEAD"
        self._connection.send_headers(stream, headers, end_stream=head_only)
        if not head_only:
            self._connection.send_data(stream, response.body, end_stream=True)

    def _send_grpc(self, stream: int, request: Request) -> None:
        """Answer a call: a health check with SERVING, any other with an empty message, which every type accepts."""
        message = SERVING if request.target == CHECK else b""
        self._connection.send_headers(stream, [(":status", "200"), ("content-type", CONTENT_TYPE)])
        self._connection.send_data(stream, frame(message))
        self._connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)
