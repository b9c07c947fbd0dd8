"""Stop a container: preStop hook, SIGTERM, SIGKILL, and the share of the grace period for each.

The hook counts against the grace period, in whole seconds. SIGKILL follows at the earliest 2 s after SIGTERM, however
long the hook took. A hook that still runs at the end of the grace period is abandoned.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from typing import Any

from harness.localkube.kubelet.handlers import HandlerFailedError
from harness.localkube.kubelet.runtime import Process, Runtime
from harness.localkube.profiles import Profile

#: The kubelet's ``minimumGracePeriodInSeconds``.
SHORTEST_GRACE = 2


def grace_after_hook(grace: int, hook_seconds: float) -> int:
    """Return the seconds between SIGTERM and SIGKILL after a hook that ran for ``hook_seconds``."""
    return max(SHORTEST_GRACE, grace - math.floor(hook_seconds))


#: Runs a container's preStop hook; raises ``HandlerFailedError``.
Hook = Callable[[], Awaitable[None]]
#: Waits until it is a sidecar's turn to get SIGTERM.
Turn = Callable[[], Awaitable[None]]


class Stopper:
    """Stops containers with the delays of a profile.

    Args:
        runtime: Runtime of the containers.
        profile: Its delays.
        rng: Random generator.
    """

    def __init__(self, runtime: Runtime, profile: Profile, rng: random.Random) -> None:
        self._runtime = runtime
        self._profile = profile
        self._rng = rng
        self._abandoned: set[asyncio.Future[None]] = set()

    async def stop(
        self,
        process: Process,
        grace: int,
        hook: Hook | None,
        on_hook_failure: Callable[[str], None],
        turn: Turn | None = None,
    ) -> int:
        """Stop a container within its grace period; return its exit code once all its processes have ended.

        Args:
            process: Its main process.
            grace: Grace period in seconds, at least 1.
            hook: Its preStop hook, if it has one.
            on_hook_failure: Called with the reason if the hook fails; the container is stopped anyway.
            turn: Waits until it is the container's turn, after its hook. The wait counts against the grace period.
        """
        if hook is None:
            left = max(SHORTEST_GRACE, grace)
            await _first(process, self._profile.stop.sample(self._rng))
        else:
            await _first(process, self._profile.hook.sample(self._rng))
            left = grace_after_hook(grace, await self._run_hook(process, grace, hook, on_hook_failure))
            await _first(process, self._profile.stop_after_hook.sample(self._rng))
        if turn is not None:
            left = grace_after_hook(left, await self._wait_for_turn(process, left, turn))
        self._runtime.terminate(process)
        if not await _first(process, left):
            self._runtime.kill(process)
        return await process.wait()

    async def _wait_for_turn(self, process: Process, grace: int, turn: Turn) -> float:
        """Return the seconds until it was the container's turn, the container ended, or the grace period was over."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        waiting = asyncio.ensure_future(turn())
        either: set[asyncio.Future[Any]] = {waiting, process.exited}
        try:
            await asyncio.wait(either, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        return loop.time() - begin

    async def _run_hook(self, process: Process, grace: int, hook: Hook, on_failure: Callable[[str], None]) -> float:
        """Return the seconds until the hook ended, the container ended, or the grace period was over."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        running = asyncio.ensure_future(hook())
        either: set[asyncio.Future[Any]] = {running, process.exited}
        try:
            await asyncio.wait(either, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            running.cancel()
            raise
        if not running.done():
            # The hook continues until its container is killed; only the wait for it ends.
            self._abandoned.add(running)
            running.add_done_callback(self._forget)
            if not process.exited.done():
                # Report the failure once the container has ended, unless the hook has ended first.
                process.exited.add_done_callback(
                    lambda _: None if running.done() else on_failure("context deadline exceeded")
                )
        elif isinstance(error := running.exception(), HandlerFailedError):
            on_failure(str(error))
        return loop.time() - begin

    def _forget(self, hook: asyncio.Future[None]) -> None:
        self._abandoned.discard(hook)
        if not hook.cancelled():
            hook.exception()


async def _first(process: Process, seconds: float) -> bool:
    """Wait for a time or for the end of the process, whichever is first; return True if the process has ended."""
    if seconds > 0:
        await asyncio.wait({process.exited}, timeout=seconds)
    return not process.alive
