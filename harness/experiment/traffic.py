"""The traffic plan, and whether it can do what it is asked to."""

from __future__ import annotations

import ssl
from typing import Any

from harness.experiment.problems import Problems
from harness.experiment.rates import read_rate
from harness.experiment.routes import check_route_fields, read_route
from harness.experiment.schema import TlsPart, TrafficPart, given
from harness.experiment.traffic_checks import check_plan
from harness.experiment.validation import validate
from harness.experiment.workload import Files
from harness.kit.located_yaml import Place
from harness.model.attempt import Method, Shape
from harness.model.experiment import Pool, Tls, TrafficPlan


def read_traffic(value: Any, files: Files, problems: Problems) -> TrafficPlan | None:
    """The plan, or None where it can't be read."""
    part = validate(TrafficPart, value, ("traffic",), problems)
    rate = read_rate(part.rate, ("traffic", "rate"), problems) if part else None
    if part is None or rate is None:
        return None
    plan = TrafficPlan(
        rate=rate,
        routes=tuple(read_route(path) for path in part.paths),
        methods=tuple(Method[name] for name in part.methods),
        shapes=tuple(Shape[name.upper()] for name in part.connections),
        pool=Pool(part.pool.size, part.pool.order, part.pool.look),
        baseline=part.baseline,
        settle=part.settle,
        timeout=part.timeout,
        concurrency=part.concurrency,
        host=part.host,
        tls=_tls(part.tls, files, problems) if part.tls is not None else None,
        arrivals=part.arrivals,
        **given(seed=part.seed, idle=part.idle, slow=part.slow),
    )
    _check_extras(part, problems)
    check_route_fields(plan, problems)
    check_plan(plan, problems)
    return plan


def _check_extras(part: TrafficPart, problems: Problems) -> None:
    """What is said of something that is not there would be ignored without a word."""
    if part.seed is not None and part.arrivals != "poisson":
        problems.add(("traffic", "seed"), "arrivals are even: a seed decides nothing", hint="write arrivals: poisson")
    for name, value in (("idle", part.idle), ("slow", part.slow)):
        if value is not None and name not in part.connections:
            hint = f"write connections: [{', '.join([*part.connections, name])}]"
            problems.add(("traffic", name), f"no connection is {name}", hint=hint)
        elif not value and name in part.connections:
            what = "how long a connection was not used" if name == "idle" else "the delay that the app is asked for"
            problems.add(("traffic", "connections"), f"{name} needs a time: {what}", hint=f"write {name}: 2s")


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
