"""Basic authentication as clients see it, and wrong settings as ingress-nginx treats them; with a real nginx."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest

from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import settings_of
from harness.localkube.ingress.basic_auth import secret_key
from harness.localkube.machinery.resources import SECRETS

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import StartPlane

BASIC = {"auth-type": "basic", "auth-secret": "users", "auth-realm": "Staff only"}


def secret(**values: str) -> dict[str, Any]:
    """Build a Secret."""
    data = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
    return {"metadata": {"name": "users"}, "data": data}


def password(text: str) -> dict[str, str]:
    """Return the header of a user with a password."""
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def annotated(annotations: dict[str, str]) -> dict[str, Any]:
    """Build an Ingress with annotations, given without their prefix."""
    full = {PREFIX + name: value for name, value in annotations.items()}
    return {"metadata": {"name": "x", "namespace": "default", "annotations": full}}


@pytest.mark.nginx
@pytest.mark.processes
def test_requests_need_the_password(plane: StartPlane) -> None:
    """401 with the realm without it; the pods never see it, and other users in the Secret cause a reload."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.client.create(SECRETS, secret(auth="anna:{PLAIN}apple\n"), "default")
            await p.shop(BASIC, paths=("/cart", "/.well-known/acme-challenge/x"))

            refused = await p.gives(401, "/cart")
            assert refused.headers["www-authenticate"] == 'Basic realm="Staff only"'
            assert (await p.exchange("/cart", headers=password("anna:pear"))).status == 401
            assert app.requests == []
            assert (await p.exchange("/cart", headers=password("anna:apple"))).status == 200
            assert "authorization" not in app.requests[-1].lower()
            assert (await p.exchange("/elsewhere")).status == 401
            assert (await p.exchange("/.well-known/acme-challenge/x")).status == 200

            await p.client.patch(SECRETS, "users", "default", secret(auth="anna:{PLAIN}pear\n"))
            await p.gives(200, "/cart", headers=password("anna:pear"))
            await p.recorded("reload", 2)

    asyncio.run(scenario())


@pytest.mark.nginx
@pytest.mark.processes
def test_a_missing_secret_answers_503_until_it_exists(plane: StartPlane) -> None:
    """ingress-nginx denies the location rather than leaving it open."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.shop(BASIC | {"auth-secret-type": "auth-map"})

            await p.gives(503)
            await p.client.create(SECRETS, secret(anna="{PLAIN}apple"), "default")
            await p.gives(401)
            assert (await p.exchange(headers=password("anna:apple"))).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("annotations", "denied"),
    [
        (BASIC, False),
        (BASIC | {"auth-type": "kerberos"}, True),
        (BASIC | {"auth-secret": "others"}, True),
        (BASIC | {"auth-secret": ""}, True),
        (BASIC | {"auth-secret": "default/users"}, False),
        (BASIC | {"auth-secret": "elsewhere/users"}, True),
        (BASIC | {"auth-secret": "a/b/users"}, True),
        (BASIC | {"auth-secret-type": "auth-list"}, True),
        (BASIC | {"auth-secret-type": ""}, False),
        (BASIC | {"auth-type": ""}, False),
    ],
)
def test_wrong_settings_deny(annotations: dict[str, str], denied: bool) -> None:
    """Without a type there is no authentication; every other wrong value answers 503."""
    found = settings_of(annotated(annotations), {("default", "users"): {"auth": b"anna:x"}})

    assert found.denied is denied
    assert (found.auth is None) is (denied or not annotations["auth-type"])


def test_a_secret_without_users_denies() -> None:
    """The key ``auth`` is missing."""
    assert settings_of(annotated(BASIC), {("default", "users"): {"users": b"anna:x"}}).denied


def test_the_secret_is_in_the_namespace_of_the_ingress_by_default() -> None:
    """Its changes cause a sync."""
    assert secret_key(annotated(BASIC)) == ("default", "users")
    assert secret_key(annotated({"auth-secret": "b/users"})) == ("b", "users")
    assert secret_key(annotated({})) is None
