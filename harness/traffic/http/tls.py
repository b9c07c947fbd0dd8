"""TLS as a step between the bytes of a connection and those of HTTP; it owns no socket and waits for nothing.

OpenSSL works on memory here. So the connection's state machine stays the only place that reads and writes, every byte
is still given to the operating system once, and a connection that is ended in order (``close_notify``) can be told
from one that is cut. Nothing is taken over from an earlier connection: each one shakes hands in full, and no request
travels with the handshake (0-RTT), since the network could then deliver it twice.
"""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.model.experiment import Tls
from harness.traffic.http.outcomes import TlsError

_READ = 64 * 1024


class TlsSettingsError(HarnessError):
    """What the user says of TLS can't be used."""


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """What it takes to speak TLS with a target.

    Attributes:
        context: Which certificates and protocols are accepted.
        name: The server's name, to ask for (SNI; not of an IP address) and to check.
    """

    context: ssl.SSLContext
    name: str

    @classmethod
    def of(cls, tls: Tls, context: ssl.SSLContext, host: str) -> TlsPeer:
        """For a target that is called ``host`` where the settings name no other.

        Args:
            tls: The settings.
            context: Made of them by ``make_context``.
            host: Name or IP address, with or without a port.

        Raises:
            TlsSettingsError: The name can't be one.
        """
        made = cls(context, tls.server_name or name_in(host))
        try:
            TlsLayer(made)
        except ValueError as error:
            raise TlsSettingsError(
                f"{made.name!r} can't be the name of a TLS server: {error}.", hint="Say it with tls: {server_name: …}."
            ) from error
        return made


def make_context(tls: Tls) -> ssl.SSLContext:
    """The context of all connections that are made with these settings.

    Raises:
        TlsSettingsError: The authorities' file can't be read or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
    except ssl.SSLError as error:
        raise TlsSettingsError(f"{tls.ca} holds no certificate in PEM form.") from error
    except OSError as error:
        raise TlsSettingsError(
            f"The authorities' certificates in {Path(tls.ca)} can't be read: {error.strerror}."
        ) from error
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def name_in(host: str) -> str:
    """The name in a ``Host`` header: without the port, and without the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


class TlsLayer:
    """The client's side of one TLS connection.

    Args:
        secure: Whom it is with, and what is accepted.

    Attributes:
        established: The handshake is over.
        closed: The peer has said that it sends nothing more (``close_notify``).
        error: What made it useless; ``take`` may have returned what came before.
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
        """Make the first message of the handshake; ``outgoing`` has it."""
        self._shake()

    def take(self, data: bytes) -> bytes:
        """Go on with what the connection brought.

        Args:
            data: Bytes read from it.

        Returns:
            What they hold of the answer; nothing while hands are shaken, or where a record is not complete.

        Raises:
            TlsError: It is not what was agreed on, or the certificate is not accepted.
        """
        self._in.write(data)
        if not self.established and not self._shake():
            return b""
        return b"".join(self._records())

    def put(self, data: bytes) -> None:
        """Take what is to be sent, after the handshake; ``outgoing`` has it.

        Raises:
            TlsError: The connection is of no more use.
        """
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise TlsError(_text(error)) from error

    def outgoing(self) -> bytes:
        """Bytes that are to be given to the connection now, each once."""
        return self._out.read()

    def close_notify(self) -> bytes:
        """The last bytes of a connection that we end: that nothing more comes, or what we did not accept."""
        if self.established:
            # It would wait for the peer's farewell; we don't.
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
        return self._out.read()

    def _shake(self) -> bool:
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
            # What came before it in order counts.
        return parts


def _text(error: ssl.SSLError) -> str:
    """What OpenSSL says, without where in its source it says it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return (error.reason or str(error)).lower().replace("_", " ")
