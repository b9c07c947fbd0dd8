"""How fast traffic is asked for: one rate, or several one after the other.

Kept apart from the schedule that is made of it, since an Experiment, a report and the judge speak of rates too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of time in which the rate changes evenly, or stays.

    Attributes:
        start: Attempts per second at its beginning.
        end: And at its end; the same where the rate stays.
        seconds: How long it takes.
    """

    start: float
    end: float
    seconds: float


#: Attempts per second: for all time, or leg by leg; what the last leg ends with holds from then on.
Rate = float | tuple[Leg, ...]


def lowest_rate(rate: Rate) -> float:
    """Attempts per second where they are fewest."""
    return rate if isinstance(rate, int | float) else min(min(leg.start, leg.end) for leg in rate)


def highest_rate(rate: Rate) -> float:
    """Attempts per second where they are most."""
    return rate if isinstance(rate, int | float) else max(max(leg.start, leg.end) for leg in rate)


def rate_at(rate: Rate, seconds: float) -> float:
    """Attempts per second at a moment, in seconds from the origin."""
    if isinstance(rate, int | float):
        return rate
    for leg in rate:
        if seconds < leg.seconds:
            return leg.start + (leg.end - leg.start) * max(0.0, seconds) / leg.seconds
        seconds -= leg.seconds
    return rate[-1].end


def scaled(rate: Rate, factor: float) -> Rate:
    """The same course at a multiple of the rate."""
    if isinstance(rate, int | float):
        return rate * factor
    return tuple(Leg(leg.start * factor, leg.end * factor, leg.seconds) for leg in rate)


def rate_text(rate: Rate) -> str:
    """``200/s``, ``50/s to 500/s in 30 s``, ``100/s for 10 s, then 300/s``."""
    if isinstance(rate, int | float):
        return f"{rate:g}/s"
    *before, last = rate
    words = [f"{_course(leg)} {'for' if leg.start == leg.end else 'in'} {leg.seconds:g} s" for leg in before]
    end = _course(last) if last.start == last.end else f"{_course(last)} in {last.seconds:g} s"
    return ", then ".join([*words, end])


def _course(leg: Leg) -> str:
    return f"{leg.start:g}/s" if leg.start == leg.end else f"{leg.start:g}/s to {leg.end:g}/s"
