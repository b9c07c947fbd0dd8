"""A rate: a constant, a ramp, or a list of steps, in an Experiment and on the command line."""

from __future__ import annotations

from typing import Any

import yaml

from harness.errors import Problem
from harness.experiment.problems import Problems
from harness.experiment.quantities import duration_text, per_second
from harness.experiment.schema import MOST_STEPS, HoldPart, RampPart
from harness.experiment.validation import validate
from harness.kit.located_yaml import Place, YamlDocument
from harness.model.rate_curve import SHORTEST_LEG
from harness.model.rates import Leg, Rate
from harness.problem_codes import ProblemCode

_FORMS = "a rate such as 200/s, a ramp {from: 50/s, to: 500/s, over: 30s}, or a list of steps"


def parse_rate_at(value: Any, place: Place, problems: Problems) -> Rate | None:
    """Return the rate at a place of the file; None if it has an error, which becomes a problem."""
    if isinstance(value, dict):
        leg = _ramp(value, place, problems)
        return (leg,) if leg else None
    if isinstance(value, list):
        return _steps(value, place, problems)
    try:
        return per_second(value)
    except ValueError as error:
        is_constant = isinstance(value, str | int | float) and not isinstance(value, bool)
        message = str(error) if is_constant else f"expected {_FORMS}, got {value!r}"
        problems.add(ProblemCode.WRONG_VALUE if is_constant else ProblemCode.WRONG_TYPE, place, message)
        return None


def parse_rate(text: str) -> Rate:
    """Return a rate from the command line: ``200/s``, or a ramp or steps in the braces of an Experiment.

    Raises:
        ValueError: It is none of these; the message has every error.
    """
    if not text.lstrip().startswith(("{", "[")):
        return per_second(text)
    problems = Problems(YamlDocument({}, "", 0, {}))
    try:
        rate = parse_rate_at(yaml.safe_load(text), (), problems)
    except yaml.YAMLError as error:
        raise ValueError(f"expected {_FORMS}, got {text!r}") from error
    if rate is None:
        raise ValueError("; ".join(map(_with_hint, problems.found)))
    return rate


def _with_hint(problem: Problem) -> str:
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message


def _steps(values: list[Any], place: Place, problems: Problems) -> Rate | None:
    if not 1 <= len(values) <= MOST_STEPS:
        problems.add(ProblemCode.WRONG_VALUE, place, f"expected 1 to {MOST_STEPS} steps, got {len(values)}")
        return None
    last = len(values) - 1
    legs = [_step(value, (*place, index), problems, is_last=index == last) for index, value in enumerate(values)]
    return tuple(leg for leg in legs if leg) if all(legs) else None


def _step(value: Any, place: Place, problems: Problems, *, is_last: bool) -> Leg | None:
    if not isinstance(value, dict) or "rate" not in value:
        return _ramp(value, place, problems)
    part = validate(HoldPart, value, place, problems)
    if part is None:
        return None
    if part.seconds is None and not is_last:
        message = "this step needs its time (for: 10s): only the last one may go on without an end"
        problems.add(ProblemCode.REQUIRED, place, message)
        return None
    return _leg(part.rate, part.rate, 1.0 if part.seconds is None else part.seconds, place, problems)


def _ramp(value: Any, place: Place, problems: Problems) -> Leg | None:
    part = validate(RampPart, value, place, problems)
    return _leg(part.start, part.end, part.seconds, place, problems) if part else None


def _leg(start: float, end: float, seconds: float, place: Place, problems: Problems) -> Leg | None:
    if seconds < SHORTEST_LEG:
        message = f"expected at least {duration_text(SHORTEST_LEG)}, got {seconds:g} s"
        problems.add(ProblemCode.WRONG_VALUE, place, message)
        return None
    return Leg(start, end, seconds)
