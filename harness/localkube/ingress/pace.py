"""When the controller syncs: one thing to do, at most one more, at a limited rate; it decides how late nginx learns.

The queue has only "sync" to do. A sync takes a token of the rate limit first and looks at the objects after, so what
happens in between is seen, yet makes a further sync that takes the next token. This is how a pod that is not ready yet
delays the news of the same pod being ready.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol


class Limit(Protocol):
    """Something to wait for before a sync."""

    async def take(self) -> None:
        """Wait for the right to sync once."""


class TokenBucket:
    """ingress-nginx's ``--sync-rate-limit``: lets ``burst`` through at once and ``rate`` per second in the long run.

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


class SyncQueue:
    """Calls ``sync`` once for any number of requests that came before it began.

    Args:
        limit: What each sync waits for first.
        sync: Looks at the objects and does what is to do.
    """

    def __init__(self, limit: Limit, sync: Callable[[], Awaitable[None]]) -> None:
        self._limit = limit
        self._sync = sync
        self._due = asyncio.Event()

    def add(self) -> None:
        """Have a sync made."""
        self._due.set()

    def forget(self) -> None:
        """Drop the sync that is due: what asked for it has been seen."""
        self._due.clear()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self._limit.take()
            await self._sync()
