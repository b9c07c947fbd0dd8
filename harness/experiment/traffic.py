"""The traffic plan, and whether it can do what it is asked to."""

from __future__ import annotations

import ssl
from typing import Any

from harness.experiment.problems import Problems
from harness.experiment.rates import read_rate
from harness.experiment.routes import check_route_fields, read_route
from harness.experiment.schema import TlsPart, TrafficPart
from harness.experiment.traffic_checks import check_plan
from harness.experiment.validation import validate
from harness.experiment.workload import Files
from harness.kit.located_yaml import Place
from harness.model.attempt import Method
from harness.model.experiment import Pool, Tls, TrafficPlan
from harness.model.shapes import SHAPES, Shape

#: The durations that shapes require, by the word of the shape.
_DURATIONS = {shape.word: facts.duration for shape, facts in SHAPES.items() if facts.duration is not None}


def read_traffic(value: Any, files: Files, problems: Problems) -> TrafficPlan | None:
    """The plan, or None where it can't be read."""
    part = validate(TrafficPart, value, ("traffic",), problems)
    rate = read_rate(part.rate, ("traffic", "rate"), problems) if part else None
    if part is None or rate is None:
        return None
    shapes = tuple(Shape[name.upper()] for name in part.connections)
    plan = TrafficPlan(
        rate=rate,
        routes=tuple(read_route(path) for path in part.paths),
        methods=tuple(Method[name] for name in part.methods),
        shapes=shapes,
        pool=Pool(part.pool.size, part.pool.order, part.pool.look),
        baseline=part.baseline,
        settle=part.settle,
        timeout=part.timeout,
        concurrency=part.concurrency,
        host=part.host,
        tls=_tls(part.tls, files, problems) if part.tls is not None else None,
        arrivals=part.arrivals,
        seed=part.seed or 0,
        **{each.field: getattr(part, each.field) or 0.0 for each in _DURATIONS.values()},
    )
    _check_extras(part, problems)
    check_route_fields(plan, problems)
    check_plan(plan, problems)
    return plan


def _check_extras(part: TrafficPart, problems: Problems) -> None:
    """Note fields without the thing that they describe, and shapes without their duration."""
    if part.seed is not None and part.arrivals != "poisson":
        problems.add(("traffic", "seed"), "arrivals are even: a seed decides nothing", hint="write arrivals: poisson")
    for word, duration in _DURATIONS.items():
        value = getattr(part, duration.field)
        if value is not None and word not in part.connections:
            hint = f"write connections: [{', '.join([*part.connections, word])}]"
            problems.add(("traffic", duration.field), f"no connection is {word}", hint=hint)
        elif not value and word in part.connections:
            problems.add(
                ("traffic", "connections"),
                f"{word} needs a time: {duration.meaning}",
                hint=f"write {duration.field}: 2s",
            )


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
