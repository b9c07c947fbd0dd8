"""TLS at the ingress as clients see it: certificates, redirects to HTTPS and HSTS; with a real nginx."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography import x509
from tls_parts import careless, secret

from harness.localkube.machinery.resources import INGRESSES, SECRETS

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import Plane, StartPlane

pytestmark = [pytest.mark.nginx, pytest.mark.processes]

SHOP = [{"hosts": ["shop.example"], "secretName": "shop-tls"}]


def trusting(*authorities: trustme.CA) -> ssl.SSLContext:
    """Return a client's context that checks certificates against these authorities only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for authority in authorities:
        authority.configure_trust(context)
    return context


def name_in(certificate: bytes) -> str:
    """Return the common name in a certificate."""
    return str(x509.load_der_x509_certificate(certificate).subject.rfc4514_string())


async def serves(plane: Plane, context: ssl.SSLContext) -> None:
    """Wait until HTTPS passes a client's check of the certificate."""
    async with asyncio.timeout(180):
        while True:
            try:
                await plane.exchange(tls=context)
            except ssl.SSLError:
                await asyncio.sleep(0.02)
            else:
                return


def test_https_has_the_secrets_certificate_and_http_is_redirected(plane: StartPlane) -> None:
    """A host with ``tls`` answers HTTPS with HSTS, and HTTP with 308 to the same path, as ingress-nginx does."""
    authority = trustme.CA()

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.client.create(SECRETS, secret(authority, "shop.example"), "default")
            await p.shop(tls=SHOP, paths=("/cart",))
            await serves(p, trusting(authority))

            secure = await p.gives(200, "/cart", tls=trusting(authority))
            plain = await p.gives(308, "/cart/item/?a=1&b=/")
            elsewhere = await p.exchange("/unknown")
            unknown = await p.exchange("/unknown", tls=trusting(authority))

            assert secure.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
            assert "x-forwarded-proto: https" in app.requests[-1].lower()
            assert "x-forwarded-port: 443" in app.requests[-1].lower()
            # ingress-nginx removes a slash at the end of the whole target, even of its query.
            assert plain.headers["location"] == "https://shop.example/cart/item/?a=1&b="
            assert "strict-transport-security" not in plain.headers
            assert (elsewhere.status, unknown.status) == (308, 404)
            assert "strict-transport-security" in unknown.headers

    asyncio.run(scenario())


def test_a_new_tls_section_closes_no_connection(plane: StartPlane) -> None:
    """ingress-nginx sends certificates to running workers, so adding or renewing one reloads nothing."""
    first, second = trustme.CA(), trustme.CA()

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.shop()
            await p.gives(200)
            kept = await p.connect()
            assert (await kept.request("/", headers={"Host": "shop.example"})).status == 200

            await p.client.create(SECRETS, secret(first, "shop.example"), "default")
            await p.client.patch(INGRESSES, "shop", "default", {"spec": {"tls": SHOP}})
            await p.gives(308)
            await p.gives(200, tls=trusting(first))
            await p.client.patch(SECRETS, "shop-tls", "default", secret(second, "shop.example"))
            await serves(p, trusting(second))

            assert (await kept.request("/", headers={"Host": "shop.example"})).status == 308
            assert len(p.sync_log("reload")) == 1
            kept.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", ["absent", "other host", "other key", "garbage"])
def test_an_unusable_secret_means_the_default_certificate(plane: StartPlane, fault: str) -> None:
    """HTTPS is answered with the default certificate, and HTTP is redirected all the same."""
    authority = trustme.CA()
    other = authority.issue_cert("other.example").private_key_pem.bytes()
    secrets = {
        "other host": secret(authority, "other.example"),
        "other key": secret(authority, "shop.example", key=other),
        "garbage": secret(authority, "shop.example", crt=b"no certificate"),
    }

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            if fault in secrets:
                await p.client.create(SECRETS, secrets[fault], "default")
            await p.shop(tls=SHOP)

            await p.gives(308)
            reply = await p.gives(200, tls=careless())

            assert "Kubernetes Ingress Controller Fake Certificate" in name_in(reply.certificate)

    asyncio.run(scenario())


def test_a_secret_made_invalid_keeps_its_last_certificate(plane: StartPlane) -> None:
    """ingress-nginx logs the error and serves what it has; so a wrong renewal breaks no client."""
    authority = trustme.CA()

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.client.create(SECRETS, secret(authority, "shop.example"), "default")
            await p.shop(tls=SHOP)
            await serves(p, trusting(authority))
            syncs = len(p.sync_log("sync"))

            await p.client.patch(SECRETS, "shop-tls", "default", secret(authority, "shop.example", crt=b"no"))
            await p.recorded("sync", syncs + 1)

            await p.gives(200, tls=trusting(authority), answer="v1")

    asyncio.run(scenario())


def test_each_host_has_its_own_certificate(plane: StartPlane) -> None:
    """SNI chooses the certificate; a wildcard's covers one label, and other names get the default one."""
    one, many = trustme.CA(), trustme.CA()

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.client.create(SECRETS, secret(one, "shop.example"), "default")
            await p.client.create(SECRETS, secret(many, "*.shop.example", name="wild"), "default")
            await p.shop(tls=SHOP)
            await p.shop(name="wild", host="*.shop.example", tls=[{"hosts": ["*.shop.example"], "secretName": "wild"}])
            await serves(p, trusting(one))

            assert (await p.gives(200, tls=trusting(one))).status == 200
            assert (await p.gives(200, tls=trusting(many), host="eu.shop.example")).status == 200
            assert (await p.gives(308, host="EU.shop.example")).headers["location"] == "https://EU.shop.example"
            for name in ("a.b.shop.example", "elsewhere.example"):
                stranger = await p.exchange(tls=careless(), host=name)
                assert stranger.status == 404
                assert "Fake Certificate" in name_in(stranger.certificate)
            assert (await p.exchange(host="elsewhere.example")).status == 404

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("annotations", "with_tls", "status"),
    [
        ({}, True, 308),
        ({"ssl-redirect": "false"}, True, 200),
        ({"ssl-redirect": "no"}, True, 308),
        ({"ssl-redirect": "true"}, False, 200),
        ({"force-ssl-redirect": "true"}, False, 308),
        ({"force-ssl-redirect": "yes"}, False, 200),
        ({"force-ssl-redirect": "true", "ssl-redirect": "false"}, True, 308),
    ],
)
def test_annotations_decide_about_the_redirect(
    plane: StartPlane, annotations: dict[str, str], with_tls: bool, status: int
) -> None:
    """HTTP is redirected for hosts with TLS, or if forced; a value that is no switch has no effect."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.shop(annotations, tls=SHOP if with_tls else (), paths=("/", "/.well-known/acme-challenge/x"))

            await p.gives(status)
            assert (await p.exchange("/.well-known/acme-challenge/x")).status == 200
            assert (await p.exchange(tls=careless())).status == 200

    asyncio.run(scenario())
