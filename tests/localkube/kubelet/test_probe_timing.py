"""Probes run at ticks and triggers, after the initial delay, and not while a container is being killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from jumping_clock import run_jumping

from harness.localkube.kubelet.handlers import HandlerFailedError, RunningContainer
from harness.localkube.kubelet.probes import ProbeKind, Prober
from harness.localkube.kubelet.runtime import Process


class Answers:
    """A fake handler runner for an application that is healthy at some times."""

    def __init__(self, healthy: Callable[[float], bool]) -> None:
        self.times: list[float] = []
        self._healthy = healthy

    async def probe(self, _probe: Any, _target: Any) -> None:
        """Record the time, and fail while the application is not healthy."""
        now = asyncio.get_running_loop().time()
        self.times.append(round(now, 3))
        if not self._healthy(now):
            raise HandlerFailedError("unhealthy")


def probe_times(
    kind: ProbeKind,
    probe: dict[str, Any],
    *,
    until: float,
    healthy: Callable[[float], bool] = lambda _now: True,
    triggers: tuple[float, ...] = (),
    begin: float = 1.0,
    started: float = 0.65,
    enabled_from: float = 0.0,
) -> tuple[list[float], list[bool]]:
    """Run a prober whose ticks are counted from 0.35.

    Returns:
        The times of its probes, and each change of its state.
    """
    answers = Answers(healthy)
    states: list[bool] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(begin)
        handlers: Any = answers
        prober = Prober(
            kind,
            probe,
            handlers,
            lambda _kind, ok: states.append(ok),
            lambda _kind, _message: None,
            lambda: loop.time() >= enabled_from,
        )
        target = RunningContainer(Process(1), {}, "", {}, shell=False, verified_ports=set())
        for moment in triggers:
            loop.call_at(moment, prober.trigger)
        running = asyncio.create_task(prober.run(target, started=started, anchor=0.35))
        await asyncio.wait({running}, timeout=until - begin)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_jumping(scenario())
    return answers.times, states


@pytest.mark.parametrize("kind", [ProbeKind.LIVENESS, ProbeKind.STARTUP])
def test_liveness_and_startup_wait_for_their_first_tick(kind: ProbeKind) -> None:
    """No probe runs when the container is first reported running, even with a long period."""
    assert probe_times(kind, {"periodSeconds": 1}, until=4)[0] == [1.35, 2.35, 3.35]
    assert probe_times(kind, {}, until=22)[0] == [10.35, 20.35]


def test_an_application_that_opens_after_1_6_seconds_is_not_restarted() -> None:
    """With period 1 and threshold 3 there are one or two failures, as on a real cluster."""
    failing = {"periodSeconds": 1, "failureThreshold": 3}
    times, states = probe_times(ProbeKind.LIVENESS, failing, until=6, healthy=lambda now: now > 0.65 + 1.6)

    assert times[:2] == [1.35, 2.35]
    assert states == [True]


def test_nothing_is_probed_after_liveness_failed() -> None:
    """The container is being killed; its replacement has its own prober."""
    failing = {"periodSeconds": 1, "failureThreshold": 2}
    times, states = probe_times(ProbeKind.LIVENESS, failing, until=30, healthy=lambda _now: False)

    assert times == [1.35, 2.35]
    assert states == [False]


def test_readiness_probes_continue_after_a_failure() -> None:
    """A pod that is not ready may become ready again."""
    times, states = probe_times(
        ProbeKind.READINESS,
        {"periodSeconds": 1, "failureThreshold": 1},
        until=5,
        healthy=lambda now: now > 3,
        triggers=(1.0,),
    )

    assert times == [1.0, 2.0, 3.0, 4.0]
    assert states == [False, True]


def test_periods_are_counted_from_the_last_trigger() -> None:
    """As measured, readiness with period 10 is probed at the first two relists, then 10 s later."""
    times, _ = probe_times(
        ProbeKind.READINESS, {"periodSeconds": 10}, until=24, healthy=lambda _now: False, triggers=(1.0, 2.0)
    )

    assert times == [1.0, 2.0, 12.0, 22.0]


def test_triggers_within_the_initial_delay_only_set_the_periods() -> None:
    """With initialDelaySeconds 3 and period 10, the first probe is 11 s after the container is reported running."""
    probe = {"periodSeconds": 10, "initialDelaySeconds": 3}
    times, _ = probe_times(ProbeKind.READINESS, probe, until=24, triggers=(1.0, 2.0))

    assert times == [12.0, 22.0]


def test_a_disabled_probe_does_not_run() -> None:
    """Readiness and liveness wait for the startup probe; earlier ticks are skipped."""
    times, _ = probe_times(ProbeKind.LIVENESS, {"periodSeconds": 2}, until=8, enabled_from=5)

    assert times == [6.35]
