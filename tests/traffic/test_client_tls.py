"""The client and a TLS server: accepted certificates, requested names, and outcomes of failures."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gevent.event
import gevent.ssl
import pytest
import trustme
from client_rig import GET_NEW, GET_REUSED, OK, POST_NEW, POST_REUSED, Rig, always_ok

from harness.model.attempt import Method, Progress
from harness.model.experiment import Pool, Route, Tls
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.store.ledger_format import NEVER
from harness.traffic.http.tls import TlsPeer, make_context

CA = trustme.CA(key_type=trustme.KeyType.ECDSA)


def server_context(*names: str, ca: trustme.CA = CA, **settings: Any) -> Any:
    """Make a server's context, with a certificate for these names."""
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, key_type=trustme.KeyType.ECDSA, **settings).configure_cert(context)
    return context


def secure(name: str = "shop.test", *, verify: bool = True) -> TlsPeer:
    """Make a client's settings that trust the authority of these tests."""
    context = make_context(Tls(verify=verify))
    CA.configure_trust(context)
    return TlsPeer(context, name)


def speaks(handler: Callable[[Any, Any], None], context: Any) -> Callable[[Any, Any], None]:
    """Make a server that gives the handler connections after their handshake, and silently drops others."""

    def handle(connection: Any, address: Any) -> None:
        with connection:
            secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with secured, contextlib.suppress(OSError):
                secured.do_handshake()
                handler(secured, address)

    return handle


def test_requests_go_through_tls_and_each_of_them_once(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """On new and on kept connections; the requested name is independent of the address and the Host header."""
    received: list[bytes] = []
    names: list[str] = []
    context = server_context("shop.test")
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def answer(connection: Any, _address: Any) -> None:
        while data := connection.recv(65536):
            received.append(data)
            connection.sendall(OK)

    made = rig(serve(speaks(answer, context)), secure=secure())
    for stream in (GET_NEW, GET_REUSED, POST_NEW, POST_REUSED) * 3:
        made.attempt(stream)
    ids = [data.split(b"X-Request-ID: ")[1].split(b"\r\n")[0] for data in received]

    assert made.outcomes == ["ok"] * 12
    assert sorted(ids) == sorted(b"t-0-%d" % number for number in range(12))
    assert all(b"\r\nHost: h\r\n" in data for data in received)
    assert set(names) == {"shop.test"}
    assert len(names) == 6 + 2


def test_a_connection_is_established_after_the_handshake(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """Times are in order, and bytes are those on the wire."""
    made = rig(serve(speaks(always_ok, server_context("shop.test"))), secure=secure())
    made.attempt(GET_NEW)
    (row,) = made.rows

    assert 0 < row["sent"] < row["connected"] <= row["first_byte"] <= row["done"]
    assert row["bytes_in"] > len(OK) + 200
    assert row["port"] > 0


@pytest.mark.parametrize(
    ("context", "name", "why"),
    [
        (server_context("shop.test", ca=trustme.CA()), "shop.test", "unable to get local issuer"),
        (server_context("other.test"), "shop.test", "mismatch"),
        (server_context("shop.test", not_after=datetime(2020, 1, 1, tzinfo=UTC)), "shop.test", "expired"),
        (server_context("shop.test"), "127.0.0.1", "mismatch"),
    ],
    ids=["unknown authority", "another name", "expired", "a name for an address"],
)
def test_a_certificate_that_is_not_accepted_is_a_loss(
    serve: Callable[..., int], rig: Callable[..., Rig], context: Any, name: str, why: str
) -> None:
    """Nothing of the request is sent, and the reason is reported in words, unless checks are off."""
    received: list[bytes] = []

    def answer(connection: Any, _address: Any) -> None:
        received.append(connection.recv(65536))
        connection.sendall(OK)

    port = serve(speaks(answer, context))
    made = rig(port, secure=secure(name))
    made.attempt(GET_NEW)
    made.attempt(POST_REUSED)

    assert made.outcomes == ["tls", "tls"]
    assert made.rows["progress"].tolist() == [Progress.NOT_CONNECTED] * 2
    assert made.rows["connected"].tolist() == [NEVER] * 2
    assert [data for data in received if data] == []
    assert all(why in text for text in made.refusals)
    assert made.faults == []

    unchecked = rig(port, secure=secure(name, verify=False))
    unchecked.attempt(GET_NEW)
    assert unchecked.outcomes == ["ok"]


def test_an_address_has_no_server_name_but_is_checked(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """A certificate for the address is accepted; SNI is for names alone (RFC 6066)."""
    names: list[str | None] = []
    context = server_context("127.0.0.1")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    made = rig(serve(speaks(always_ok, context)), secure=secure("127.0.0.1"))
    made.attempt(GET_NEW)

    assert (made.outcomes, names) == (["ok"], [None])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_current_versions_work(
    serve: Callable[..., int], rig: Callable[..., Rig], version: ssl.TLSVersion
) -> None:
    """On kept connections too."""
    context = server_context("shop.test")
    context.minimum_version = context.maximum_version = version
    made = rig(serve(speaks(always_ok, context)), secure=secure(), pool=Pool(size=1))
    made.attempt(GET_REUSED, 3)

    assert (made.outcomes, len(made.opened)) == (["ok"] * 3, 1)


def test_a_server_that_wants_another_protocol_is_a_loss(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """A server without TLS, and one that rejects our versions."""

    def plain(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    made = rig(serve(plain), secure=secure())
    made.attempt(GET_NEW)
    context = server_context("shop.test")
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    narrow = secure()
    narrow.context.minimum_version = ssl.TLSVersion.TLSv1_3
    other = rig(serve(speaks(always_ok, context)), secure=narrow)
    other.attempt(GET_NEW)

    assert (made.outcomes, other.outcomes) == (["tls"], ["tls"])


def test_large_requests_and_answers_pass_through_tls(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """Four megabytes there and ten back: each byte once, whatever the socket takes at a time."""
    path = "/" + "x" * 4_000_000
    size = 10_000_000
    got: list[int] = []

    def large(connection: Any, _address: Any) -> None:
        data = b""
        while b"\r\n\r\n" not in data[-4:]:
            part = connection.recv(1 << 20)
            data = data[-4:] + part
            got.append(len(part))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    made = rig(
        serve(speaks(large, server_context("shop.test"))),
        secure=secure(),
        streams=(Stream(0, path, Method.GET, Shape.NEW),),
        routes=(Route("/", body="x" * size),),
    )
    made.attempt(0)

    assert made.outcomes == ["ok"]
    assert len(path) < sum(got) < len(path) + 300
    assert made.rows["bytes_in"][0] > size


@pytest.mark.parametrize("in_order", [True, False])
def test_the_end_of_an_idle_connection_is_seen(
    serve: Callable[..., int], rig: Callable[..., Rig], in_order: bool
) -> None:
    """With close_notify or without: no request is lost, and it is recorded as the peer's."""

    def once(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        if in_order:
            connection.settimeout(0)
            with pytest.raises(OSError):
                connection.unwrap()
        connection.close()

    made = rig(serve(speaks(once, server_context("shop.test"))), secure=secure(), pool=Pool(size=1))
    made.attempt(GET_REUSED)
    made.until(lambda: made.reasons != ["OPEN"])
    made.attempt(GET_REUSED)

    assert (made.outcomes, made.reasons[0]) == (["ok", "ok"], "PEER_FIN")


def test_the_look_finds_a_close_notify_that_the_loop_has_not_handled(
    serve: Callable[..., int], rig: Callable[..., Rig]
) -> None:
    """A close_notify without a FIN is seen right before the request would be sent."""
    accepted: list[Any] = []
    done = gevent.event.Event()

    def keep(connection: Any, _address: Any) -> None:
        accepted.append(connection)
        connection.recv(65536)
        connection.sendall(OK)
        done.wait()

    made = rig(serve(speaks(keep, server_context("shop.test"))), secure=secure(), pool=Pool(size=1))
    made.attempt(GET_REUSED)
    accepted[0].settimeout(0)
    # Said and sent at once: the loop does not run in between.
    with pytest.raises(OSError):
        accepted[0].unwrap()
    made.heard()
    made.attempt(GET_REUSED)
    done.set()

    assert made.outcomes == ["ok", "ok"]
    assert (made.reasons[0], made.rows["connection"].tolist()) == ("PEER_FIN", [1, 2])


@pytest.mark.parametrize("look", [True, False])
def test_what_is_no_tls_on_an_idle_connection_ends_it(
    serve: Callable[..., int], rig: Callable[..., Rig], look: bool
) -> None:
    """Nobody can use it again, not even a client that does not look; no request is lost to it."""

    def rubbish(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        connection._sock.sendall(b"this is no record")
        connection.recv(1)

    pool = Pool(size=1, look=look)
    made = rig(serve(speaks(rubbish, server_context("shop.test"))), secure=secure(), pool=pool)
    made.attempt(GET_REUSED)
    made.until(lambda: made.reasons != ["OPEN"])
    made.attempt(GET_REUSED)

    assert (made.outcomes, made.reasons[0]) == (["ok", "ok"], "BROKEN")


def test_we_send_close_notify(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """A server can distinguish our end from a cut: it reads the end of the stream, and no error."""
    ends: list[bytes] = []

    def watch(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        # Without close_notify this raises: a bare FIN is an error with this setting.
        connection.suppress_ragged_eofs = False
        ends.append(connection.recv(1))

    made = rig(serve(speaks(watch, server_context("shop.test"))), secure=secure())
    made.attempt(GET_NEW)
    made.until(lambda: bool(ends))

    assert ends == [b""]


def test_a_server_that_never_answers_the_handshake_is_a_connect_timeout(rig: Callable[..., Rig]) -> None:
    """The kernel accepts the connection, but nobody answers the handshake: it has a port, but was never established."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = rig(listener.getsockname()[1], secure=secure(), timeout=0.1)
        made.attempt(GET_NEW)
    (row,) = made.rows

    assert (made.outcomes, row["progress"], row["connected"]) == (["timeout-connect"], Progress.NOT_CONNECTED, NEVER)
    assert row["port"] > 0


def test_a_connection_that_is_opened_ahead_completes_its_handshake_ahead(
    serve: Callable[..., int], rig: Callable[..., Rig]
) -> None:
    """The request that comes later is all that travels then, and it travels once."""
    received: list[bytes] = []

    def answer(connection: Any, _address: Any) -> None:
        while data := connection.recv(65536):
            received.append(data)
            connection.sendall(OK)

    port = serve(speaks(answer, server_context("shop.test")))
    made = rig(port, streams=(Stream(0, "/", Method.GET, Shape.PREOPENED),), secure=secure())
    made.attempt(0)
    made.until(lambda: bool(made.client.idle()))
    made.attempt(0)
    attempt, connection = made.rows[1], made.opened[0]

    assert made.outcomes == ["ok", "ok"]
    assert (attempt["connection"], attempt["carried"]) == (1, 0)
    assert 0 < connection["connected"] < attempt["sent"]
    assert len(received) == 2


def test_a_handshake_that_fails_ahead_is_reported_and_is_no_loss(
    serve: Callable[..., int], rig: Callable[..., Rig]
) -> None:
    """The attempt's own connection shows the same as its outcome."""
    port = serve(speaks(always_ok, server_context("another.test")))
    made = rig(port, streams=(Stream(0, "/", Method.GET, Shape.PREOPENED),), secure=secure())
    made.attempt(0)
    made.until(lambda: made.reasons == ["BROKEN", "BROKEN"])

    assert made.outcomes == ["tls"]
    assert len(made.refusals) == 2
    assert made.faults == []
