"""TLS between the bytes of a connection and those of HTTP; it owns no socket and never waits.

OpenSSL works on memory buffers. So only the connection's state machine reads and writes, the operating system gets
every byte once, and an orderly end (``close_notify``) differs from a cut.
Each connection makes a full handshake, and no request travels with it (0-RTT), since the network could deliver such a
request twice.
"""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.model.experiment import Tls

_READ = 64 * 1024


class TlsError(Exception):
    """The certificate was not accepted, or the peer broke the TLS protocol."""


class TlsSettingsError(HarnessError):
    """Invalid TLS settings of the user."""


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """The settings of TLS with one destination.

    Attributes:
        context: Accepted certificates and protocols.
        name: The server's name, to request (SNI; not for an IP address) and to check.
    """

    context: ssl.SSLContext
    name: str

    @classmethod
    def of(cls, tls: Tls, context: ssl.SSLContext, host: str) -> TlsPeer:
        """Build the settings for a destination; ``host`` is its name unless the settings have another.

        Args:
            tls: The settings.
            context: The result of ``make_context``.
            host: Name or IP address, with or without a port.

        Raises:
            TlsSettingsError: The name is invalid.
        """
        made = cls(context, tls.server_name or name_in(host))
        try:
            TlsLayer(made)
        except ValueError as error:
            raise TlsSettingsError(
                f"{made.name!r} is no valid name of a TLS server: {error}.", hint="Write tls: {server_name: …}."
            ) from error
        return made


def make_context(tls: Tls) -> ssl.SSLContext:
    """Build the context of all connections with these settings.

    Raises:
        TlsSettingsError: The file of authorities cannot be read or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
    except ssl.SSLError as error:
        raise TlsSettingsError(f"{tls.ca} holds no certificate in PEM form.") from error
    except OSError as error:
        raise TlsSettingsError(
            f"The authorities' certificates in {Path(tls.ca)} cannot be read: {error.strerror}."
        ) from error
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def name_in(host: str) -> str:
    """Return the name in a ``Host`` header, without port and without the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


class TlsLayer:
    """The client's side of one TLS connection.

    Args:
        secure: The settings.

    Attributes:
        established: The handshake is complete.
        closed: The peer has announced that it sends nothing more (``close_notify``).
        error: The error that made the connection useless; ``take`` may have returned data from before it.
    """

    __slots__ = ("_in", "_out", "_tls", "closed", "error", "established")

    def __init__(self, secure: TlsPeer) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = secure.context.wrap_bio(self._in, self._out, server_hostname=secure.name)
        self.established = False
        self.closed = False
        self.error: TlsError | None = None

    def begin(self) -> None:
        """Make the first message of the handshake, for ``outgoing``."""
        self._handshake()

    def take(self, data: bytes) -> bytes:
        """Process received bytes.

        Args:
            data: Bytes read from the connection.

        Returns:
            The decrypted part of the answer; empty during the handshake and for an incomplete record.

        Raises:
            TlsError: The bytes are no valid TLS, or the certificate is not accepted.
        """
        self._in.write(data)
        if not self.established and not self._handshake():
            return b""
        return b"".join(self._records())

    def put(self, data: bytes) -> None:
        """Encrypt data after the handshake, for ``outgoing``.

        Raises:
            TlsError: The connection is useless.
        """
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise TlsError(_text(error)) from error

    def outgoing(self) -> bytes:
        """Return the bytes to send now, each of them once."""
        return self._out.read()

    def close_notify(self) -> bytes:
        """Return the last bytes of a connection that we end: ``close_notify``, or an alert."""
        if self.established:
            # This would wait for the peer's close_notify; we do not wait.
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
        return self._out.read()

    def _handshake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise TlsError(_text(error)) from error
        self.established = True
        return True

    def _records(self) -> list[bytes]:
        parts = []
        try:
            while part := self._tls.read(_READ):
                parts.append(part)
            self.closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = TlsError(_text(error))
            if not parts:
                raise self.error from error
            # Data from before the error counts.
        return parts


def _text(error: ssl.SSLError) -> str:
    """Return OpenSSL's text, without the place in its source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return (error.reason or str(error)).lower().replace("_", " ")
