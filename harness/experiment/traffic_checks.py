"""Checks that a traffic plan can show losses: its rate, its times, its connections."""

from __future__ import annotations

import math
from typing import Any

from harness.experiment.problems import Problems
from harness.experiment.schema import LONGEST_INTERVAL, MOST_CONCURRENCY, SHORTEST_PHASE
from harness.model.experiment import MOST_WAITING, TrafficPlan, waiting_connections
from harness.model.rate_curve import NS, UNIT, curve_of
from harness.model.rates import highest_rate, lowest_rate
from harness.model.shapes import SHAPES, ConnectionSource, Shape, ShapeDuration, part_from
from harness.problem_codes import ProblemCode

#: The longest silence of a stream that judging accepts (``LONGEST_SEND_GAP_S``) and the length of a trial, in seconds;
#: and the probability of a longer silence that random arrivals may have in such a trial.
_SILENCE, _TRIAL_SECONDS, _UNLUCKY = 1.0, 120.0, 0.001
#: Standard deviations by which random arrivals may exceed their mean.
_CROWD = 5.0
#: Seconds before the change in which some connections must have waited for long enough.
_WAITING_LEAD = 1.0


def check_lists(plan: TrafficPlan, problems: Problems) -> None:
    """Require each method and each kind of connection once."""
    lists: dict[str, list[Any]] = {
        "methods": [method.name for method in plan.methods],
        "connections": [shape.word for shape in plan.shapes],
    }
    for name, values in lists.items():
        for index, value in enumerate(values):
            if value in values[:index]:
                problems.add(ProblemCode.REPEATED, ("traffic", name, index), f"{value} is here twice")


def check_times(plan: TrafficPlan, problems: Problems) -> None:
    """Require phases that are long enough to show losses of their own, and a timeout."""
    for name, length in (("baseline", plan.baseline), ("settle", plan.settle)):
        if length < SHORTEST_PHASE:
            message = f"{name} is {length:g} s; at least {SHORTEST_PHASE:g}s is needed"
            problems.add(ProblemCode.WRONG_VALUE, ("traffic", name), message)
    if plan.timeout == 0:
        problems.add(ProblemCode.WRONG_VALUE, ("traffic", "timeout"), "expected a timeout above 0")


def check_rate(plan: TrafficPlan, problems: Problems) -> None:
    """Require that each stream gets requests often enough, also at the lowest rate."""
    streams, lowest = len(plan.routes) * len(plan.methods) * len(plan.shapes), lowest_rate(plan.rate)
    least = math.ceil(streams / LONGEST_INTERVAL) if plan.arrivals == "even" else _least_random_rate(streams)
    if lowest >= least or (plan.arrivals == "even" and streams / lowest <= LONGEST_INTERVAL):
        return
    chance = " on average, and sometimes none for a second" if plan.arrivals == "poisson" else ""
    problems.add(
        ProblemCode.RATE_TOO_LOW,
        ("traffic", "rate"),
        f"{lowest:g} per second over {streams} streams (paths x methods x connections) is one request every"
        f" {streams / lowest:.2g} s for each{chance}: what a change loses within a second could go unseen",
        hint=f"write rate: {least}/s or more" if plan.rate == lowest else f"begin and end with {least}/s or more",
    )


def _least_random_rate(streams: int) -> int:
    """Return the lowest rate of random arrivals at which hardly any trial has a stream that is silent for too long.

    Arrivals go to the streams in turn, so a stream is silent while fewer arrivals come than there are streams.
    """
    rate = streams
    while True:
        mean = rate * _SILENCE
        silent = sum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(streams))
        if silent * rate * _TRIAL_SECONDS <= _UNLUCKY:
            return rate
        rate += 1


def check_concurrency(plan: TrafficPlan, problems: Problems) -> None:
    """Require that an outage does not reach the limit of open attempts."""
    highest = highest_rate(plan.rate)
    needed = highest * plan.timeout + highest * _mean_delay(plan)
    if plan.arrivals == "poisson":
        needed = math.ceil(needed + _CROWD * math.sqrt(needed))
    if needed > plan.concurrency:
        problems.add(
            ProblemCode.CONCURRENCY_TOO_LOW,
            ("traffic", "concurrency" if ("traffic", "concurrency") in problems.document.lines else "rate"),
            f"in an outage {needed:,.0f} attempts are open at once (rate x timeout, and more for slow answers and"
            f" random arrivals), more than the concurrency of {plan.concurrency:,}: slots would be missed",
            hint=f"write concurrency: {int(needed) + 1}, or lower the rate or the timeout"
            if needed < MOST_CONCURRENCY
            else f"lower the rate or the timeout: the concurrency can be {MOST_CONCURRENCY:,} at most",
        )


def check_pool(plan: TrafficPlan, problems: Problems) -> None:
    """Require a full pool before the change: a pool that is still filling has no idle connections to lose."""
    part = part_from(plan.shapes, ConnectionSource.POOL)
    if not part:
        return
    needed = curve_of(plan.rate).time_of(round(plan.pool.size / part * UNIT)) / NS
    if needed > plan.baseline:
        problems.add(
            ProblemCode.POOL_NOT_FULL,
            ("traffic", "pool") if ("traffic", "pool") in problems.document.lines else ("traffic",),
            f"a pool of {plan.pool.size} connections takes {needed:.1f} s to fill at {plan.pool.size / needed:.4g}"
            f" reused attempts per second, longer than the baseline of {plan.baseline:g} s",
            hint="lengthen the baseline, raise the rate or make the pool smaller",
        )


def check_waiting(plan: TrafficPlan, problems: Problems) -> None:
    """Require connections that have waited unused for long enough when the change begins, and not too many."""
    for shape in dict.fromkeys(plan.shapes):
        duration = SHAPES[shape].duration
        if duration is not None and SHAPES[shape].waits and plan.seconds_of(shape):
            _check_waiting(plan, shape, duration, problems)


def _check_waiting(plan: TrafficPlan, shape: Shape, duration: ShapeDuration, problems: Problems) -> None:
    seconds, waiting = plan.seconds_of(shape), waiting_connections(plan, shape)
    if plan.baseline < (least := seconds + _WAITING_LEAD):
        problems.add(
            ProblemCode.IDLE_TOO_LONG,
            ("traffic", duration.field),
            f"no connection has {duration.unused} for {seconds:g} s when the change begins after {plan.baseline:g} s",
            hint=f"write baseline: {least:g}s or more",
        )
    if waiting > MOST_WAITING:
        problems.add(
            ProblemCode.TOO_MANY_CONNECTIONS,
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
