"""Values of options as people write them; each gives a problem, so that all of them are told at once."""

from __future__ import annotations

from collections.abc import Container

from harness.errors import Problem
from harness.experiment.quantities import seconds
from harness.experiment.rates import parse_rate
from harness.model.rates import Rate


def rate_of(text: str, option: str, problems: list[Problem]) -> Rate:
    """``50``, ``50/s`` or ``600/m`` in events per second; or a ramp or steps, as an Experiment has them."""
    try:
        return parse_rate(text if "/" in text else f"{text}/s")
    except ValueError as error:
        problems.append(Problem(f"{option} {text!r}: {error}"))
        return 1.0


def duration_of(text: str, option: str, problems: list[Problem]) -> float:
    """``30s``, ``1500ms``, ``5m`` in seconds; more than nothing."""
    try:
        found = seconds(text)
    except ValueError as error:
        problems.append(Problem(f"{option} {text!r}: {error}"))
        return 1.0
    if not found:
        problems.append(Problem(f"{option} {text!r}: expected more than nothing"))
    return found


def words_of(text: str, option: str, known: Container[str], problems: list[Problem]) -> tuple[str, ...]:
    """``GET,POST`` as words, each of them known and named once."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    named = "" if not isinstance(known, dict) or len(known) > 20 else f": expected some of {', '.join(known)}"
    problems += [Problem(f"{option} {word!r} is not known{named}") for word in words if word not in known]
    problems += [Problem(f"{option} names {word} twice") for word in dict.fromkeys(words) if words.count(word) > 1]
    if not words:
        problems.append(Problem(f"{option} {text!r} names nothing{named}"))
    return tuple(word for word in words if word in known)
