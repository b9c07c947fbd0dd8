"""Whether a traffic plan can show what it is asked to: often enough, long enough, with connections to lose."""

from __future__ import annotations

import math
from typing import Any

from harness.experiment.problems import Problems
from harness.experiment.schema import MOST_CONCURRENCY
from harness.model.experiment import MOST_WAITING, TrafficPlan, waiting_connections
from harness.model.pace import NS, UNIT, pace_of
from harness.model.rates import highest_rate, lowest_rate
from harness.model.shapes import SHAPES, ConnectionSource, Shape, ShapeDuration, part_from

#: The least time before and after a change in which losses of its own can be told from others.
SHORTEST_PHASE = 1.0
#: The most seconds between two requests of a stream: with it, the gap of two and some slack stays below the second that
#: judging accepts (``LONGEST_SEND_GAP_S``).
LONGEST_INTERVAL = 0.35
#: The longest silence of a stream that judging accepts (``LONGEST_SEND_GAP_S``), in seconds, and how many longer ones
#: chance may make of random arrivals: one in a thousand trials of two minutes.
_SILENCE, _TRIAL_SECONDS, _UNLUCKY = 1.0, 120.0, 0.001
#: How many standard deviations random arrivals may lie above their mean.
_CROWD = 5.0
#: Before the change begins, some connections must have waited for long enough, for at least so many seconds.
_WAITING_LEAD = 1.0


def check_plan(plan: TrafficPlan, problems: Problems) -> None:
    """Note everything that keeps the plan from showing a loss, or from telling whose it is."""
    _check_lists(plan, problems)
    _check_times(plan, problems)
    _check_rate(plan, problems)
    _check_concurrency(plan, problems)
    _check_pool(plan, problems)
    for shape in dict.fromkeys(plan.shapes):
        duration = SHAPES[shape].duration
        if duration is not None and SHAPES[shape].waits and plan.seconds_of(shape):
            _check_waiting(plan, shape, duration, problems)


def _check_lists(plan: TrafficPlan, problems: Problems) -> None:
    lists: dict[str, list[Any]] = {
        "methods": [method.name for method in plan.methods],
        "connections": [shape.word for shape in plan.shapes],
    }
    for name, values in lists.items():
        for index, value in enumerate(values):
            if value in values[:index]:
                problems.add(("traffic", name, index), f"{value} is here twice")


def _check_times(plan: TrafficPlan, problems: Problems) -> None:
    for name, length in (("baseline", plan.baseline), ("settle", plan.settle)):
        if length < SHORTEST_PHASE:
            problems.add(("traffic", name), f"{name} is {length:g} s; at least {SHORTEST_PHASE:g}s is needed")
    if plan.timeout == 0:
        problems.add(("traffic", "timeout"), "expected a timeout above 0")


def _check_rate(plan: TrafficPlan, problems: Problems) -> None:
    """Each stream is heard of often enough, also where the rate is lowest."""
    streams, lowest = len(plan.routes) * len(plan.methods) * len(plan.shapes), lowest_rate(plan.rate)
    least = math.ceil(streams / LONGEST_INTERVAL) if plan.arrivals == "even" else _least_random_rate(streams)
    if lowest >= least or (plan.arrivals == "even" and streams / lowest <= LONGEST_INTERVAL):
        return
    chance = " on average, and sometimes none for a second" if plan.arrivals == "poisson" else ""
    problems.add(
        ("traffic", "rate"),
        f"{lowest:g} per second over {streams} streams (paths x methods x connections) is one request every"
        f" {streams / lowest:.2g} s for each{chance}: what a change loses within a second could go unseen",
        hint=f"write rate: {least}/s or more" if plan.rate == lowest else f"begin and end with {least}/s or more",
    )


def _least_random_rate(streams: int) -> int:
    """The rate from which on chance leaves hardly any trial with a stream that is silent for too long.

    A stream has every so-manieth arrival, so it is silent for as long as fewer arrivals than there are streams come.
    """
    rate = streams
    while True:
        mean = rate * _SILENCE
        silent = sum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(streams))
        if silent * rate * _TRIAL_SECONDS <= _UNLUCKY:
            return rate
        rate += 1


def _check_concurrency(plan: TrafficPlan, problems: Problems) -> None:
    """An outage must not reach the limit of attempts under way."""
    highest = highest_rate(plan.rate)
    needed = highest * plan.timeout + highest * _mean_delay(plan)
    if plan.arrivals == "poisson":
        needed = math.ceil(needed + _CROWD * math.sqrt(needed))
    if needed > plan.concurrency:
        problems.add(
            ("traffic", "concurrency" if ("traffic", "concurrency") in problems.document.lines else "rate"),
            f"in an outage rate x timeout = {needed:,.0f} attempts are open at once, more than the concurrency of"
            f" {plan.concurrency:,}: slots would be missed",
            hint=f"write concurrency: {int(needed) + 1}, or lower the rate or the timeout"
            if needed < MOST_CONCURRENCY
            else f"lower the rate or the timeout: the concurrency can be {MOST_CONCURRENCY:,} at most",
        )


def _check_pool(plan: TrafficPlan, problems: Problems) -> None:
    """A pool that is still filling when the change begins has no idle connections to lose."""
    part = part_from(plan.shapes, ConnectionSource.POOL)
    if not part:
        return
    needed = pace_of(plan.rate).time_of(round(plan.pool.size / part * UNIT)) / NS
    if needed > plan.baseline:
        problems.add(
            ("traffic", "pool") if ("traffic", "pool") in problems.document.lines else ("traffic",),
            f"a pool of {plan.pool.size} connections takes {needed:.1f} s to fill at {plan.pool.size / needed:.4g}"
            f" reused attempts per second, longer than the baseline of {plan.baseline:g} s",
            hint="lengthen the baseline, raise the rate or make the pool smaller",
        )


def _check_waiting(plan: TrafficPlan, shape: Shape, duration: ShapeDuration, problems: Problems) -> None:
    """Note a shape without a connection that has waited for long enough when the change begins, or with too many."""
    seconds, waiting = plan.seconds_of(shape), waiting_connections(plan, shape)
    if plan.baseline < (least := seconds + _WAITING_LEAD):
        problems.add(
            ("traffic", duration.field),
            f"no connection has {duration.unused} for {seconds:g} s when the change begins after {plan.baseline:g} s",
            hint=f"write baseline: {least:g}s or more",
        )
    if waiting > MOST_WAITING:
        problems.add(
            ("traffic", duration.field),
            f"{waiting:,.0f} connections would be kept {shape.word} for {seconds:g} s each, more than {MOST_WAITING:,}",
            hint="lower the rate or the time",
        )


def shortest_baseline(plan: TrafficPlan) -> float:
    """Return the least seconds of baseline after which the change meets connections of every shape."""
    waits = [plan.seconds_of(shape) + _WAITING_LEAD for shape in plan.shapes if SHAPES[shape].waits]
    return max(waits, default=0.0)


def _mean_delay(plan: TrafficPlan) -> float:
    """Return the delay that attempts ask for, in seconds, on average over all streams."""
    delays = [plan.seconds_of(shape) for shape in plan.shapes if SHAPES[shape].needs_application]
    return sum(delays) / len(plan.shapes)
