"""The rate at which the controller syncs: ingress-nginx's ``--sync-rate-limit``, which decides how late it learns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class TokenBucket:
    """Lets ``burst`` through at once and ``rate`` per second in the long run.

    Args:
        rate: Tokens per second.
        burst: Tokens that a full bucket holds; it is full at the start.
        clock: Seconds that never go back.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._tokens = float(burst)
        self._at = clock()

    async def take(self) -> None:
        """Take a token; waits until there is one. For one taker at a time."""
        self._fill()
        while self._tokens < 1:
            await self._sleep((1 - self._tokens) / self._rate)
            self._fill()
        self._tokens -= 1

    def _fill(self) -> None:
        now = self._clock()
        # A hair more than was earned, so that rounding never asks for one more wait of nothing.
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate + 1e-9)
        self._at = now
