"""A connection of a stand-in, which speaks the protocol of its client: HTTP/1.1 or HTTP/2, with or without TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from harness.localkube.apps.http_parser import BadRequestError, Request
from harness.localkube.apps.http_server import HttpConnection, HttpServer, Response

if TYPE_CHECKING:
    from harness.localkube.apps.http2 import Http2Session
    from harness.localkube.apps.tls_layer import TlsServerLayer

#: The first bytes of a client that speaks HTTP/2, with or without TLS.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: The first byte of a TLS handshake.
_HANDSHAKE = 0x16
#: Go's answers to a handshake on a port without TLS, and to a request without TLS on a port with it.
_ONLY_PLAIN = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
_ONLY_TLS = b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class Security(StrEnum):
    """The use of TLS on a port."""

    EITHER = "either"
    REQUIRED = "required"
    NONE = "none"


@dataclass(slots=True)
class Protocols:
    """The protocols of a port.

    Attributes:
        security: The use of TLS.
        certificate: Path of a certificate with its key.
    """

    security: Security
    certificate: Path
    _context: ssl.SSLContext | None = None

    def layer(self) -> TlsServerLayer:
        """Return TLS for a new connection."""
        # TLS and HTTP/2 are imported for the first client that speaks them: most stand-ins never see one.
        module = import_module("harness.localkube.apps.tls_layer")
        if self._context is None:
            self._context = module.server_context(self.certificate)
        made: TlsServerLayer = module.TlsServerLayer(self._context)
        return made

    def connection(self, server: HttpServer) -> AnyProtocolConnection:
        """Return a new connection of a server."""
        return AnyProtocolConnection(server, self)


class AnyProtocolConnection(HttpConnection):
    """A connection whose protocol the first bytes decide.

    Args:
        server: Its server.
        protocols: The protocols of the port.
    """

    def __init__(self, server: HttpServer, protocols: Protocols) -> None:
        super().__init__(server)
        self._protocols = protocols
        self._first = True
        self._tls: TlsServerLayer | None = None
        self._http2: Http2Session | None = None
        self._plain = b""
        self._decided = False

    @property
    def idle(self) -> bool:
        """Return True if no request is in progress."""
        return super().idle and (self._http2 is None or self._http2.idle)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client (asyncio callback)."""
        self.used = True
        if self._first:
            self._first = False
            starts_tls = data[0] == _HANDSHAKE
            if self._protocols.security is (Security.NONE if starts_tls else Security.REQUIRED):
                self._write(_ONLY_PLAIN if starts_tls else _ONLY_TLS)
                self.close()
                return
            if starts_tls:
                self._tls = self._protocols.layer()
        try:
            self._take_plain(self._decrypted(data))
        except (ssl.SSLError, BadRequestError):
            self.close()

    def close(self) -> None:
        """Close the connection after the written data has been sent; a client of HTTP/2 gets GOAWAY."""
        if self._http2 is not None and not self._closing:
            self._write(self._http2.end())
        super().close()

    def _decrypted(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        plain = self._tls.receive(data)
        super()._write(self._tls.to_send())
        return plain

    def _take_plain(self, data: bytes) -> None:
        if not data:
            return
        if not self._decided:
            self._plain += data
            if len(self._plain) < len(_PREFACE) and _PREFACE.startswith(self._plain):
                return
            self._decided, data, self._plain = True, self._plain, b""
            if data.startswith(_PREFACE):
                session = import_module("harness.localkube.apps.http2").Http2Session(self._answer_of_http2)
                self._http2 = session
                self._write(session.begin())
        if self._http2 is not None:
            self._write(self._http2.receive(data))
        else:
            super().data_received(data)

    def _answer_of_http2(self, request: Request) -> Response:
        self._server.record_read(request)
        response = self._server.answer(request, self._peer)
        self._server.record_answer(request, response)
        return response

    def _write(self, data: bytes) -> None:
        if data:
            super()._write(self._tls.send(data) if self._tls is not None else data)
