"""The work queue runs one key at a time, loses no key, and retries failures."""

from __future__ import annotations

import asyncio

from harness.localkube.machinery.workqueue import WorkQueue


def test_adds_during_a_run_cause_one_more_run() -> None:
    """A key that is added many times while it runs is handled once more, and never twice at once."""

    async def scenario() -> tuple[int, int]:
        runs = running = most = 0
        release, done = asyncio.Event(), asyncio.Event()

        async def handler(key: str) -> None:
            nonlocal runs, running, most
            runs, running = runs + 1, running + 1
            most = max(most, running)
            await release.wait()
            running -= 1
            if runs == 2:
                done.set()

        async with WorkQueue(handler, name="test") as queue:
            queue.add("a")
            await asyncio.sleep(0)
            for _ in range(5):
                queue.add("a")
            release.set()
            await done.wait()
            await asyncio.sleep(0)
        return runs, most

    assert asyncio.run(scenario()) == (2, 1)


def test_different_keys_run_concurrently() -> None:
    """A key whose handler waits does not delay another key."""

    async def scenario() -> None:
        both = asyncio.Barrier(3)

        async def handler(key: str) -> None:
            await both.wait()

        async with WorkQueue(handler, name="test") as queue:
            queue.add("a")
            queue.add("b")
            async with asyncio.timeout(180):
                await both.wait()

    asyncio.run(scenario())


def test_failures_are_retried() -> None:
    """A handler that raises is called again until it returns."""

    async def scenario() -> int:
        runs = 0
        done = asyncio.Event()

        async def handler(key: str) -> None:
            nonlocal runs
            runs += 1
            if runs < 4:
                raise ValueError(key)
            done.set()

        async with WorkQueue(handler, name="test") as queue:
            queue.add("a")
            async with asyncio.timeout(180):
                await done.wait()
        return runs

    assert asyncio.run(scenario()) == 4


def test_the_earliest_delay_applies() -> None:
    """Of several delayed adds of a key, the earliest applies, and the key is handled once."""

    async def scenario() -> int:
        runs = 0
        done = asyncio.Event()

        async def handler(key: str) -> None:
            nonlocal runs
            runs += 1
            done.set()

        async with WorkQueue(handler, name="test") as queue:
            for seconds in (60, 0.01, 30):
                queue.add_after("a", seconds)
            async with asyncio.timeout(180):
                await done.wait()
        return runs

    assert asyncio.run(scenario()) == 1


def test_leaving_the_context_cancels_handlers() -> None:
    """Leaving the context stops handlers and timers, and later adds have no effect."""

    async def scenario() -> list[str]:
        seen: list[str] = []

        async def handler(key: str) -> None:
            seen.append(f"begin {key}")
            try:
                await asyncio.Event().wait()
            finally:
                seen.append(f"end {key}")

        async with WorkQueue(handler, name="test") as queue:
            queue.add("a")
            queue.add_after("b", 60)
            await asyncio.sleep(0)
        queue.add("c")
        queue.add_after("c", 0)
        await asyncio.sleep(0)
        return seen

    assert asyncio.run(scenario()) == ["begin a", "end a"]
