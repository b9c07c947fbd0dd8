"""The endpoint that gets a request: round robin by default, EWMA on request; with a real nginx."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import Connection, Plane, StartPlane, Upstream

pytestmark = [pytest.mark.nginx, pytest.mark.processes]

#: Timeout of every wait, in seconds; enough for a busy machine.
DEADLINE = 180.0


async def both_workers(plane: Plane) -> tuple[Connection, Connection]:
    """Open a keep-alive connection to each worker, in front of two endpoints."""
    first = await plane.connect()
    async with asyncio.timeout(DEADLINE):
        while True:
            second = await plane.connect()
            if not await same_worker(first, second):
                return first, second
            second.close()


async def same_worker(first: Connection, second: Connection) -> bool:
    """Return True if a request on one connection moves the other's position, with two endpoints."""
    before = (await first.request("/apple")).body
    await second.request("/apple")
    return (await first.request("/apple")).body == before


async def counted(plane: Plane, *upstreams: Upstream, times: int) -> list[int]:
    """Return the number of requests that each upstream gets, of ``times`` requests on one new connection."""
    before = [len(upstream.requests) for upstream in upstreams]
    connection = await plane.connect()
    for _ in range(times):
        assert (await connection.request("/apple")).status == 200
    connection.close()
    return [len(upstream.requests) - count for upstream, count in zip(upstreams, before, strict=True)]


def test_idle_endpoints_get_equal_shares(plane: StartPlane) -> None:
    """Two endpoints get half of 400 sequential requests each, over new connections to both workers."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("a", 1) as a, p.upstream("b", 2) as b:
            await p.service("apple", a.at, b.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200)
            before = len(a.requests), len(b.requests)
            for _ in range(400):
                assert (await p.get("/apple")).status == 200

            shares = len(a.requests) - before[0], len(b.requests) - before[1]
            assert sum(shares) == 400
            assert abs(shares[0] - 200) <= 4

    asyncio.run(scenario())


def test_round_robin_ignores_response_times(plane: StartPlane) -> None:
    """On one worker the endpoints alternate exactly, even if one is slow."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("slow", 1, delay=0.01) as slow, p.upstream("fast", 2) as fast:
            await p.service("apple", slow.at, fast.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200)

            assert await counted(p, slow, fast, times=40) == [20, 20]

    asyncio.run(scenario())


def test_each_worker_has_its_own_position(plane: StartPlane) -> None:
    """Requests to one worker do not move the position of the other."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("a", 1) as a, p.upstream("b", 2) as b:
            await p.service("apple", a.at, b.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200)
            first, second = await both_workers(p)
            turns = [((await first.request("/apple")).body, (await second.request("/apple")).body) for _ in range(10)]

            for of_one_worker in zip(*turns, strict=True):
                assert of_one_worker in {("a", "b") * 5, ("b", "a") * 5}
            first.close()
            second.close()

    asyncio.run(scenario())


def test_endpoints_of_another_service_keep_the_position(plane: StartPlane) -> None:
    """New endpoints of another Service do not move this Service's position."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("a", 1) as a, p.upstream("b", 2) as b, p.upstream("v1", 3) as v1:
            await p.service("apple", a.at, b.at)
            await p.service("banana", v1.at)
            await p.ingress("fruit", {"/apple": "apple", "/banana": "banana"})
            await p.answers("/banana", 200, "v1")
            kept = await p.connect()
            turns = []
            for n in range(8):
                await p.service("banana", *([v1.at] if n % 2 else []))
                await p.answers("/banana", 200 if n % 2 else 503)
                turns.append((await kept.request("/apple")).body)

            assert turns in (["a", "b"] * 4, ["b", "a"] * 4)
            kept.close()

    asyncio.run(scenario())


def test_a_retry_takes_the_next_endpoint(plane: StartPlane) -> None:
    """A dead endpoint costs an attempt: the next endpoint answers, and clients see no failure."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("b", 2) as b, p.upstream("c", 3) as c:
            dead = p.nowhere(1)
            await p.service("apple", dead, b.at, c.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200)
            kept = await p.connect()
            for n in range(12):
                assert (await kept.request("/apple", headers={"X-Request-ID": f"turn-{n}"})).status == 200
            tries = [(await p.logged(f"turn-{n}"))["upstream_addr"] for n in range(12)]

            moved_on = f"{dead[0]}:{dead[1]}, {b.text}"
            assert [tries.count(each) for each in (moved_on, b.text, c.text)] in ([6, 0, 6], [5, 1, 6])
            kept.close()

    asyncio.run(scenario())


def test_an_annotation_selects_ewma_without_a_reload(plane: StartPlane) -> None:
    """The slow endpoint loses its share under EWMA and gets it back under round robin; no connection is closed."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("slow", 1, delay=0.05) as slow, p.upstream("fast", 2) as fast:
            await p.service("apple", slow.at, fast.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200)
            kept = await p.connect()
            assert (await kept.request("/apple")).status == 200
            assert await counted(p, slow, fast, times=10) == [5, 5]

            await p.annotate("fruit", load_balance="ewma")
            async with asyncio.timeout(DEADLINE):
                # Under round robin it would always get half of them.
                while (await counted(p, slow, fast, times=40))[0] > 1:
                    pass

            await p.annotate("fruit", load_balance="round_robin")
            async with asyncio.timeout(DEADLINE):
                while await counted(p, slow, fast, times=10) != [5, 5]:
                    pass
            assert len(p.sync_log("reload")) == 1
            assert len(p.sync_log("endpoints")) == 1
            assert (await kept.request("/apple")).status == 200
            kept.close()

    asyncio.run(scenario())
