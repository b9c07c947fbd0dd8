"""TLS on a connection whose first bytes have already been read, which ``asyncio`` cannot add itself."""

from __future__ import annotations

import ssl
from pathlib import Path

_CHUNK = 65536


class TlsServerLayer:
    """The server's side of TLS between received and sent bytes.

    Args:
        context: The server's context.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ready = False

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the client; return the plain bytes in them. ``to_send`` has the answers of the handshake.

        Raises:
            ssl.SSLError: They are not TLS, or the client has ended it.
        """
        self._incoming.write(data)
        plain = b""
        try:
            if not self._ready:
                self._tls.do_handshake()
                self._ready = True
            while chunk := self._tls.read(_CHUNK):
                plain += chunk
        except ssl.SSLWantReadError:
            pass
        return plain

    def send(self, data: bytes) -> bytes:
        """Return plain bytes as bytes to send."""
        self._tls.write(data)
        return self.to_send()

    def to_send(self) -> bytes:
        """Return the bytes that TLS itself has to send."""
        return self._outgoing.read()


def server_context(certificate: Path) -> ssl.SSLContext:
    """Return a context with a certificate and its key; clients may ask for HTTP/2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
