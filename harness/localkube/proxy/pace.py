"""How often kube-proxy programs: at once where it has rested, and at most once in its ``minSyncPeriod``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class BoundedRunner:
    """Runs a function after each request, never sooner than ``min_interval`` after its last run began.

    That is kube-proxy's ``BoundedFrequencyRunner`` since Kubernetes 1.34. Requests that come while one waits are done
    by the same run.

    Args:
        work: What is run.
        min_interval: Seconds from one run to the next.
        clock: Seconds that only go forward.
        sleep: Waits for so many of them.
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
        """Have it run as soon as may be."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        not_before = self._clock()
        while True:
            await self._wanted.wait()
            await self._sleep(max(0.0, not_before - self._clock()))
            self._wanted.clear()
            not_before = self._clock() + self._min_interval
            self._work()
