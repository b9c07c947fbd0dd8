"""Startup, readiness and liveness probes: when they run, and when their answers count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from harness.localkube.kubelet.handlers import HandlerFailedError, Handlers, Target
from harness.localkube.machinery.objects import Object

#: Seconds within which two moments are the same tick.
_SAME_TICK = 0.001


class ProbeKind(StrEnum):
    """The three probes; the value is how events call them."""

    STARTUP = "Startup"
    READINESS = "Readiness"
    LIVENESS = "Liveness"

    @property
    def field(self) -> str:
        """The container's field that describes it."""
        return f"{self.value.lower()}Probe"


@dataclass(slots=True)
class Threshold:
    """Counts equal answers in a row until there are enough of them.

    Attributes:
        success: Successes in a row that make the probe succeed.
        failure: Failures in a row that make it fail.
        state: What the probe says; None until it first said anything.
    """

    success: int
    failure: int
    state: bool | None = None
    _last: bool | None = None
    _run: int = 0

    def count(self, *, ok: bool) -> bool:
        """Take in an answer; True if it changed what the probe says."""
        self._run = self._run + 1 if ok == self._last else 1
        self._last = ok
        if self._run < (self.success if ok else self.failure) or self.state == ok:
            return False
        self.state = ok
        return True


#: Told that the probe now says something else: which probe, and whether it succeeds.
OnChange = Callable[[ProbeKind, bool], None]
#: Told of every answer that was no success: which probe, and why.
OnFailure = Callable[[ProbeKind, str], None]


@dataclass(frozen=True, slots=True)
class Prober:
    """One probe of one container.

    Attributes:
        kind: Which of the three.
        probe: Its spec, with the API server's defaults filled in or not.
        handlers: Performs it.
        on_change: Told when what it says changes.
        on_failure: Told of every failure.
        enabled: Whether it may run now (readiness and liveness wait for the startup probe).
    """

    kind: ProbeKind
    probe: Object
    handlers: Handlers
    on_change: OnChange
    on_failure: OnFailure
    enabled: Callable[[], bool]
    _trigger: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, target: Target, *, started: float, anchor: float) -> None:
        """Probe at each tick and when triggered, until cancelled or until a liveness or startup probe has failed.

        Args:
            target: The container.
            started: When it started, on the loop's clock; ``initialDelaySeconds`` counts from there.
            anchor: When the kubelet began with the pod. The ticks are whole periods after it, as the kubelet's ticker
                starts before the container does, or after the last trigger.
        """
        loop = asyncio.get_running_loop()
        period = max(1, self.probe.get("periodSeconds") or 10)
        threshold = Threshold(self.probe.get("successThreshold") or 1, self.probe.get("failureThreshold") or 3)
        # Nothing is probed while its container is being killed.
        while threshold.state is not False or self.kind is ProbeKind.READINESS:
            if await self._triggered(until_next_tick(loop.time(), anchor, period)):
                anchor = loop.time()
            if loop.time() - started >= (self.probe.get("initialDelaySeconds") or 0) and self.enabled():
                await self._once(target, threshold)

    def trigger(self) -> None:
        """Probe now, or as soon as the present probe has ended, and count the periods from then on."""
        self._trigger.set()

    async def _triggered(self, seconds: float) -> bool:
        """Wait for the next tick; True if a trigger came first."""
        try:
            async with asyncio.timeout(seconds):
                await self._trigger.wait()
        except TimeoutError:
            return False
        self._trigger.clear()
        return True

    async def _once(self, target: Target, threshold: Threshold) -> None:
        seconds = self.probe.get("timeoutSeconds") or 1
        ok = False
        try:
            async with asyncio.timeout(seconds):
                await self.handlers.probe(self.probe, target)
            ok = True
        except TimeoutError:
            self.on_failure(self.kind, f"no answer within {seconds} s (context deadline exceeded)")
        except HandlerFailedError as error:
            self.on_failure(self.kind, str(error))
        if threshold.count(ok=ok):
            self.on_change(self.kind, ok)


def until_next_tick(now: float, anchor: float, period: float) -> float:
    """Seconds until the next whole number of periods after ``anchor``; a tick that is due just now is not the next."""
    left = period - (now - anchor) % period
    # A timer may wake up a little before its time.
    return left if left > _SAME_TICK else left + period
