"""A rate as people write it: one, a ramp, or steps one after the other; in an Experiment and on the command line."""

from __future__ import annotations

from typing import Any

import yaml

from harness.errors import Problem
from harness.experiment.problems import Problems
from harness.experiment.quantities import per_second
from harness.experiment.schema import MOST_STEPS, HoldPart, RampPart
from harness.experiment.validation import validate
from harness.kit.located_yaml import Place, YamlDocument
from harness.model.pace import SHORTEST_LEG
from harness.model.rates import Leg, Rate

_FORMS = "a rate such as 200/s, a ramp {from: 50/s, to: 500/s, over: 30s}, or a list of steps"


def read_rate(value: Any, place: Place, problems: Problems) -> Rate | None:
    """The rate that is written at a place, or None where it can't be read; what is wrong is noted there."""
    if isinstance(value, dict):
        leg = _ramp(value, place, problems)
        return (leg,) if leg else None
    if isinstance(value, list):
        return _steps(value, place, problems)
    try:
        return per_second(value)
    except ValueError as error:
        problems.add(
            place,
            str(error)
            if isinstance(value, str | int | float) and not isinstance(value, bool)
            else f"expected {_FORMS}, got {value!r}",
        )
        return None


def parse_rate(text: str) -> Rate:
    """A rate from the command line: ``200/s``, or a ramp or steps as an Experiment has them in braces.

    Raises:
        ValueError: It is none of these; the message says everything that is wrong with it.
    """
    if not text.lstrip().startswith(("{", "[")):
        return per_second(text)
    problems = Problems(YamlDocument({}, "", 0, {}))
    try:
        rate = read_rate(yaml.safe_load(text), (), problems)
    except yaml.YAMLError as error:
        raise ValueError(f"expected {_FORMS}, got {text!r}") from error
    if rate is None:
        raise ValueError("; ".join(map(_words, problems.found)))
    return rate


def _words(problem: Problem) -> str:
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message


def _steps(values: list[Any], place: Place, problems: Problems) -> Rate | None:
    if not 1 <= len(values) <= MOST_STEPS:
        problems.add(place, f"expected 1 to {MOST_STEPS} steps, got {len(values)}")
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
        problems.add(place, "this step needs its time (for: 10s): only the last one may go on without an end")
        return None
    return _leg(part.rate, part.rate, 1.0 if part.seconds is None else part.seconds, place, problems)


def _ramp(value: Any, place: Place, problems: Problems) -> Leg | None:
    part = validate(RampPart, value, place, problems)
    return _leg(part.start, part.end, part.seconds, place, problems) if part else None


def _leg(start: float, end: float, seconds: float, place: Place, problems: Problems) -> Leg | None:
    if seconds < SHORTEST_LEG:
        problems.add(place, f"expected at least {SHORTEST_LEG * 1000:g}ms, got {seconds:g} s")
        return None
    return Leg(start, end, seconds)
