"""Who gets a request where a canary stands beside: by header, cookie, weight and session; real nginx."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.localkube.ingress.conftest import Plane, StartPlane

pytestmark = [pytest.mark.nginx, pytest.mark.processes]


@asynccontextmanager
async def beside(start: StartPlane, *, main: dict[str, str] | None = None, **canary: str) -> AsyncIterator[Plane]:
    """Apps ``old`` and ``new``, the second behind a canary Ingress with these annotations; both are being served."""
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(start())
        old = await stack.enter_async_context(plane.upstream("old", 1))
        new = await stack.enter_async_context(plane.upstream("new", 2))
        await plane.service("old", old.at)
        await plane.service("new", new.at)
        await plane.ingress("fruit", {"/apple": "old"})
        if main:
            await plane.annotate("fruit", **main)
            await plane.gives_sessions("/apple")
        told = len(plane.sync_log("endpoints"))
        await plane.ingress("fruit-canary", {"/apple": "new"}, accepted=False)
        await plane.annotate("fruit-canary", canary="true", **canary)
        await plane.recorded("endpoints", told + 1)
        yield plane


async def asked(plane: Plane, **headers: str) -> str:
    """The answer to a request with these headers."""
    answer = await plane.get("/apple", headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status == 200
    return answer.body


def test_a_weight_is_a_share_and_no_reload(plane: StartPlane) -> None:
    """All, none and half of the requests, one edit after the other, over one connection that nothing closes."""

    async def scenario() -> None:
        async with beside(plane, canary_weight="100") as p:
            reloads = len(p.sync_log("reload"))
            await p.answers("/apple", 200, "new")
            kept = await p.connect()

            await p.annotate("fruit-canary", canary_weight="0")
            await p.answers("/apple", 200, "old")
            await p.annotate("fruit-canary", canary_weight="500", canary_weight_total="1000")
            seen: set[str] = set()
            async with asyncio.timeout(60):
                while seen != {"old", "new"}:
                    seen.add((await kept.request("/apple")).body)
            share = [(await kept.request("/apple")).body for _ in range(1000)].count("new")

            assert 400 <= share <= 600  # Seven standard deviations.
            assert len(p.sync_log("reload")) == reloads
            kept.close()

    asyncio.run(scenario())


def test_header_goes_before_cookie_before_weight(plane: StartPlane) -> None:
    """What the first of them says counts; a word that is neither ``always`` nor ``never`` leaves it to the next."""

    async def scenario() -> None:
        async with beside(plane, canary_by_header="X-Way", canary_by_cookie="way", canary_weight="100") as p:
            await p.answers("/apple", 200, "new")

            assert await asked(p, X_Way="never", Cookie="way=always") == "old"
            assert await asked(p, X_Way="maybe", Cookie="way=never") == "old"
            assert await asked(p, X_Way="maybe", Cookie="way=maybe") == "new"
            await p.annotate("fruit-canary", canary_weight="0")
            await p.answers("/apple", 200, "old")
            assert await asked(p, X_Way="always", Cookie="way=never") == "new"
            assert await asked(p, Cookie="way=always") == "new"

    asyncio.run(scenario())


def test_a_header_by_value_or_pattern(plane: StartPlane) -> None:
    """With a value of its own, ``always`` means nothing; a pattern is asked only where there is no value."""

    async def scenario() -> None:
        async with beside(plane, canary_by_header="X-Way", canary_by_header_pattern="^ea") as p:
            await p.answers("/apple", 200, "old")
            async with asyncio.timeout(60):
                while await asked(p, X_Way="east") != "new":
                    pass

            assert await asked(p, X_Way="always") == "old"
            await p.annotate("fruit-canary", canary_by_header_value="west")
            async with asyncio.timeout(60):
                while await asked(p, X_Way="west") != "new":
                    pass
            await p.answers("/apple", 200, "old")
            assert await asked(p, X_Way="always") == "old"

    asyncio.run(scenario())


def test_a_canary_without_endpoints_gets_nothing(plane: StartPlane) -> None:
    """Its share stays with main; a main backend without endpoints is 503, although its canary could serve."""

    async def scenario() -> None:
        async with beside(plane, canary_weight="100") as p:
            await p.answers("/apple", 200, "new")

            await p.service("new")
            await p.answers("/apple", 200, "old")
            await p.service("new", (p.block.pod_address(2), 5678))
            await p.answers("/apple", 200, "new")
            await p.service("old")
            await p.answers("/apple", 503)

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", ["balanced", "persistent"])
def test_a_session_stays_with_who_began_it(plane: StartPlane, mode: str) -> None:
    """A cookie from the main backend stays there when all others go to the canary, and the other way round."""

    async def scenario() -> None:
        main = {"affinity": "cookie", "session_cookie_name": "visit", "affinity_mode": mode}
        async with beside(plane, main=main, canary_weight="0") as p:
            await p.answers("/apple", 200, "old")
            begun_old = await p.cookie("/apple", "visit")
            await p.annotate("fruit-canary", canary_weight="100")
            await p.answers("/apple", 200, "new")
            begun_new = await p.cookie("/apple", "visit")

            assert [await asked(p, Cookie=f"visit={begun_old}") for _ in range(8)] == ["old"] * 8
            await p.annotate("fruit-canary", canary_weight="0")
            await p.answers("/apple", 200, "old")
            assert [await asked(p, Cookie=f"visit={begun_new}") for _ in range(8)] == ["new"] * 8

    asyncio.run(scenario())
