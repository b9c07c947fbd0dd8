"""TLS in memory: handshakes in pieces of any size, and invalid settings."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.experiment import Tls
from harness.traffic.http.tls import TlsError, TlsLayer, TlsPeer, TlsSettingsError, make_context, name_in

CA = trustme.CA(key_type=trustme.KeyType.ECDSA)
CERTIFICATE = CA.issue_cert("shop.test", key_type=trustme.KeyType.ECDSA)


class Server:
    """The other side."""

    def __init__(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        CERTIFICATE.configure_cert(context)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self.got = b""

    def take(self, data: bytes) -> bytes:
        """Process bytes of the client; return the answer."""
        self._in.write(data)
        try:
            self._tls.do_handshake()
            self.got += self._tls.read(65536)
        except ssl.SSLWantReadError:
            pass
        return self._out.read()

    def say(self, data: bytes, *, last: bool = False) -> bytes:
        """Encrypt data, with close_notify if it is the last."""
        self._tls.write(data)
        if last:
            with pytest.raises(ssl.SSLWantReadError):
                self._tls.unwrap()
        return self._out.read()


def secure() -> TlsPeer:
    """Make a client's settings that trust the authority of these tests."""
    context = make_context(Tls())
    CA.configure_trust(context)
    return TlsPeer(context, "shop.test")


def handshaken() -> tuple[TlsLayer, Server]:
    """Return both sides after the handshake."""
    client, server = TlsLayer(secure()), Server()
    client.begin()
    while not client.established:
        assert client.take(server.take(client.outgoing())) == b""
    client.take(server.take(client.outgoing()))
    return client, server


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 700), min_size=1), body=st.binary(min_size=1, max_size=40_000), ends=st.booleans())
def test_handshake_and_data_pass_in_pieces_of_any_size(sizes: list[int], body: bytes, ends: bool) -> None:
    """Data passes unchanged and once, and close_notify is seen after it and not before."""
    client, server = TlsLayer(secure()), Server()
    client.begin()
    turn = 0
    while not client.established:
        back = server.take(client.outgoing())
        while back:
            size = sizes[turn % len(sizes)]
            turn += 1
            assert client.take(back[:size]) == b""
            back = back[size:]
    client.put(b"request")
    data = server.take(client.outgoing()) + server.say(body, last=ends)
    got = b""
    for at in range(0, len(data), sizes[0]):
        assert not client.closed
        got += client.take(data[at : at + sizes[0]])

    assert (server.got, got, client.closed) == (b"request", body, ends)
    assert client.outgoing() == b""


def test_a_byte_that_was_changed_on_the_way_is_no_answer() -> None:
    """It is an error of TLS, whatever HTTP would have made of it."""
    client, server = handshaken()
    data = bytearray(server.say(b"answer"))
    data[-1] ^= 1

    with pytest.raises(TlsError):
        client.take(bytes(data))


def test_whole_records_before_a_spoilt_one_count() -> None:
    """A complete answer is not lost to what comes behind it; that the connection is useless is known at once."""
    client, server = handshaken()
    good, bad = server.say(b"answer"), bytearray(server.say(b"more"))
    bad[-1] ^= 1

    assert client.take(good + bytes(bad)) == b"answer"
    assert isinstance(client.error, TlsError)


def test_close_notify_is_sent_after_the_handshake() -> None:
    """The peer sees it; before the handshake there is none."""
    client, server = handshaken()
    server.take(client.close_notify())

    assert server._tls.read(1) == b""
    fresh = TlsLayer(secure())
    fresh.begin()
    fresh.outgoing()
    assert fresh.close_notify() == b""


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("shop.test", "shop.test"),
        ("shop.test:8443", "shop.test"),
        ("127.0.0.1:443", "127.0.0.1"),
        ("[::1]:443", "::1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
    ],
)
def test_the_server_is_called_as_in_the_host_header(host: str, name: str) -> None:
    """Without the port and the brackets; a name of its own wins."""
    assert name_in(host) == name
    assert TlsPeer.of(Tls(), make_context(Tls()), host).name == name
    assert TlsPeer.of(Tls(server_name="other.test"), make_context(Tls()), host).name == "other.test"


def test_invalid_settings_are_reported(tmp_path: Path) -> None:
    """A file that is not there, one without a certificate, and a name that can be none."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for ca, why in ((tmp_path / "none.pem", "No such file"), (empty, "no certificate"), (tmp_path, "director")):
        with pytest.raises(TlsSettingsError, match=why):
            make_context(Tls(ca=str(ca)))

    with pytest.raises(TlsSettingsError, match="server_name"):
        TlsPeer.of(Tls(server_name=".test"), make_context(Tls()), "shop.test")


def test_certificates_are_checked_by_default(tmp_path: Path) -> None:
    """The default checks the certificate and the name; a file of authorities replaces the system's."""
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")
    context, own = make_context(Tls()), make_context(Tls(ca=str(tmp_path / "ca.pem")))

    for made in (context, own):
        assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(own.get_ca_certs()) == 1
    assert make_context(Tls(verify=False)).verify_mode == ssl.CERT_NONE
