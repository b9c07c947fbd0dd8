"""Limit the rate of syncs, which determines how late nginx learns of changes.

At most one sync runs and one waits. A sync first takes a token of the rate limit and then reads the objects. It
therefore sees changes that arrive while it waits for the token, but each of them also queues another sync that takes
the next token. For this reason, the update for a pod that is not ready yet delays the update that reports it ready.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol


class Limit(Protocol):
    """A limit to wait for before a sync."""

    async def take(self) -> None:
        """Wait for the permission to sync once."""


class TokenBucket:
    """ingress-nginx's ``--sync-rate-limit``: ``burst`` syncs at once, ``rate`` per second in the long run.

    Args:
        rate: Tokens per second.
        burst: Capacity of the bucket; it is full at the start.
        clock: Returns seconds of a monotonic clock.
        sleep: Waits a number of seconds.
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
        """Take a token, and wait if there is none. It must not be called concurrently."""
        self._fill()
        while self._tokens < 1:
            await self._sleep((1 - self._tokens) / self._rate)
            self._fill()
        self._tokens -= 1

    def _fill(self) -> None:
        now = self._clock()
        # Add a tiny amount, so that a rounding error never causes another wait of almost no time.
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate + 1e-9)
        self._at = now


class LimitOnceStarted:
    """A limit that does not count syncs while a cluster's applications start.

    Args:
        limit: The limit once the applications have started.
        starting: The file that exists while they start.
    """

    def __init__(self, limit: Limit, starting: Path) -> None:
        self._limit = limit
        self._starting = starting
        self._has_started = False

    async def take(self) -> None:
        """Return at once until the file is first found missing; from then on, wait for the limit."""
        self._has_started = self._has_started or not self._starting.exists()
        if self._has_started:
            await self._limit.take()


class SyncQueue:
    """A queue with at most one pending sync, which covers all requests that came before it begins.

    Args:
        limit: Limit that each sync waits for first.
        sync: Reads the objects and applies them.
    """

    def __init__(self, limit: Limit, sync: Callable[[], Awaitable[None]]) -> None:
        self._limit = limit
        self._sync = sync
        self._due = asyncio.Event()

    def add(self) -> None:
        """Request a sync."""
        self._due.set()

    def forget(self) -> None:
        """Drop the pending sync, because its changes have been applied already."""
        self._due.clear()

    async def run(self) -> None:
        """Run syncs until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self._limit.take()
            await self._sync()
