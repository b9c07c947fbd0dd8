"""Parses the values of options. Invalid ones are collected as problems, so that all are reported at once."""

from __future__ import annotations

from collections.abc import Container

from harness.errors import Problem
from harness.experiment.quantities import seconds
from harness.experiment.rates import parse_rate
from harness.model.rates import Rate


def rate_of(text: str, option: str, problems: list[Problem]) -> Rate:
    """Return ``50``, ``50/s`` or ``600/m`` in requests per second; or a ramp or steps, written as in an Experiment."""
    try:
        return parse_rate(text if "/" in text else f"{text}/s")
    except ValueError as error:
        problems.append(Problem(f"{option} {text!r}: {error}"))
        return 1.0


def duration_of(text: str, option: str, problems: list[Problem]) -> float:
    """Return ``30s``, ``1500ms`` or ``5m`` in seconds; zero is a problem."""
    try:
        found = seconds(text)
    except ValueError as error:
        problems.append(Problem(f"{option} {text!r}: {error}"))
        return 1.0
    if not found:
        problems.append(Problem(f"{option} {text!r}: expected more than 0"))
    return found


def words_of(text: str, option: str, known: Container[str], problems: list[Problem]) -> tuple[str, ...]:
    """Return ``GET,POST`` as words. Unknown or repeated words are problems."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    named = "" if not isinstance(known, dict) or len(known) > 20 else f": expected some of {', '.join(known)}"
    problems += [Problem(f"{option} {word!r} is not known{named}") for word in words if word not in known]
    problems += [Problem(f"{option} names {word} twice") for word in dict.fromkeys(words) if words.count(word) > 1]
    if not words:
        problems.append(Problem(f"{option} {text!r} is empty{named}"))
    return tuple(word for word in words if word in known)
