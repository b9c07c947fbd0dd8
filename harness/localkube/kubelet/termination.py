"""How a container is stopped: preStop hook, SIGTERM, SIGKILL, and what of the grace period is left for each.

The hook counts against the grace period, in whole seconds. However little is left, SIGKILL comes no sooner than 2 s
after SIGTERM. A hook that is still running at the end of the grace period is abandoned.
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
    """Seconds between SIGTERM and SIGKILL once a hook has run for a while."""
    return max(SHORTEST_GRACE, grace - math.floor(hook_seconds))


#: Runs a container's preStop hook; raises ``HandlerFailedError``.
Hook = Callable[[], Awaitable[None]]


class Stopper:
    """Stops containers with a profile's delays.

    Args:
        runtime: Where they run.
        profile: Whose delays.
        rng: Source of chance.
    """

    def __init__(self, runtime: Runtime, profile: Profile, rng: random.Random) -> None:
        self._runtime = runtime
        self._profile = profile
        self._rng = rng
        self._abandoned: set[asyncio.Future[None]] = set()

    async def stop(
        self, process: Process, grace: int, hook: Hook | None, on_hook_failure: Callable[[str], None]
    ) -> int:
        """Stop a container within its grace period; returns its exit code once everything of it is gone.

        Args:
            process: Its main process.
            grace: Grace period in seconds, from 1 up.
            hook: Its preStop hook, if it has one.
            on_hook_failure: Told why the hook failed; the container is stopped all the same.
        """
        if hook is None:
            left = max(SHORTEST_GRACE, grace)
            await _first(process, self._profile.stop.sample(self._rng))
        else:
            await _first(process, self._profile.hook.sample(self._rng))
            left = grace_after_hook(grace, await self._run_hook(process, grace, hook, on_hook_failure))
            await _first(process, self._profile.stop_after_hook.sample(self._rng))
        self._runtime.terminate(process)
        if not await _first(process, left):
            self._runtime.kill(process)
        return await process.wait()

    async def _run_hook(self, process: Process, grace: int, hook: Hook, on_failure: Callable[[str], None]) -> float:
        """Seconds that the hook was waited for: until it ended, the container did, or the grace period was over."""
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
            # It goes on until its container is killed; only our waiting for it ends.
            self._abandoned.add(running)
            running.add_done_callback(self._forget)
            if not process.exited.done():
                # It is told once the container has ended, unless the hook has ended first.
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
    """Wait for a time, or for the process to end if that comes first; True if it has ended."""
    if seconds > 0:
        await asyncio.wait({process.exited}, timeout=seconds)
    return not process.alive
