"""When kube-proxy programs, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from harness.localkube.proxy.bounded_runner import BoundedRunner


def runs(*requests: float, min_interval: float = 1.0) -> list[float]:
    """When the work ran, of requests at these seconds of the test's clock."""
    now = 0.0
    ran: list[float] = []
    wanted: Iterator[float] = iter(sorted(requests))

    async def scenario() -> None:
        nonlocal now
        upcoming = next(wanted, None)

        async def sleep(seconds: float) -> None:
            nonlocal now, upcoming
            end = now + seconds
            while upcoming is not None and upcoming <= end:
                now = upcoming
                runner.request()
                upcoming = next(wanted, None)
            now = end

        runner = BoundedRunner(lambda: ran.append(now), min_interval, clock=lambda: now, sleep=sleep)
        task = asyncio.create_task(runner.run())
        while upcoming is not None:
            now = max(now, upcoming)
            runner.request()
            upcoming = next(wanted, None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    return ran


def test_a_change_after_a_rest_is_programmed_at_once() -> None:
    """Nobody waits for a tick."""
    assert runs(5.0, 9.0) == [5.0, 9.0]


def test_the_second_within_a_second_waits() -> None:
    """It is programmed one second after the first, not one second after itself."""
    assert runs(5.0, 5.3, 8.0) == [5.0, 6.0, 8.0]


def test_those_that_wait_are_done_together() -> None:
    """Many changes within the second are one run at its end."""
    assert runs(5.0, 5.1, 5.2, 5.9, 8.0) == [5.0, 6.0, 8.0]


def test_one_that_comes_during_a_wait_is_not_lost() -> None:
    """What changes after a run began gets a run of its own."""
    assert runs(5.0, 5.5, 6.5, 9.0) == [5.0, 6.0, 7.0, 9.0]
