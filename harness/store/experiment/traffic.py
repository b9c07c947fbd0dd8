"""The traffic plan, and whether it can do what it is asked to."""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Sequence
from typing import Any

from harness.kit.located_yaml import Place
from harness.model.attempt import Method, Shape
from harness.model.experiment import Configuration, Pool, Route, Tls, TrafficPlan
from harness.store.experiment.objects import Objects
from harness.store.experiment.problems import Problems, listed
from harness.store.experiment.schema import PathPart, TlsPart, TrafficPart
from harness.store.experiment.validation import validate
from harness.store.experiment.workload import Files

#: The least time before and after a change in which losses of its own can be told from others.
SHORTEST_PHASE = 1.0
#: The most seconds between two requests of a stream: with it, the gap of two and some slack stays below the second that
#: judging accepts (``LONGEST_SEND_GAP_S``).
LONGEST_INTERVAL = 0.35


def read_traffic(value: Any, files: Files, problems: Problems) -> TrafficPlan | None:
    """The plan, or None where it can't be read."""
    part = validate(TrafficPart, value, ("traffic",), problems)
    if part is None:
        return None
    plan = TrafficPlan(
        rate=part.rate,
        routes=tuple(_route(path) for path in part.paths),
        methods=tuple(Method[name] for name in part.methods),
        shapes=tuple(Shape[name.upper()] for name in part.connections),
        pool=Pool(part.pool.size, part.pool.order, part.pool.look),
        baseline=part.baseline,
        settle=part.settle,
        timeout=part.timeout,
        concurrency=part.concurrency,
        host=part.host,
        tls=_tls(part.tls, files, problems) if part.tls is not None else None,
    )
    _check_lists(plan, problems)
    _check_expectations(plan, problems)
    _check_times(plan, problems)
    _check_pool(plan, problems)
    return plan


def check_routes(plan: TrafficPlan, configurations: Sequence[Configuration], problems: Problems) -> None:
    """Every path must lead somewhere, in every configuration."""
    for configuration in configurations:
        objects = Objects(configuration.manifests)
        for index, route in enumerate(plan.routes):
            service = objects.service_at(route.path, plan.host)
            place = ("traffic", "paths", index)
            host = f" for host {plan.host}" if plan.host else ""
            if service is None:
                problems.add(place, f"no Ingress rule of the workload routes {route.path}{host}")
            elif objects.find("Service", service) is None:
                there = listed(objects.names("Service"))
                problems.add(
                    place, f"{route.path} is routed to Service {service}, which the workload has not; it has {there}"
                )


def _route(part: PathPart) -> Route:
    return Route(part.path, tuple(part.answers), tuple(part.statuses), part.body, part.regex or "")


def _tls(part: TlsPart, files: Files, problems: Problems) -> Tls:
    """What is said of TLS; the file of authorities is part of the evidence, and is tried now."""
    if not part.ca:
        return Tls(part.verify, "", part.server_name)
    path = files.path(part.ca)
    place: Place = ("traffic", "tls", "ca")
    if not part.verify:
        problems.add(
            place, "verify is false: nothing is checked against these authorities", hint="leave one of them out"
        )
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError as error:
        why = (
            "holds no certificate in PEM form"
            if isinstance(error, ssl.SSLError)
            else f"can't be read: {error.strerror}"
        )
        problems.add(place, f"{path} {why}")
    files.note(path)
    return Tls(part.verify, str(path.resolve()), part.server_name)


def _check_expectations(plan: TrafficPlan, problems: Problems) -> None:
    """What is expected of bodies must be possible."""
    for index, route in enumerate(plan.routes):
        place = ("traffic", "paths", index)
        try:
            re.compile(route.regex)
        except re.error as error:
            problems.add((*place, "regex"), f"{route.regex!r} is no regular expression: {error}")
        is_expected = bool(route.answers or route.body is not None or route.regex)
        if is_expected and set(plan.methods) == {Method.HEAD}:
            problems.add(place, "an answer to HEAD has no body, so nothing can be expected of it")


def _check_lists(plan: TrafficPlan, problems: Problems) -> None:
    lists: dict[str, list[Any]] = {
        "paths": [route.path for route in plan.routes],
        "methods": [method.name for method in plan.methods],
        "connections": [shape.name.lower() for shape in plan.shapes],
    }
    for name, values in lists.items():
        for index, value in enumerate(values):
            if value in values[:index]:
                problems.add(("traffic", name, index), f"{value} is here twice")


def _check_times(plan: TrafficPlan, problems: Problems) -> None:
    for name, length in (("baseline", plan.baseline), ("settle", plan.settle)):
        if length < SHORTEST_PHASE:
            problems.add(("traffic", name), f"{name} is {length:g} s; at least {SHORTEST_PHASE:g}s is needed")
    streams = len(plan.routes) * len(plan.methods) * len(plan.shapes)
    if streams / plan.rate > LONGEST_INTERVAL:
        problems.add(
            ("traffic", "rate"),
            f"{plan.rate:g} per second over {streams} streams (paths x methods x connections) is one request every"
            f" {streams / plan.rate:.2g} s for each: what a change loses within a second could go unseen",
            hint=f"write rate: {math.ceil(streams / LONGEST_INTERVAL)}/s or more",
        )
    if plan.timeout == 0:
        problems.add(("traffic", "timeout"), "expected a timeout above 0")
    needed = plan.rate * plan.timeout
    if needed > plan.concurrency:
        problems.add(
            ("traffic", "concurrency" if ("traffic", "concurrency") in problems.document.lines else "rate"),
            f"in an outage rate x timeout = {needed:g} attempts are open at once, more than the concurrency of"
            f" {plan.concurrency}: slots would be missed",
            hint=f"write concurrency: {int(needed) + 1}, or lower the rate or the timeout",
        )


def _check_pool(plan: TrafficPlan, problems: Problems) -> None:
    """A pool that is still filling when the change begins has no idle connections to lose."""
    if Shape.REUSED not in plan.shapes:
        return
    reused = plan.rate * plan.shapes.count(Shape.REUSED) / len(plan.shapes)
    if reused * plan.baseline < plan.pool.size:
        problems.add(
            ("traffic", "pool") if ("traffic", "pool") in problems.document.lines else ("traffic",),
            f"a pool of {plan.pool.size} connections takes {plan.pool.size / reused:.1f} s to fill at {reused:g} reused"
            f" attempts per second, longer than the baseline of {plan.baseline:g} s",
            hint="lengthen the baseline, raise the rate or make the pool smaller",
        )
