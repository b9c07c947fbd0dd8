"""Queue keys for level-triggered work: several changes of one object lead to one run of its handler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Generic, Self, TypeVar

_log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

_FIRST_BACKOFF_SECONDS = 0.005
_LONGEST_BACKOFF_SECONDS = 1.0


class WorkQueue(Generic[K]):
    """A queue that runs ``handler(key)`` for added keys; leaving its context cancels running handlers.

    Different keys run concurrently. One key never runs twice at once: if it is added while it runs, it runs once more
    afterwards. A handler that raises is logged and retried with increasing backoff until it succeeds.

    Args:
        handler: Coroutine function that reconciles one key.
        name: Name in logs and of its tasks.
    """

    def __init__(self, handler: Callable[[K], Awaitable[None]], *, name: str) -> None:
        self._handler = handler
        self._name = name
        self._tasks: dict[K, asyncio.Task[None]] = {}
        self._dirty: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def add(self, key: K) -> None:
        """Schedule a key to be handled now."""
        if self._closed:
            return
        if key in self._tasks:
            self._dirty.add(key)
            return
        self._tasks[key] = asyncio.get_running_loop().create_task(self._run(key), name=f"{self._name} {key}")

    def add_after(self, key: K, seconds: float) -> None:
        """Schedule a key to be handled after a delay; if it is scheduled already, the earlier time applies."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        pending = self._timers.get(key)
        if pending is not None:
            if pending.when() <= when:
                return
            pending.cancel()
        self._timers[key] = loop.call_at(when, self._timer_fired, key)

    def _timer_fired(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    async def _run(self, key: K) -> None:
        try:
            while True:
                self._dirty.discard(key)
                await self._handle(key)
                if key not in self._dirty:
                    return
        finally:
            del self._tasks[key]

    async def _handle(self, key: K) -> None:
        try:
            await self._handler(key)
        except Exception as error:  # noqa: BLE001 - the work must be retried after any error
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            pause = min(_FIRST_BACKOFF_SECONDS * 2.0 ** (failures - 1), _LONGEST_BACKOFF_SECONDS)
            _log.warning("%s: %s failed, retry in %.3f s: %r", self._name, key, pause, error)
            self.add_after(key, pause)
        else:
            self._failures.pop(key, None)
