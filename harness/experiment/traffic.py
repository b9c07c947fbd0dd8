"""The traffic plan: parsed from its settings, with the checks of which settings go together."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from harness.experiment.problems import Problems
from harness.experiment.rates import parse_rate_at
from harness.experiment.routes import route_of
from harness.experiment.schema import TlsPart, TrafficPart, given
from harness.experiment.stages import ParsedTraffic
from harness.experiment.validation import validate
from harness.experiment.workload import ExperimentFiles
from harness.model.attempt import Method
from harness.model.experiment import Pool, Tls, TrafficPlan
from harness.model.shapes import SHAPES, Shape
from harness.problem_codes import ProblemCode

#: The durations that shapes require, by the word of the shape.
_DURATIONS = {shape.word: facts.duration for shape, facts in SHAPES.items() if facts.duration is not None}


def parse_traffic(value: Any, files: ExperimentFiles, problems: Problems) -> ParsedTraffic | None:
    """Return the settings and the plan; None if a setting has an error."""
    part = validate(TrafficPart, value, ("traffic",), problems)
    rate = parse_rate_at(part.rate, ("traffic", "rate"), problems) if part else None
    if part is None or rate is None:
        return None
    plan = TrafficPlan(
        rate=rate,
        routes=tuple(route_of(path) for path in part.paths),
        methods=tuple(Method[name] for name in part.methods),
        shapes=tuple(Shape[name.upper()] for name in part.connections),
        pool=Pool(part.pool.size, part.pool.order, part.pool.look),
        baseline=part.baseline,
        settle=part.settle,
        timeout=part.timeout,
        concurrency=part.concurrency,
        host=part.host,
        tls=_tls(part.tls, files) if part.tls is not None else None,
        arrivals=part.arrivals,
        bodies=part.bodies,
        **given(seed=part.seed, **{each.field: getattr(part, each.field) for each in _DURATIONS.values()}),
    )
    return ParsedTraffic(part, plan)


def check_settings_used(part: TrafficPart, problems: Problems) -> None:
    """Refuse settings of arrivals and connections that the traffic does not have, and require those that it needs."""
    if part.seed is not None and part.arrivals != "poisson":
        message = "arrivals are even: a seed decides nothing"
        problems.add(ProblemCode.UNUSED_SETTING, ("traffic", "seed"), message, "write arrivals: poisson")
    for word, duration in _DURATIONS.items():
        value = getattr(part, duration.field)
        if value is not None and word not in part.connections:
            hint = f"write connections: [{', '.join([*part.connections, word])}]"
            problems.add(ProblemCode.UNUSED_SETTING, ("traffic", duration.field), f"no connection is {word}", hint)
        elif not value and word in part.connections:
            message = f"{word} needs a time: {duration.meaning}"
            problems.add(ProblemCode.REQUIRED, ("traffic", "connections"), message, f"write {duration.field}: 2s")


def check_authorities(plan: TrafficPlan, problems: Problems) -> None:
    """Require that the file of authorities can be read, and that certificates are checked against it."""
    if plan.tls is None or not plan.tls.ca:
        return
    place = ("traffic", "tls", "ca")
    if not plan.tls.verify:
        message = "verify is false: nothing is checked against these authorities"
        problems.add(ProblemCode.UNUSED_SETTING, place, message, "leave one of them out")
    try:
        ssl.create_default_context(cafile=plan.tls.ca)
    except OSError as error:
        is_content = isinstance(error, ssl.SSLError)
        why = "holds no certificate in PEM form" if is_content else f"can't be read: {error.strerror}"
        missing = isinstance(error, FileNotFoundError)
        code = ProblemCode.NO_SUCH_FILE if missing else ProblemCode.UNREADABLE_FILE
        problems.add(code, place, f"{plan.tls.ca} {why}")


def _tls(part: TlsPart, files: ExperimentFiles) -> Tls:
    """Return the settings of TLS; the file of authorities becomes part of the evidence."""
    if not part.ca:
        return Tls(part.verify, "", part.server_name)
    path: Path = files.path(part.ca)
    files.note(path)
    return Tls(part.verify, str(path.resolve()), part.server_name)
