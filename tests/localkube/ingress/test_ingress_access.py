"""Lists of clients, rate limits, further names of hosts and hashes as clients see them; with a real nginx."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from tls_parts import secret

from harness.localkube.ingress.access import rate_limit_of
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import hash_of, settings_of
from harness.localkube.machinery.resources import SECRETS
from tests.localkube.ingress.test_ingress_tls import SHOP, serves, trusting

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import StartPlane

ALLOW, OLD_ALLOW, DENY = "allowlist-source-range", "whitelist-source-range", "denylist-source-range"
NGINX = (pytest.mark.nginx, pytest.mark.processes)


def annotated(annotations: dict[str, str]) -> dict[str, Any]:
    """Build an Ingress with annotations, given without their prefix."""
    return {"metadata": {"name": "x", "annotations": {PREFIX + name: value for name, value in annotations.items()}}}


@pytest.mark.parametrize(
    ("annotations", "status"),
    [
        pytest.param({ALLOW: "127.0.0.0/8, 10.0.0.1"}, 200, marks=NGINX),
        pytest.param({ALLOW: "10.0.0.0/8"}, 403, marks=NGINX),
        pytest.param({OLD_ALLOW: "10.0.0.0/8"}, 403, marks=NGINX),
        pytest.param({ALLOW: "127.0.0.0/8", OLD_ALLOW: "10.0.0.0/8"}, 200, marks=NGINX),
        pytest.param({ALLOW: "127.0.0.0/8, office"}, 503, marks=NGINX),
        pytest.param({ALLOW: ""}, 503, marks=NGINX),
        pytest.param({DENY: "127.0.0.0/8"}, 403, marks=NGINX),
        pytest.param({DENY: "10.0.0.0/8"}, 200, marks=NGINX),
        pytest.param({DENY: "nobody"}, 503, marks=NGINX),
    ],
)
def test_lists_of_clients(plane: StartPlane, annotations: dict[str, str], status: int) -> None:
    """A client outside the list gets 403; with an invalid or empty list everybody gets 503, as with ingress-nginx."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.shop(annotations, paths=("/cart",))

            await p.gives(status, "/cart")
            # The default backend has the annotations of the host's oldest Ingress.
            assert (await p.exchange("/elsewhere")).status == (404 if status == 200 else status)
            await p.annotate("shop", allowlist_source_range="0.0.0.0/0", denylist_source_range="10.0.0.1")
            await p.gives(200, "/cart")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("annotations", "limits"),
    [
        ({"limit-rps": "2"}, (0, 2, 0, 5, ())),
        ({"limit-rps": "two", "limit-rpm": "9"}, (0, 0, 9, 5, ())),
        ({"limit-connections": "3", "limit-burst-multiplier": "1"}, (3, 0, 0, 1, ())),
        ({"limit-rps": "2", "limit-burst-multiplier": "many"}, (0, 2, 0, 5, ())),
        ({"limit-rps": "2", "limit-whitelist": "10.0.0.0/8,10.1.1.1"}, (0, 2, 0, 5, ("10.0.0.0/8", "10.1.1.1"))),
        ({"limit-rps": "2", "limit-allowlist": "office"}, None),
        ({"limit-rps": "0"}, None),
        ({"limit-rps": "-1"}, None),
        ({"limit-whitelist": "10.0.0.0/8"}, None),
    ],
)
def test_limits_are_read_together(annotations: dict[str, str], limits: tuple[Any, ...] | None) -> None:
    """A wrong number is ignored; a wrong list of exempt clients disables all limits, as in ingress-nginx."""
    found = rate_limit_of(annotated(annotations))
    values = found and (found.connections, found.per_second, found.per_minute, found.burst, found.exempt)

    assert values == limits


@pytest.mark.nginx
@pytest.mark.processes
def test_requests_above_the_rate_get_503(plane: StartPlane) -> None:
    """One per minute with a burst of two: three pass; exempt clients have no limit."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.shop({"limit-rpm": "1", "limit-burst-multiplier": "2"})

            assert [(await p.exchange()).status for _ in range(6)] == [200, 200, 200, 503, 503, 503]
            await p.annotate("shop", limit_whitelist="127.0.0.0/8")
            await p.gives(200)

    asyncio.run(scenario())


@pytest.mark.nginx
@pytest.mark.processes
def test_connections_above_the_limit_get_503(plane: StartPlane) -> None:
    """While one request is in flight, the next one of the client is refused."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1, held=True) as app:
            await p.service("shop", app.at)
            await p.shop({"limit-connections": "1"})

            first = asyncio.create_task(p.exchange())
            await p.until(lambda: bool(app.requests))
            assert (await p.exchange()).status == 503
            app.release.set()
            assert (await first).status == 200
            await p.gives(200)

    asyncio.run(scenario())


@pytest.mark.nginx
@pytest.mark.processes
def test_an_alias_is_served_like_its_host(plane: StartPlane) -> None:
    """An alias that is itself a host keeps its own rules; TLS needs a certificate that covers the alias."""
    authority = trustme.CA()

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app, p.upstream("v2", 2) as other:
            await p.service("shop", app.at)
            await p.service("blog", other.at)
            await p.client.create(SECRETS, secret(authority, "shop.example", "www.shop.example"), "default")
            await p.shop({"server-alias": "www.shop.example, blog.example,plain.example"}, tls=SHOP)
            await p.shop(name="blog", host="blog.example", service="blog")
            await serves(p, trusting(authority))

            await p.gives(200, host="www.shop.example", tls=trusting(authority), answer="v1")
            await p.gives(200, host="blog.example", answer="v2")
            await p.gives(200, host="plain.example", answer="v1")
            await p.gives(308, host="www.shop.example")
            await p.annotate("shop", server_alias="new.example")
            await p.gives(404, host="plain.example")
            await p.gives(200, host="new.example", answer="v1")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("annotations", "text"),
    [
        ({"upstream-hash-by": "$request_uri$host"}, "$request_uri$host"),
        ({"upstream-hash-by": "${arg_user}-x"}, "${arg_user}-x"),
        ({"upstream-hash-by": "$service_name"}, ""),
        ({"upstream-hash-by": "$uri", "upstream-hash-by-subset": "some"}, ""),
        ({"upstream-hash-by": "$uri", "upstream-hash-by-subset-size": "some"}, ""),
        ({"upstream-hash-by": "$uri", "upstream-hash-by-subset": "false"}, "$uri"),
        ({}, ""),
    ],
)
def test_a_hash_needs_known_variables(annotations: dict[str, str], text: str) -> None:
    """A wrong value about subsets disables the hash, as in ingress-nginx."""
    assert hash_of(annotated(annotations)) == text


@pytest.mark.nginx
@pytest.mark.processes
def test_requests_with_the_same_key_go_to_the_same_pod(plane: StartPlane) -> None:
    """All workers agree, different keys reach both pods, and a new pod needs no reload."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("a", 1) as one, p.upstream("b", 2) as two, p.upstream("c", 3) as three:
            await p.service("shop", one.at, two.at)
            await p.shop({"upstream-hash-by": "$arg_user"})
            await p.gives(200)

            before = {user: {(await p.exchange(f"/?user={user}")).body for _ in range(4)} for user in range(12)}
            assert all(len(bodies) == 1 for bodies in before.values())
            assert {body for bodies in before.values() for body in bodies} == {"a", "b"}
            await p.service("shop", one.at, two.at, three.at)
            await p.until(lambda: len(p.sync_log("endpoints")) >= 2)
            async with asyncio.timeout(180):
                while not three.requests:
                    for user in range(12):
                        await p.exchange(f"/?user={user}")
            kept = [{(await p.exchange(f"/?user={user}")).body} == before[user] for user in range(12)]

            assert sum(kept) >= 4
            assert len(p.sync_log("reload")) == 1

    asyncio.run(scenario())


def test_an_invalid_list_denies() -> None:
    """The settings say so, so that nobody is answered by accident."""
    assert settings_of(annotated({ALLOW: "10.0.0.0/33"})).denied
    assert settings_of(annotated({ALLOW: "10.0.0.0/255.0.0.0"})).denied
    assert not settings_of(annotated({ALLOW: "10.0.0.7/8,::1"})).denied
