"""The rotation of a certificate is observed on connections, never assumed."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from harness.changes.perform import perform
from harness.changes.undo import undo_all
from harness.errors import HarnessError
from harness.localkube.ingress.x509 import names_in, self_signed
from harness.model.changes import CertificateRotation
from harness.model.timeline import Event

if TYPE_CHECKING:
    from tests.changes.conftest import World
NS, HOST = "demo", "shop.example"
ROTATION = CertificateRotation(name="rotation", secret="shop-tls", host=HOST)


def certificate(*names: str) -> dict[str, str]:
    """Return certificate and key as in a Secret."""
    made, key = self_signed(names[0], names, 30)
    parts = {"tls.crt": made, "tls.key": key}
    return {name: base64.b64encode(text.encode()).decode() for name, text in parts.items()}


class Server:
    """An ingress controller that serves the certificate of the Secret, or an old one for a while.

    Attributes:
        late: Connections that still get the certificate from the start, each time that it has changed.
        stale: Number of the connections, from the new one on, that get the certificate from the start once more.
    """

    def __init__(self, world: World, *, late: int = 0, stale: tuple[int, ...] = ()) -> None:
        self._world = world
        self._first = self._current()
        self.late = late
        self._stale = set(stale)
        self._new = 0

    def _current(self) -> bytes:
        data = self._world.kube.get("Secret", "shop-tls", NS)["data"]
        return ssl.PEM_cert_to_DER_cert(base64.b64decode(data["tls.crt"]).decode())

    def __call__(self, host: str) -> bytes:
        """Return the certificate of a new connection."""
        assert host == HOST
        current = self._current()
        if current == self._first:
            return current
        if self.late:
            self.late -= 1
            return self._first
        self._new += 1
        return self._first if self._new in self._stale else current


@pytest.fixture
def shop(make_world: Callable[..., World]) -> World:
    """Return a world with two Secrets and a controller that serves the first one."""
    world = make_world(timeout=60.0)
    for name, names in (("shop-tls", (HOST, "www.shop.example")), ("shop-next", (HOST,))):
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": certificate(*names)}
        world.kube.put(manifest, NS)
    world.context = replace(world.context, certificate_of=Server(world))
    return world


def data(world: World, name: str = "shop-tls") -> dict[str, str]:
    """Return the values of a Secret."""
    found: dict[str, str] = world.kube.get("Secret", name, NS)["data"]
    return found


def served(world: World) -> list[Event]:
    """Return the events of the first connection with the new certificate."""
    return [event for event in world.events if event.what == "certificate-served"]


def test_a_new_certificate_for_the_same_names_is_made_and_served(shop: World) -> None:
    """Its key fits, and its fingerprint is in the timeline."""
    before = data(shop)

    assert perform(ROTATION, shop.context)
    after = {key: base64.b64decode(value) for key, value in data(shop).items()}
    made = x509.load_pem_x509_certificate(after["tls.crt"]).fingerprint(SHA256()).hex()
    assert names_in(after["tls.crt"], after["tls.key"]) == (HOST, "www.shop.example")
    assert data(shop) != before
    assert shop.what() == ["begin", "applied", "certificate-served", "observed", "end"]
    assert served(shop)[0].detail["sha256"] == made[:16]


def test_the_certificate_of_another_secret_is_copied(shop: World) -> None:
    """It may be issued by an authority that clients trust."""
    assert perform(replace(ROTATION, source="shop-next"), shop.context)
    assert data(shop) == data(shop, "shop-next")


def test_the_first_connection_with_the_new_certificate_is_recorded(shop: World) -> None:
    """The controller needs a while; nothing is recorded before."""
    shop.context = replace(shop.context, certificate_of=Server(shop, late=3))

    assert perform(ROTATION, shop.context)
    assert len(served(shop)) == 1
    assert shop.what().index("certificate-served") < shop.what().index("observed")


def test_a_worker_with_the_old_certificate_delays_the_observation(shop: World) -> None:
    """One new connection is not enough: they must all get it, in a row."""
    server = Server(shop, stale=(2, 7))
    asked = 0

    def ask(host: str) -> bytes:
        nonlocal asked
        asked += 1
        return server(host)

    shop.context = replace(shop.context, certificate_of=ask)

    assert perform(ROTATION, shop.context)
    assert asked == 7 + 10


def test_a_certificate_that_nobody_serves_is_not_observed(shop: World) -> None:
    """The Secret has the new one, and connections get the old one."""
    shop.context = replace(shop.context, timeout=0.2, certificate_of=Server(shop, late=10_000))

    assert not perform(ROTATION, shop.context)
    assert served(shop) == []
    assert "10 more new connections in a row" in shop.missing()


def test_no_connection_at_all_is_not_observed(shop: World) -> None:
    """An entry that does not answer shows no certificate."""
    shop.context = replace(shop.context, timeout=0.2, certificate_of=lambda _host: b"")

    assert not perform(ROTATION, shop.context)


def test_the_certificate_before_comes_back_between_repetitions_and_at_the_end(shop: World) -> None:
    """Each undo waits until connections get the old certificate again."""
    before = data(shop)
    shop.context = replace(shop.context, restore=True)

    assert perform(replace(ROTATION, times=2), shop.context)
    assert shop.what().count("undo-observed") == 1
    assert len(served(shop)) == 2
    assert [result.outcome for result in undo_all(shop.context.undo, shop.kube)] == ["undone"]
    assert data(shop) == before


def test_the_private_keys_are_not_in_the_timeline(shop: World) -> None:
    """It has a fingerprint only."""
    keys = [data(shop)["tls.key"]]
    perform(ROTATION, shop.context)
    keys.append(data(shop)["tls.key"])
    text = json.dumps([dict(event.detail) for event in shop.events])

    assert not any(key in text for key in keys)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "lacks tls.crt or tls.key"),
        ({"tls.crt": "bm9uZQ==", "tls.key": "bm9uZQ=="}, "no valid certificate with its key"),
    ],
    ids=["empty", "no-pem"],
)
def test_a_secret_without_a_certificate_is_an_error(shop: World, values: dict[str, str], expected: str) -> None:
    """No new one can be derived from it."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-tls"}, "data": values}
    shop.kube.put(secret, NS)

    with pytest.raises(HarnessError, match=expected):
        perform(ROTATION, shop.context)


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ("none", "tls.crt of Secret shop-next has no certificate in PEM form"),
        ("-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", "can't be decoded"),
    ],
    ids=["no-pem", "broken-base64"],
)
def test_a_source_that_is_no_certificate_is_an_error(shop: World, chain: str, expected: str) -> None:
    """Nothing is written then."""
    before = data(shop)
    values = {"tls.crt": base64.b64encode(chain.encode()).decode(), "tls.key": "bm9uZQ=="}
    shop.kube.put({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-next"}, "data": values}, NS)

    with pytest.raises(HarnessError, match=expected):
        perform(replace(ROTATION, source="shop-next"), shop.context)
    assert data(shop) == before
