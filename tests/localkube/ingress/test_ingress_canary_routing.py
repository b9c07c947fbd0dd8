"""Requests between a main backend and its canary, by header, cookie, weight and session; with a real nginx."""

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
async def with_canary(start: StartPlane, *, main: dict[str, str] | None = None, **canary: str) -> AsyncIterator[Plane]:
    """Run the apps ``old`` and ``new``, where a canary Ingress with these annotations serves ``new``."""
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(start())
        old = await stack.enter_async_context(plane.upstream("old", 1))
        new = await stack.enter_async_context(plane.upstream("new", 2))
        await plane.service("old", old.at)
        await plane.service("new", new.at)
        await plane.ingress("fruit", {"/apple": "old"})
        if main:
            await plane.annotate("fruit", **main)
            await plane.sets_cookies("/apple")
        logged = len(plane.sync_log("endpoints"))
        await plane.ingress("fruit-canary", {"/apple": "new"}, accepted=False, canary="true", **canary)
        await plane.recorded("endpoints", logged + 1)
        yield plane


async def body_for(plane: Plane, **headers: str) -> str:
    """Return the body of the response to a request with these headers."""
    answer = await plane.get("/apple", headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status == 200
    return answer.body


def test_a_weight_sets_the_share_without_a_reload(plane: StartPlane) -> None:
    """The share changes from all to none to half of the requests on one open connection."""

    async def scenario() -> None:
        async with with_canary(plane, canary_weight="100") as p:
            reloads = len(p.sync_log("reload"))
            await p.answers("/apple", 200, "new")
            kept = await p.connect()

            await p.annotate("fruit-canary", canary_weight="0")
            await p.answers("/apple", 200, "old")
            await p.annotate("fruit-canary", canary_weight="500", canary_weight_total="1000")
            seen: set[str] = set()
            async with asyncio.timeout(180):
                while seen != {"old", "new"}:
                    answer = await kept.request("/apple")
                    assert answer.status == 200
                    seen.add(answer.body)
            share = [(await kept.request("/apple")).body for _ in range(1000)].count("new")

            assert 400 <= share <= 600  # The bounds are about six standard deviations.
            assert len(p.sync_log("reload")) == reloads
            kept.close()

    asyncio.run(scenario())


def test_header_precedes_cookie_precedes_weight(plane: StartPlane) -> None:
    """The first of them that says ``always`` or ``never`` decides; any other value is ignored."""

    async def scenario() -> None:
        async with with_canary(plane, canary_by_header="X-Way", canary_by_cookie="way", canary_weight="100") as p:
            await p.answers("/apple", 200, "new")

            assert await body_for(p, X_Way="never", Cookie="way=always") == "old"
            assert await body_for(p, X_Way="maybe", Cookie="way=never") == "old"
            assert await body_for(p, X_Way="maybe", Cookie="way=maybe") == "new"
            await p.annotate("fruit-canary", canary_weight="0")
            await p.answers("/apple", 200, "old")
            assert await body_for(p, X_Way="always", Cookie="way=never") == "new"
            assert await body_for(p, Cookie="way=always") == "new"

    asyncio.run(scenario())


def test_a_header_is_matched_by_value_or_pattern(plane: StartPlane) -> None:
    """With a configured value, ``always`` has no effect; a pattern is used only without a value."""

    async def scenario() -> None:
        async with with_canary(plane, canary_by_header="X-Way", canary_by_header_pattern="^ea") as p:
            await p.answers("/apple", 200, "old")
            async with asyncio.timeout(180):
                while await body_for(p, X_Way="east") != "new":
                    pass

            assert await body_for(p, X_Way="always") == "old"
            await p.annotate("fruit-canary", canary_by_header_value="west")
            async with asyncio.timeout(180):
                while await body_for(p, X_Way="west") != "new":
                    pass
            await p.answers("/apple", 200, "old")
            assert await body_for(p, X_Way="always") == "old"

    asyncio.run(scenario())


def test_a_canary_without_endpoints_gets_no_requests(plane: StartPlane) -> None:
    """All requests go to main; a main backend without endpoints answers 503, even if its canary could serve."""

    async def scenario() -> None:
        async with with_canary(plane, canary_weight="100") as p:
            await p.answers("/apple", 200, "new")

            await p.service("new")
            await p.answers("/apple", 200, "old")
            await p.service("new", (p.block.pod_address(2), 5678))
            await p.answers("/apple", 200, "new")
            await p.service("old")
            await p.answers("/apple", 503)

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", ["balanced", "persistent"])
def test_a_session_stays_with_its_backend(plane: StartPlane, mode: str) -> None:
    """A cookie of the main backend keeps its session there when all others go to the canary, and vice versa."""

    async def scenario() -> None:
        main = {"affinity": "cookie", "session_cookie_name": "visit", "affinity_mode": mode}
        async with with_canary(plane, main=main, canary_weight="0") as p:
            await p.answers("/apple", 200, "old")
            begun_old = await p.cookie("/apple", "visit")
            await p.annotate("fruit-canary", canary_weight="100")
            await p.answers("/apple", 200, "new")
            begun_new = await p.cookie("/apple", "visit")

            assert [await body_for(p, Cookie=f"visit={begun_old}") for _ in range(8)] == ["old"] * 8
            await p.annotate("fruit-canary", canary_weight="0")
            await p.answers("/apple", 200, "old")
            assert [await body_for(p, Cookie=f"visit={begun_new}") for _ in range(8)] == ["new"] * 8

    asyncio.run(scenario())
