"""Times at which kube-proxy programs changes, on a fake clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from harness.localkube.proxy.bounded_runner import BoundedRunner


def runs(*requests: float, min_interval: float = 1.0) -> list[float]:
    """Return the times of the runs for requests at these seconds of the fake clock."""
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


def test_a_change_after_a_pause_is_programmed_at_once() -> None:
    """There is no fixed tick to wait for."""
    assert runs(5.0, 9.0) == [5.0, 9.0]


def test_a_second_change_waits_for_the_period() -> None:
    """It is programmed one second after the first, not one second after itself."""
    assert runs(5.0, 5.3, 8.0) == [5.0, 6.0, 8.0]


def test_waiting_changes_share_one_run() -> None:
    """Many changes within the period are programmed by one run at its end."""
    assert runs(5.0, 5.1, 5.2, 5.9, 8.0) == [5.0, 6.0, 8.0]


def test_a_change_after_a_run_gets_its_own_run() -> None:
    """A change that arrives after a run began is programmed by the next run."""
    assert runs(5.0, 5.5, 6.5, 9.0) == [5.0, 6.0, 7.0, 9.0]
