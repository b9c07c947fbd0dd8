"""Limit kube-proxy to one update per ``minSyncPeriod``; the first update after a pause is immediate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class BoundedRunner:
    """Runs a function after each request, never sooner than ``min_interval`` after its last run began.

    It behaves like kube-proxy's ``BoundedFrequencyRunner`` since Kubernetes 1.34. One run covers all requests that
    arrive while it waits.

    Args:
        work: Function to run.
        min_interval: Least seconds from the beginning of one run to the next.
        clock: Returns seconds of a monotonic clock.
        sleep: Waits a number of seconds.
    """

    def __init__(
        self,
        work: Callable[[], None],
        min_interval: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._work = work
        self._min_interval = min_interval
        self._clock = clock
        self._sleep = sleep
        self._wanted = asyncio.Event()

    def request(self) -> None:
        """Request a run as soon as possible."""
        self._wanted.set()

    async def run(self) -> None:
        """Serve requests until cancelled."""
        not_before = self._clock()
        while True:
            await self._wanted.wait()
            await self._sleep(max(0.0, not_before - self._clock()))
            self._wanted.clear()
            not_before = self._clock() + self._min_interval
            self._work()
