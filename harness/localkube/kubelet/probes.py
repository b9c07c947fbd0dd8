"""Run startup, readiness and liveness probes, and count their results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from harness.localkube.kubelet.handlers import HandlerFailedError, HandlerRunner, RunningContainer
from harness.localkube.machinery.objects import Object

#: Two times that differ by at most so many seconds are the same tick.
_SAME_TICK = 0.001


class ProbeKind(StrEnum):
    """The three probes; the value is their name in events."""

    STARTUP = "Startup"
    READINESS = "Readiness"
    LIVENESS = "Liveness"

    @property
    def field(self) -> str:
        """Return the name of the container's field that configures it."""
        return f"{self.value.lower()}Probe"


@dataclass(slots=True)
class ProbeThreshold:
    """Counts equal results in a row until they reach a threshold.

    Attributes:
        success: Successes in a row after which the probe succeeds.
        failure: Failures in a row after which it fails.
        state: True if the probe succeeds, False if it fails; None before the first threshold is reached.
    """

    success: int
    failure: int
    state: bool | None = None
    _last: bool | None = None
    _run: int = 0

    def count(self, *, ok: bool) -> bool:
        """Count a result; return True if it changes ``state``."""
        self._run = self._run + 1 if ok == self._last else 1
        self._last = ok
        if self._run < (self.success if ok else self.failure) or self.state == ok:
            return False
        self.state = ok
        return True


#: Called with the probe's kind and its new state when the state changes.
OnChange = Callable[[ProbeKind, bool], None]
#: Called with the probe's kind and the reason after each failed probe.
OnFailure = Callable[[ProbeKind, str], None]


@dataclass(frozen=True, slots=True)
class Prober:
    """One probe of one container.

    Attributes:
        kind: Kind of the probe.
        probe: Its spec, with or without the API server's defaults.
        handlers: Runs its action.
        on_change: Called when its state changes.
        on_failure: Called after each failure.
        enabled: Returns True if it may run now (readiness and liveness wait for the startup probe).
    """

    kind: ProbeKind
    probe: Object
    handlers: HandlerRunner
    on_change: OnChange
    on_failure: OnFailure
    enabled: Callable[[], bool]
    _trigger: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, target: RunningContainer, *, started: float, anchor: float) -> None:
        """Probe at each tick and when triggered, until cancelled or until a liveness or startup probe has failed.

        Args:
            target: The container.
            started: Start time of the container on the loop's clock; ``initialDelaySeconds`` counts from it.
            anchor: Time at which the kubelet's ticker starts: soon after the kubelet saw the pod, before the container
                starts. Ticks are whole periods after this time, or after the last trigger.
        """
        loop = asyncio.get_running_loop()
        period = max(1, self.probe.get("periodSeconds") or 10)
        threshold = ProbeThreshold(self.probe.get("successThreshold") or 1, self.probe.get("failureThreshold") or 3)
        # A container that is being killed is not probed.
        while threshold.state is not False or self.kind is ProbeKind.READINESS:
            if await self._triggered(until_next_tick(loop.time(), anchor, period)):
                anchor = loop.time()
            if loop.time() - started >= (self.probe.get("initialDelaySeconds") or 0) and self.enabled():
                await self._once(target, threshold)

    def trigger(self) -> None:
        """Probe now, or after the running probe, and count the periods from then on."""
        self._trigger.set()

    async def _triggered(self, seconds: float) -> bool:
        """Wait for the next tick; return True if a trigger comes first."""
        try:
            async with asyncio.timeout(seconds):
                await self._trigger.wait()
        except TimeoutError:
            return False
        self._trigger.clear()
        return True

    async def _once(self, target: RunningContainer, threshold: ProbeThreshold) -> None:
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
    """Return the seconds until the next whole number of periods after ``anchor``.

    A tick that is due right now counts as past.
    """
    left = period - (now - anchor) % period
    # A timer may fire slightly early.
    return left if left > _SAME_TICK else left + period
